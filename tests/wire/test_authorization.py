"""Trakt: *Authorize Application*, pinned to the commissioned document."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from traktauth.models import find_service
from traktauth.protocol import OUT_OF_BAND
from traktauth.wire.authorization import authorization_url, s256_challenge

TRAKT = find_service("trakt")
REDIRECT = "http://127.0.0.1:9876/callback"


def page(service=TRAKT, **options):
    return urlsplit(authorization_url(service, client_id="the-app", **{"redirect_uri": REDIRECT, **options}))


def parameters(**options):
    return parse_qsl(page(**options).query, keep_blank_values=True, strict_parsing=True)


@pytest.mark.parametrize(
    ("service", "website"),
    [
        ("trakt", "https://trakt.tv"),
        ("auth.trakt.tv", "https://auth.trakt.tv"),
        ("staging", "https://staging.trakt.tv"),
        ("http://127.0.0.1:8712", "http://127.0.0.1:8712"),
        ("https://trakt.example/base/", "https://trakt.example/base"),
    ],
)
def test_the_page_is_on_the_websites_host_and_never_on_the_apis(service, website):
    address = authorization_url(find_service(service), client_id="the-app", redirect_uri=REDIRECT)
    assert address.startswith(f"{website}/oauth/authorize?")
    assert "api" not in urlsplit(address).netloc


def test_the_three_required_parameters_are_all_that_is_sent_by_default():
    assert parameters() == [("response_type", "code"), ("client_id", "the-app"), ("redirect_uri", REDIRECT)]


def test_every_optional_parameter_is_sent_under_the_documents_name():
    options = parameters(state="s t/&=?", signup=True, prompt="login", code_challenge="abc")
    assert options[3:] == [
        ("state", "s t/&=?"),
        ("signup", "true"),
        ("prompt", "login"),
        ("code_challenge", "abc"),
        ("code_challenge_method", "S256"),
    ]


@pytest.mark.parametrize(
    ("options", "name", "sent"),
    [
        ({"code_challenge_method": "S256"}, "code_challenge_method", None),
        ({"code_challenge": "v", "code_challenge_method": "plain"}, "code_challenge_method", "plain"),
        ({"signup": False}, "signup", "false"),
        ({"redirect_uri": OUT_OF_BAND}, "redirect_uri", "urn:ietf:wg:oauth:2.0:oob"),
    ],
)
def test_a_parameter_is_sent_as_it_is_or_left_out(options, name, sent):
    assert dict(parameters(**options)).get(name) == sent


@pytest.mark.parametrize("response_type", ["token", "", "CODE", "code token"])
def test_any_other_response_type_than_code_is_refused_before_anything_is_sent(response_type):
    with pytest.raises(ValueError, match="response_type must be 'code'"):
        page(response_type=response_type)


def test_the_challenge_is_the_one_of_rfc_7636_appendix_b():
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert s256_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
