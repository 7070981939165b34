"""From a service's name to its addresses and its realm."""

from __future__ import annotations

import pytest

from traktauth.models import find_service


@pytest.mark.parametrize(
    ("name", "realm", "website", "token", "api"),
    [
        ("trakt", "trakt", "https://trakt.tv", "https://api.trakt.tv", "https://api.trakt.tv"),
        ("auth.trakt.tv", "trakt", "https://auth.trakt.tv", "https://auth.trakt.tv", "https://api.trakt.tv"),
        (
            "staging",
            "staging",
            "https://staging.trakt.tv",
            "https://api-staging.trakt.tv",
            "https://api-staging.trakt.tv",
        ),
    ],
)
def test_a_named_service_is_a_set_of_hosts_in_a_realm(name, realm, website, token, api):
    service = find_service(name)
    assert (service.name, service.realm) == (name, realm)
    assert (service.website, service.token, service.api) == (website, token, api)
    assert service.issuer is None
    assert service.issuer_domain == "trakt.tv"


def test_both_names_of_trakt_share_one_realm_and_staging_has_its_own():
    assert find_service("trakt").realm == find_service("auth.trakt.tv").realm != find_service("staging").realm


@pytest.mark.parametrize(
    ("address", "base", "origin"),
    [
        ("http://127.0.0.1:8712", "http://127.0.0.1:8712", "http://127.0.0.1:8712"),
        ("http://127.0.0.1:8712/", "http://127.0.0.1:8712", "http://127.0.0.1:8712"),
        ("http://localhost:80/", "http://localhost:80", "http://localhost"),
        ("http://[::1]:8712", "http://[::1]:8712", "http://[::1]:8712"),
        ("https://trakt.example:443", "https://trakt.example:443", "https://trakt.example"),
        ("https://Trakt.Example/base/", "https://Trakt.Example/base", "https://trakt.example"),
        ("https://trakt.example:8443/x", "https://trakt.example:8443/x", "https://trakt.example:8443"),
    ],
)
def test_a_base_address_serves_everything_and_its_origin_is_realm_and_issuer(address, base, origin):
    service = find_service(address)
    assert (service.website, service.token, service.api) == (base, base, base)
    assert (service.realm, service.issuer) == (origin, origin)
    assert service.name == address


@pytest.mark.parametrize(
    "host", ["trakt.example", "192.168.1.2:8712", "127.0.0.1.example", "localhost.example", "[::2]"]
)
def test_plain_http_is_refused_on_any_other_machine(host):
    with pytest.raises(ValueError, match="insecure=True") as caught:
        find_service(f"http://{host}")
    assert "TRAKTAUTH_INSECURE" in str(caught.value)
    assert "https://" in str(caught.value)


def test_plain_http_is_allowed_with_insecure():
    assert find_service("http://192.168.1.2:8712", insecure=True).token == "http://192.168.1.2:8712"


@pytest.mark.parametrize("name", ["", "Trakt", "trakt.tv", "api.trakt.tv", "127.0.0.1:8712", "localhost"])
def test_an_unknown_name_lists_the_known_ones(name):
    with pytest.raises(ValueError, match=r"trakt, auth\.trakt\.tv, staging"):
        find_service(name)


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("ftp://trakt.example", "must begin with https://"),
        ("://trakt.example", "must begin with https://"),
        ("https://", "name a host"),
        ("https://:8712", "name a host"),
        ("https://trakt.example?x=1", "plain address"),
        ("https://trakt.example#x", "plain address"),
        ("https://user:the-password@trakt.example", "plain address"),
        ("https://trakt.example/a b", "plain address"),
        ("https://trakt.example\n", "plain address"),
        ("https://[::1", "not an address"),
        ("https://trakt.example:port", "not an address"),
        ("https://trakt.example:99999", "not an address"),
    ],
)
def test_a_malformed_base_address_is_refused_and_not_shown(address, problem):
    with pytest.raises(ValueError, match=problem) as caught:
        find_service(address, insecure=True)
    assert "the-password" not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["[::1]evil.example", "[::1].evil.example", "[::1]\\evil", "127.0.0.1\\evil.example", "a[::1]"]
)
def test_a_host_that_only_begins_like_loopback_is_refused_on_every_python(host):
    with pytest.raises(ValueError, match=r"not an address|no address has"):
        find_service(f"http://{host}")


@pytest.mark.parametrize(
    "address", ['https://a.example/"', "https://a.example/`id`", "https://$(id).example", "https://a%20b"]
)
def test_a_base_address_has_no_characters_that_a_shell_would_read(address):
    with pytest.raises(ValueError, match="no address"):
        find_service(address)
