"""The control page in Chromium, through a sign-in, a refresh, a replay and a sign-out."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import expect

from support.chromium import picture, violations
from support.local import APP
from support.wire import call

pytestmark = pytest.mark.slow


def token(trakt, **members):
    credentials = {"client_id": APP.client_id, "client_secret": APP.client_secret}
    return call(trakt.base, "POST", "/oauth/token", body={**credentials, **members}).json()


def rows(page):
    return page.locator(".sequence tbody tr")


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("trakt", ["current"], indirect=True)
def test_a_sign_in_a_refresh_a_replay_and_a_sign_out_are_shown_as_they_happen(trakt, visit, person):
    live = visit()
    live.goto(f"{trakt.base}/_control")
    expect(live.get_by_text("Live.")).to_be_visible()
    app = visit()
    asked = {"response_type": "code", "client_id": APP.client_id, "redirect_uri": APP.redirect_uri}
    app.goto(f"{trakt.base}/oauth/authorize?{urlencode(asked)}")
    person.sign_in(app)
    expect(live.get_by_text("signed in.", exact=False).first).to_be_visible()
    with app.expect_request(lambda request: "/callback" in request.url) as sent:
        app.get_by_role("button", name="Allow", exact=True).click()
    code = parse_qs(urlsplit(sent.value.url).query)["code"][0]
    first = token(trakt, grant_type="authorization_code", code=code, redirect_uri=APP.redirect_uri)
    expect(live.get_by_text("exchanged code").first).to_be_visible()
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = token(trakt, **refresh)
    expect(live.get_by_text("refreshed with").first).to_be_visible()
    assert token(trakt, **refresh)["error"] == "invalid_grant"
    alarm = live.locator(".sequence tr.is-alarm")
    expect(alarm).to_have_count(1)
    expect(alarm).to_contain_text("Trakt ended the whole family")
    expect(live.locator(".logins .killed").first).to_be_visible()
    call(trakt.base, "POST", "/oauth/revoke", body={"token": second["access_token"], "client_id": APP.client_id,
                                                    "client_secret": APP.client_secret})  # fmt: skip
    expect(rows(live).filter(has_text="POST /oauth/revoke")).to_have_count(1)
    assert violations(live) == []
    picture(live, "live-page")
    for width, dark in ((1280, True), (390, False), (390, True)):
        look = visit(width=width, dark=dark)
        look.goto(f"{trakt.base}/_control")
        expect(look.locator(".is-alarm")).to_have_count(1)
        assert fits(look)
        assert violations(look) == []
        picture(look, f"live-page-{width}-{'dark' if dark else 'light'}")


@pytest.mark.parametrize("trakt", ["current"], indirect=True)
def test_a_paused_page_stays_as_it_is(trakt, visit):
    page = visit()
    page.goto(f"{trakt.base}/_control")
    page.get_by_role("button", name="Pause", exact=True).click()
    before = rows(page).count()
    call(trakt.base, "POST", "/oauth/token", body={"client_id": "x"})
    page.get_by_text("Paused.").wait_for()
    assert rows(page).count() == before
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(rows(page)).to_have_count(before + 1)


@pytest.mark.parametrize("trakt", ["current"], indirect=True)
def test_an_open_request_stays_open_when_the_page_changes(trakt, visit):
    page = visit()
    call(trakt.base, "POST", "/oauth/token", body={"client_id": "first"})
    page.goto(f"{trakt.base}/_control")
    page.locator("details").first.locator("summary").click()
    opened = page.locator("details[open]").get_attribute("id")
    call(trakt.base, "POST", "/oauth/token", body={"client_id": "second"})
    expect(rows(page)).to_have_count(2)
    assert page.locator("details[open]").get_attribute("id") == opened


@pytest.mark.parametrize("trakt", ["current"], indirect=True)
def test_the_keyboard_stays_at_a_request_when_the_page_changes(trakt, visit):
    page = visit()
    call(trakt.base, "POST", "/oauth/token", body={"client_id": "first"})
    page.goto(f"{trakt.base}/_control")
    expect(page.get_by_text("Live.")).to_be_visible()
    page.locator("details summary").first.focus()
    name = page.locator("details").first.get_attribute("id")
    call(trakt.base, "POST", "/oauth/token", body={"client_id": "second"})
    expect(rows(page)).to_have_count(2)
    expect(page.locator(f"#{name} summary")).to_be_focused()
