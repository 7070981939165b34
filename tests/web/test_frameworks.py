"""What Starlette, Flask and Django have in common, in one application on each."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from support.django_project import databases
from support.web_users import end_login, visit
from traktauth.errors import LoginRequired
from traktauth.protocol import APPS_ARE_DELETED
from web.frameworks import SITES

PAGE = {"Accept": "text/html"}


class Browser:
    """A user's browser."""

    def __init__(self, site):
        self.site, self.send = site, site.browser()

    def get(self, path, headers=None):
        return self.send("GET", path, headers or {})

    def post(self, path, headers=None):
        return self.send("POST", path, headers or {})

    def begin(self, path="/trakt/login?next=/name"):
        """Begin a sign-in; return Trakt's page."""
        begun = self.get(path)
        assert begun.status == 303
        return begun.location

    def sign_in(self, path="/trakt/login?next=/name", **user):
        return self.get(visit(self.site.server, self.begin(path), **user))

    @property
    def session(self):
        return self.get("/session").json()

    @property
    def account(self):
        return self.account_in("trakt_account")

    def account_in(self, entry):
        [account] = self.session[entry].values()
        return account

    @property
    def user(self):
        return self.get("/name").text


@pytest.fixture(scope="module", autouse=True)
def _databases():
    with databases():
        yield


@pytest.fixture(params=SITES)
def site(request, server):
    with ExitStack() as until_the_end:
        yield SITES[request.param](server, until_the_end)


@pytest.fixture
def browser(site):
    return Browser(site)


def test_a_user_signs_in_and_ends_where_they_wanted_to_go(browser):
    landed = browser.sign_in()
    assert (landed.status, landed.location) == (303, "/name")
    assert browser.user == "sean"
    assert list(browser.session) == ["trakt_account"]
    assert browser.sign_in("/trakt/login").location == "/home"
    assert browser.sign_in("/trakt/login?next=//evil.example").location == "/"


@pytest.mark.parametrize("name", ["traktauth-(", "__Host-traktauth-[x"])
def test_a_cookie_with_an_odd_name_of_a_sibling_host_prevents_no_sign_in(browser, name):
    odd = "; ".join(f"{name}{number}={'y' * 500}" for number in range(6))
    assert browser.get("/trakt/login", {"Cookie": odd}).status == 303
    callback = f"/trakt/callback?code=a&state={'(' * 16}"
    assert browser.get(callback, {"Cookie": f"traktauth-{'(' * 12}=x"}).status == 400


def test_who_is_not_signed_in_is_sent_to_the_sign_in_or_gets_401(browser):
    page = browser.get("/name?a=b", PAGE)
    assert (page.status, page.location) == (303, "/trakt/login?next=%2Fname%3Fa%3Db")
    odd = browser.get("/of/what%3F%23%25", PAGE)  # else another page would be shown at the end
    assert odd.location == "/trakt/login?next=%2Fof%2Fwhat%253F%2523%2525"
    assert browser.get("/name", {"Accept": "*/*"}).status == 401
    assert browser.post("/write").json() == {"detail": "No user is signed in with Trakt"}
    form = browser.post("/write", PAGE)
    assert (form.status, form.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert 'href="https://testserver/trakt/login"' in form.text


def test_a_failed_sign_in_shows_its_page(server, site, browser):
    landed = visit(server, browser.begin())
    other = Browser(site).get(landed)
    assert other.status == 400
    assert "did not begin this sign-in" in other.text
    assert other.headers["content-security-policy"].startswith("default-src 'none'")
    assert browser.send("HEAD", landed, {}).status == 405, "it spends nothing"
    denied = browser.sign_in(decision="deny")
    assert "Not signed in" in denied.text
    assert 'href="https://testserver/trakt/login?next=%2Fname"' in denied.text
    server.fail_next("/users/settings", status=403, body="Forbidden")
    unknown_app = browser.sign_in()
    assert (unknown_app.status, APPS_ARE_DELETED in unknown_app.text) == (400, True)
    assert browser.session == {}


def test_a_user_who_is_signed_in_and_opens_a_callback_again_is_sent_on(server, browser):
    landed = visit(server, browser.begin())
    assert browser.get(landed).location == "/name"
    for path in (landed, "/trakt/callback"):  # a reload, and without a response from Trakt
        again = browser.get(path)
        assert (again.status, again.location) == (303, "/home")
    denied = browser.sign_in(decision="deny")
    assert (denied.status, "Not signed in" in denied.text) == (400, False)
    assert "You are still signed in" in denied.text
    assert 'href="https://testserver/home"' in denied.text
    assert browser.user == "sean"


def test_another_sites_page_cannot_sign_a_user_in_without_asking(server, browser):
    asked = browser.get("/trakt/login?next=/name", {"Sec-Fetch-Site": "cross-site"})
    assert (asked.status, '<form method="post">' in asked.text) == (200, True)
    assert "set-cookie" not in asked.headers
    refused = browser.post("/trakt/login?next=/name", {"Sec-Fetch-Site": "cross-site"})
    assert (refused.status, "set-cookie" in refused.headers) == (403, False)
    begun = browser.post("/trakt/login?next=/name", {"Sec-Fetch-Site": "same-origin"})
    assert browser.get(visit(server, begun.location)).location == "/name"


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}]
)
def test_another_site_signs_no_user_out(browser, headers):
    browser.sign_in()
    assert browser.post("/trakt/logout", headers).status == 403
    assert browser.user == "sean"
    assert browser.get("/trakt/logout").status == 405


