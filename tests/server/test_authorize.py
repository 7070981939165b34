"""Authorization requests: where a browser ends."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from server.conftest import CALLBACK

ASKED = {"response_type": "code", "client_id": "first-app", "redirect_uri": CALLBACK, "state": "xyz"}
S256 = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
NATIVE = "/api/auth/oauth2/authorize"

WRONG = {
    "an unknown app": {"client_id": "unknown"},
    "an unregistered address": {"redirect_uri": "https://evil.example/cb"},
    "no address": {"redirect_uri": ""},
    "no response type": {"response_type": ""},
    "another response type": {"response_type": "token"},
}


def address(path="/oauth/authorize", /, **changes):
    asked = {name: value for name, value in {**ASKED, **changes}.items() if value}
    return f"{path}?{urlencode(asked)}"


@pytest.mark.parametrize("name", WRONG)
def test_an_invalid_request_is_reported_on_a_page_and_never_redirected(either, browser, name):
    page = browser(either).go(address(**WRONG[name]))
    assert page.status == 400
    assert "location" not in page.headers
    assert "sign-in cannot continue" in page.text


@pytest.mark.parametrize("name", WRONG)
def test_a_denial_of_an_invalid_request_is_never_redirected(either, name):
    changed = {name: value for name, value in {**ASKED, **WRONG[name]}.items() if value}
    end = either.control("authorize", username="sean", decision="deny", via="shim", **changed)
    if name == "no response type" and either.server.settings.profile == "current":
        assert end["location"].startswith(CALLBACK)  # it is left out, and completed
    else:
        assert end["location"] is None


@pytest.mark.parametrize("half", [{"code_challenge_method": "plain"}, {"code_challenge": "", "scope": ""}])
def test_trakts_page_completes_what_is_asked_before_it_is_read(current, browser, half):
    visitor = browser(current)
    visitor.sign_in()
    assert visitor.go(f"/oauth/authorize?{urlencode({**ASKED, **half})}").headers["location"].startswith("/consent?")
    end = current.control("authorize", username="sean", **ASKED, **half)
    assert end["code"]


def test_a_registered_query_is_kept(either):
    end = either.control("authorize", username="sean", **{**ASKED, "redirect_uri": "https://app.example/back?kept=1"})
    assert end["location"].startswith("https://app.example/back?kept=1&code=")


@pytest.mark.parametrize("redirect", ["https://*/", "https://%41.test/", "https://stra\u00dfe.test/"])
def test_the_native_endpoint_takes_a_host_that_cannot_be_for_one_that_is_not_the_apps(current, redirect):
    reply = current.get(address(NATIVE, redirect_uri=redirect, **S256))
    assert "error=invalid_redirect&" in reply.location


def test_a_consent_once_granted_is_not_asked_for_again(either, browser):
    either.code()
    visitor = browser(either)
    visitor.sign_in()
    assert visitor.walk(address()).location.startswith(f"{CALLBACK}?code=")
    either.control("revoke-consent", client_id="first-app")
    assert "would like to use your account" in visitor.walk(address()).text


@pytest.mark.parametrize("hidden", ["\r\nset-cookie: a=b\r\n", "\n", "\t", " ", "\x00"])
def test_an_address_with_a_line_end_adds_no_header(either, browser, hidden):
    asked = f"http://127.0.0.1:98{hidden}76/callback"
    visitor = browser(either)
    visitor.sign_in()
    either.code()
    reply = visitor.go(address(redirect_uri=asked))
    assert (reply.status, "location" in reply.headers, "a" in visitor.cookies) == (400, False, False)
    end = either.control("authorize", username="sean", **{**ASKED, "redirect_uri": asked})
    assert end["location"] is None
