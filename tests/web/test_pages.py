"""The page of a failed sign-in, and what a browser's header fields say."""

from __future__ import annotations

import re

import pytest

from traktauth.errors import AppInvalid, AppRejected, StoreFailed, TryLater
from traktauth.protocol import APPS_ARE_DELETED, ONE_COMMUNITY_APP
from traktauth.web.failure import CAUSES, LoginFailed, failure_of
from traktauth.web.pages import (
    failure_page,
    failure_text,
    method_page,
    not_revoked_page,
    refused_page,
    unavailable_page,
)
from traktauth.web.paths import LoginPaths
from traktauth.web.requests import WebRequest
from traktauth.web.state_cookie import surplus_cookies

PATHS = LoginPaths("https://example.com/trakt/callback")


@pytest.mark.parametrize("cause", CAUSES)
def test_each_page_names_cause_and_fix_and_offers_the_sign_in_again(cause):
    page = failure_page(LoginFailed("internal words", cause=cause, next="/a?b=<c>"), PATHS)
    assert page.status == (503 if cause == "busy" else 400)
    assert len(re.findall(r"<p>[^<]{10,}</p>", page.body)) == 2
    assert 'href="https://example.com/trakt/login?next=%2Fa%3Fb%3D%253Cc%253E"' in page.body
    assert "internal words" not in page.body
    assert "<script" not in page.body
    assert re.findall(r"(?:src|href|url\()=?[\"']?(?!https://example\.com)\w+:", page.body) == []
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert (page.headers["Cache-Control"], page.headers["Referrer-Policy"]) == ("no-store", "no-referrer")


@pytest.mark.parametrize(
    ("cause", "hint"), [("app", APPS_ARE_DELETED), ("expired", ONE_COMMUNITY_APP), ("code", ONE_COMMUNITY_APP)]
)
def test_a_page_names_what_trakt_changed_in_2026(cause, hint):
    failed = LoginFailed("", cause=cause)
    assert hint in failure_page(failed, PATHS).body
    assert hint in failure_text(failed)


def test_a_busy_page_says_to_reload_only_if_the_code_was_not_sent():
    unsent = failure_page(LoginFailed("", cause="busy"), PATHS)
    sent = failure_page(LoginFailed("", cause="busy", cookie_name="x"), PATHS)
    assert "reload this page in 30 seconds" in unsent.body
    assert "reload" not in sent.body
    assert "Sign in again in 30 seconds" in sent.body
    assert (unsent.headers["Retry-After"], sent.headers["Retry-After"]) == ("30", "30")


def test_a_library_that_has_used_up_the_state_never_says_to_reload():
    text = failure_text(LoginFailed("", cause="busy"))
    assert "reload" not in text
    assert "Sign in again in 30 seconds" in text


def test_a_failed_sign_in_says_when_to_come_back():
    busy = failure_of(TryLater("x", retry_after=20.7), next_path="/", cookie_name="x")
    assert "in 21 seconds" in failure_page(busy, PATHS).body
    assert "in 21 seconds" in failure_text(busy)
    assert failure_page(busy, PATHS).headers["Retry-After"] == "21"
    assert "Retry-After" not in failure_page(LoginFailed("", cause="denied"), PATHS).headers


def test_the_page_of_an_outage_says_when_to_come_back():
    page = unavailable_page(TryLater("x", retry_after=17.2))
    assert (page.status, page.headers["Retry-After"]) == (503, "17")
    assert "reload this page in 17 seconds" in page.body
    assert "storage" in unavailable_page(StoreFailed("x")).body
    form = unavailable_page(StoreFailed("x"), is_form=True)
    assert "Try again in 30 seconds" in form.body
    assert "Nothing is lost" not in form.body


def test_the_page_of_a_login_that_was_not_revoked_says_what_to_do():
    later = not_revoked_page(TryLater("x", retry_after=20))
    assert (later.status, later.headers["Retry-After"]) == (503, "20")
    assert "reload this page in 20 seconds" in later.body
    refused = not_revoked_page(AppRejected("x"))
    assert (refused.status, "reload" in refused.body, "connected apps" in refused.body) == (502, False, True)


def test_other_pages_have_their_status():
    assert refused_page("x").status == 403
    assert (method_page("GET").status, method_page("GET").headers["Allow"]) == (405, "GET")


def test_the_routes_lie_beside_the_redirect_address():
    assert (PATHS.login, PATHS.callback, PATHS.logout, PATHS.origin) == (
        "/trakt/login", "/trakt/callback", "/trakt/logout", "https://example.com"
    )  # fmt: skip
    assert PATHS.login_for("//evil.example") == "/trakt/login"


@pytest.mark.parametrize("address", ["https://example.com/trakt/back", "urn:ietf:wg:oauth:2.0:oob", "app://x/callback"])
def test_a_redirect_address_elsewhere_is_refused(address):
    with pytest.raises(ValueError, match="callback route"):
        LoginPaths(address)


@pytest.mark.parametrize("address", ["http://example.com/trakt/callback", "http://10.0.0.1:8000/trakt/callback"])
def test_a_redirect_address_with_plain_http_on_another_machine_is_refused(address):
    with pytest.raises(ValueError, match="only on loopback"):
        LoginPaths(address)


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:80"])
def test_a_redirect_address_with_plain_http_on_loopback_is_accepted(host):
    assert LoginPaths(f"http://{host}/trakt/callback").login == "/trakt/login"


def test_the_callback_route_must_match_the_redirect_address():
    behind_a_prefix = LoginPaths("https://example.com/site/trakt/callback")
    for route in ("/trakt/callback", "/site/trakt/callback", "/callback"):
        behind_a_prefix.check_route(route)
    with pytest.raises(AppInvalid, match="leads to /trakt/callback, but the callback route is at /auth/callback") as no:
        PATHS.check_route("/auth/callback")
    assert "https://example.com/auth/callback" in no.value.hint


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({}, False),
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://example.com"}, True),
        ({"Origin": "https://example.com"}, False),
        ({"Origin": "https://evil.example"}, True),
        ({"Origin": "http://example.com"}, True),
        ({"Origin": "null"}, True),
    ],
)
def test_a_form_of_another_site_is_distinguished_from_ones_own(headers, foreign):
    request = WebRequest("POST", "/", headers.get, origin="https://example.com")
    assert request.is_cross_site_form() is foreign


@pytest.mark.parametrize(
    ("method", "headers", "wanted"),
    [
        ("GET", {"Accept": "text/html,*/*"}, True),
        ("GET", {"Accept": "*/*"}, False),
        ("GET", {"Accept": "text/html", "Sec-Fetch-Mode": "cors"}, False),
        ("GET", {"Accept": "*/*", "Sec-Fetch-Mode": "navigate"}, True),
        ("POST", {"Accept": "text/html"}, False),
        ("GET", {}, False),
    ],
)
def test_a_page_is_for_a_browser_that_navigates(method, headers, wanted):
    assert WebRequest(method, "/", headers.get).wants_page is wanted


def test_cookies_of_abandoned_sign_ins_do_not_pile_up():
    names = [f"__Host-traktauth-{number:012}" for number in range(6)]
    cookies = {"session": "1"} | dict.fromkeys(names, "x")
    assert surplus_cookies(cookies) == names[:2]
    assert surplus_cookies({"session": "1"}) == []


def test_a_neighbours_many_cookies_make_no_header_that_a_proxy_refuses():
    """A page of a sibling host can set them for the whole domain, and no response can delete those."""
    many = {f"traktauth-{number:012}": "x" for number in range(100)}
    assert len(surplus_cookies(many)) == 10