def test_a_user_signs_out_and_the_login_stays(site, browser):
    browser.sign_in()
    account = browser.account
    done = browser.post("/trakt/logout", {"Origin": "https://testserver"})
    assert (done.status, done.location) == (303, "/home")
    assert (list(browser.session), browser.account_in("trakt_last_account")) == (["trakt_last_account"], account)
    assert site.state(account) == "valid"


def test_a_sign_out_that_revokes_ends_the_login_at_trakt(server, site, browser):
    site.revoke_at_sign_out()
    browser.sign_in()
    account = browser.account
    server.fail_next("/oauth/revoke", status=429)
    away = browser.post("/trakt/logout")
    assert (away.status, int(away.headers["retry-after"]) > 0) == (503, True)
    assert "You are signed out of this application" in away.text
    assert browser.get("/name").status == 401
    assert site.state(account) == "valid"
    assert browser.post("/trakt/logout").status == 303  # the page is reloaded
    assert (list(browser.session), browser.account_in("trakt_last_account")) == (["trakt_last_account"], account)
    assert site.state(account) == "signed-out"
    assert browser.post("/trakt/logout").status == 303


@pytest.mark.parametrize("between", ["nothing", "a sign-out", "a revocation"])
def test_another_user_inherits_nothing_of_the_session(server, site, browser, between):
    browser.sign_in()
    browser.post("/basket")
    browser.sign_in()
    assert browser.session["basket"] == 3, "the same user keeps it"
    if between == "a sign-out":
        browser.post("/trakt/logout")
    elif between == "a revocation":
        end_login(server, site.token(browser.account))
        browser.get("/name")
    assert "basket" in browser.session
    server.sign_in("lola")
    browser.sign_in(username="lola")
    assert list(browser.session) == ["trakt_account"]
    assert browser.user == "lola"


def test_an_expired_token_is_refreshed_and_the_user_notices_nothing(server, browser):
    browser.sign_in()
    server.advance(days=8)
    assert [browser.user for _ in range(3)] == ["sean"] * 3
    assert server.ledger["rotations"] == 1


def test_a_user_whose_login_was_revoked_signs_in_again(server, site, browser):
    browser.sign_in()
    account = browser.account
    end_login(server, site.token(account))
    assert browser.get("/name", PAGE).location.startswith("/trakt/login?next=")
    assert (list(browser.session), browser.account_in("trakt_last_account")) == (["trakt_last_account"], account)
    browser.sign_in()
    assert browser.user == "sean"


def test_a_page_about_a_user_whose_login_has_ended_signs_no_other_user_out(server, site, browser):
    """Else that user could sign every visitor out, and send them from the page to the sign-in and back for ever."""
    server.sign_in("lola")
    lola = Browser(site)
    lola.sign_in(username="lola")
    browser.sign_in()
    page = f"/of/{lola.account}"
    assert browser.get(page).text == "lola"
    end_login(server, site.token(lola.account))
    with pytest.raises(LoginRequired) as ended:
        browser.get(page, PAGE)
    assert (ended.value.reason, ended.value.account) == ("revoked", lola.account)
    assert browser.user == "sean"
    assert lola.get(page, PAGE).location.startswith("/trakt/login?next=")


def test_a_json_response_says_why_the_login_has_ended(server, site, browser):
    browser.sign_in()
    end_login(server, site.token(browser.account))
    ended = browser.get("/name")
    assert (ended.status, ended.json()["reason"]) == (401, "revoked")
    assert ended.json()["detail"] == "The login with Trakt has ended (revoked): sign in again"


def test_an_outage_is_a_503_and_the_user_stays_signed_in(server, browser):
    browser.sign_in()
    server.advance(days=8)
    server.fail_next("/oauth/token", status=503)
    away = browser.get("/name", PAGE)
    assert (away.status, int(away.headers["retry-after"]) > 0) == (503, True)
    assert "Trakt is unavailable" in away.text
    assert "trakt_account" in browser.session


def test_a_page_is_a_503_and_the_user_stays_signed_in_if_the_login_was_moved_out_of_reach(site, browser):
    browser.sign_in()
    site.move_out_of_reach(browser.account)
    for headers in ({}, PAGE, PAGE):
        away = browser.get("/name", headers)
        assert (away.status, "retry-after" in away.headers) == (503, True)
    assert "trakt_account" in browser.session


def test_a_user_disconnects_the_application(server, site, browser):
    browser.sign_in()
    account = browser.account
    server.fail_next("/oauth/revoke", status=429)
    assert browser.post("/disconnect").status == 503
    assert browser.user == "sean"
    assert browser.post("/disconnect").text == "True"
    assert server.ledger["alive"] == {"access": 0, "refresh": 0}
    assert site.accounts(account) == []
    assert browser.post("/disconnect").status == 401
    browser.sign_in()
    assert browser.user == "sean"
