"""What comes back from the sign-in page: whose answer it is, and who gave it."""

from __future__ import annotations

import pytest

from traktauth.errors import LoginRefused
from traktauth.models import find_service
from traktauth.wire.authorization import AuthorizationResponse, check_issuer, parse_authorization_response

CALLBACK = "http://127.0.0.1:9876/callback"


def read(query, state="ours"):
    return parse_authorization_response(f"{CALLBACK}?{query}", state=state)


@pytest.mark.parametrize(
    ("address", "state", "issuer"),
    [
        (f"{CALLBACK}?code=abc&state=ours", "ours", None),
        (f"{CALLBACK}?code=abc&state=ours&iss=https%3A%2F%2Fauth.trakt.tv", "ours", "https://auth.trakt.tv"),
        ("/callback?code=abc&state=ours", "ours", None),
        ("?code=abc&state=ours", "ours", None),
        ("code=abc&state=ours", "ours", None),
        ("urn:ietf:wg:oauth:2.0:oob?code=abc&state=ours", "ours", None),
        (f"{CALLBACK}?code=abc&state=a+b%2Fc", "a b/c", None),
        (f"{CALLBACK}?code=abc", None, None),
        (f"{CALLBACK}?x=1&x=2&code=abc&state=ours", "ours", None),
    ],
)
def test_a_code_with_the_state_is_the_response(address, state, issuer):
    assert parse_authorization_response(address, state=state) == AuthorizationResponse("abc", issuer)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("code=abc&state=theirs", id="wrong state"),
        pytest.param("code=abc&state=ourS", id="state in another case"),
        pytest.param("code=abc&state=", id="empty state"),
        pytest.param("code=abc", id="no state"),
        pytest.param("error=access_denied", id="an error without our state"),
        pytest.param("error=access_denied&state=theirs", id="an error with another state"),
        pytest.param("code=abc&code=def&state=ours", id="two codes"),
        pytest.param("code=abc&state=ours&state=theirs", id="two states"),
        pytest.param("code=abc&state=theirs&state=ours", id="two states, ours last"),
        pytest.param("code=abc&state=ours&iss=a&iss=b", id="two issuers"),
        pytest.param("error=a&error=b&state=ours", id="two errors"),
        pytest.param("state=ours", id="neither code nor error"),
        pytest.param("code=&state=ours", id="empty code"),
        pytest.param("code=a%0Ab&state=ours", id="line end in the code"),
        pytest.param("code=a+b&state=ours", id="blank in the code"),
        pytest.param("code=%C3%A9&state=ours", id="code that is not ASCII"),
        pytest.param("", id="nothing"),
        pytest.param("state=ours&code=" + "a" * 10_000_000, id="10 MB"),
    ],
)
def test_a_response_to_another_request_does_not_end_the_wait(query):
    assert read(query) is None


@pytest.mark.parametrize("address", ["http://[::1/?code=a&state=ours", "", "\x00", "http://"])
def test_a_malformed_address_does_not_end_the_wait(address):
    assert parse_authorization_response(address, state="ours") is None


def test_a_denial_ends_the_sign_in_and_says_so():
    denied = read("error=access_denied&error_description=The+resource+owner+denied&state=ours")
    assert isinstance(denied, LoginRefused)
    assert (denied.error, denied.message) == ("access_denied", "The sign-in was denied on Trakt's page")
    assert denied.hint == "Offer the sign-in again: login()"


def test_an_error_wins_over_a_code():
    assert isinstance(read("code=abc&error=access_denied&state=ours"), LoginRefused)


@pytest.mark.parametrize("error", ["invalid_request", "login_required", "invalid_scope", "server_error"])
def test_any_other_error_ends_the_sign_in_under_its_own_name(error):
    ended = read(f"error={error}&error_description=whatever&state=ours")
    assert isinstance(ended, LoginRefused)
    assert ended.error == error
    assert error in ended.message


def test_an_error_is_sanitised_before_it_is_shown():
    ended = read("error=%1b%5B31m%0ahello%20" + "x" * 5000 + "&state=ours")
    assert isinstance(ended, LoginRefused)
    assert ended.error == "unnamed_error"
    assert ended.message == "Trakt's page ended the sign-in: unnamed_error"


def test_neither_code_nor_description_shows():
    answer = read("code=the-secret-code&state=ours")
    assert "the-secret-code" not in repr(answer)
    ended = read("error=access_denied&error_description=the-secret&code=the-secret&state=ours")
    assert "the-secret" not in repr(ended) + str(ended) + ended.hint


LOCAL = find_service("http://127.0.0.1:8712/")
REALMS = ["trakt", "auth.trakt.tv", "staging"]


@pytest.mark.parametrize("name", REALMS)
@pytest.mark.parametrize(
    "iss", [None, "https://trakt.tv", "https://auth.trakt.tv", "https://auth.trakt.tv/", "https://a.b.trakt.tv/x"]
)
def test_trakts_issuer_is_any_https_host_of_its_domain_or_none(name, iss):
    check_issuer(iss, service=find_service(name))


@pytest.mark.parametrize("name", REALMS)
@pytest.mark.parametrize(
    "iss",
    [
        "",
        "trakt.tv",
        "http://trakt.tv",
        "https://eviltrakt.tv",
        "https://trakt.tv.evil.example",
        "https://evil.example/.trakt.tv",
        "https://evil.example?.trakt.tv",
        "https://trakt.tv@evil.example",
        "https://",
        "https://[::1",
        "https://[trakt.tv]",
    ],
)
def test_a_foreign_issuer_ends_the_sign_in(name, iss):
    with pytest.raises(LoginRefused, match="its code was not used") as caught:
        check_issuer(iss, service=find_service(name))
    assert caught.value.error == "iss"


@pytest.mark.parametrize("iss", [None, "http://127.0.0.1:8712", "http://127.0.0.1:8712/"])
def test_a_base_addresss_issuer_is_its_origin(iss):
    check_issuer(iss, service=LOCAL)


@pytest.mark.parametrize("iss", ["http://127.0.0.1:8713", "https://127.0.0.1:8712", "http://localhost:8712", ""])
def test_another_issuer_than_a_base_addresss_origin_is_refused(iss):
    with pytest.raises(LoginRefused):
        check_issuer(iss, service=LOCAL)


def test_a_base_addresss_issuer_may_be_the_one_of_its_metadata():
    check_issuer("https://id.example", service=LOCAL, issuer="https://id.example")
    with pytest.raises(LoginRefused):
        check_issuer("https://other.example", service=LOCAL, issuer="https://id.example")


def test_an_absent_issuer_is_refused_if_the_service_promises_one():
    with pytest.raises(LoginRefused, match="names no issuer") as caught:
        check_issuer(None, service=LOCAL, required=True)
    assert caught.value.error == "iss"
    check_issuer("http://127.0.0.1:8712", service=LOCAL, required=True)
