"""Connected apps and your apps: what a person sees and does when no app has asked."""

from __future__ import annotations

import re

import pytest

from server.conftest import CALLBACK, SEED

MADE = {"name": "My app", "redirect_uris": f"{CALLBACK}\nurn:ietf:wg:oauth:2.0:oob"}


def post(visitor, path, **form):
    csrf = re.search(r'name="csrf" value="([^"]+)"', visitor.go("/").text)[1]
    return visitor.go(path, method="POST", form={"csrf": csrf, **form})


def fact(page, name):
    return re.search(rf'<code id="{name}">([^<]+)</code>', page.text)[1]


def test_revoking_an_app_ends_its_logins_on_all_devices_and_no_other_apps(either, visitor):
    login, device, other = either.login(), either.login(), either.login("second")
    page = visitor.go("/connected-apps")
    assert "The first app" in page.text
    assert "The second app" in page.text
    revoke_first_app(visitor)
    assert "The first app" not in visitor.go("/connected-apps").text
    assert {either.use(one.access) for one in (login, device)} == {401}
    assert {either.refresh(one.refresh).status for one in (login, device)} == {400}
    assert either.use(other.access, "second") == 200


def test_after_a_revocation_the_app_has_to_ask_again(either, visitor):
    either.login()
    revoke_first_app(visitor)
    asked = f"/oauth/authorize?response_type=code&client_id=first-app&redirect_uri={CALLBACK}"
    assert "would like to use your account" in visitor.walk(asked).text


def revoke_first_app(visitor):
    number = re.search(r'value="(\d+)" aria-label="Revoke The first app"', visitor.go("/connected-apps").text)[1]
    assert post(visitor, "/connected-apps", app=number, sure="1").status == 303


def test_revoking_an_app_ends_its_codes_and_no_other_apps(either, visitor):
    code, other = either.code(), either.code("second")
    revoke_first_app(visitor)
    refused = either.exchange(code)
    assert refused.message == either.exchange("x" * 32 + "1").message
    assert either.exchange(other, "second").status == 200


def test_a_code_from_before_a_revocation_stays_dead_when_the_app_is_let_in_again(either, visitor):
    before = either.code()
    revoke_first_app(visitor)
    after = either.code()
    assert either.exchange(before).status in (400, 401)
    assert either.exchange(after).status == 200


def test_revoking_an_app_refuses_the_devices_that_have_not_fetched_their_tokens(either, visitor):
    either.login()
    device = either.post("/oauth/device/code", client_id="first-app").json
    either.control("device", user_code=device["user_code"], username="sean", decision="approve")
    revoke_first_app(visitor)
    poll = either.post(
        "/oauth/device/token", code=device["device_code"], client_id="first-app", client_secret="first-secret"
    )
    assert poll.status == 418
    assert "The first app" not in visitor.go("/connected-apps").text


def test_a_code_outlives_a_consent_that_alone_is_taken_away_as_it_does_in_the_engine(either):
    code = either.code()
    either.control("revoke-consent", client_id="first-app")
    assert either.exchange(code).status == 200


@pytest.mark.parametrize("number", ["", "x", "9" * 30, "-1", "999999"])
def test_revoking_what_is_not_there_does_nothing(either, visitor, number):
    login = either.login()
    assert post(visitor, "/connected-apps", app=number, sure="1").status == 303
    assert either.use(login.access) == 200


@pytest.mark.parametrize("page", ["connected-apps", "your-apps", "your-apps/first-app"])
def test_a_user_who_is_not_signed_in_signs_in_and_comes_back(either, browser, page):
    stranger = browser(either)
    form = stranger.walk(f"/{page}")
    assert "<h1>Sign in</h1>" in form.text
    back = stranger.submit(form, username="sean", password="correct horse battery")
    assert f"<h1>{'Connected' if page == 'connected-apps' else 'Your'} apps</h1>" in back.text


def test_a_sign_in_leads_nowhere_else(either, browser):
    stranger = browser(either)
    back = stranger.submit(
        stranger.go("/sign-in?next=//evil.example"), username="sean", password="correct horse battery"
    )
    assert "Your local Trakt" in back.text


def test_an_app_is_registered_and_works(either, visitor):
    made = post(visitor, "/your-apps", **MADE)
    page = visitor.go(made.location)
    app = {"client_id": fact(page, "client_id"), "client_secret": fact(page, "client_secret")}
    end = either.control("authorize", client_id=app["client_id"], redirect_uri=CALLBACK, username="sean")
    members = {"grant_type": "authorization_code", "code": end["code"], "redirect_uri": CALLBACK, **app}
    assert either.post("/oauth/token", **members).status == 200
    assert "My app" in visitor.go("/your-apps").text


def test_a_public_app_has_no_secret(visitor):
    page = visitor.go(post(visitor, "/your-apps", public="1", **MADE).location)
    assert "None: a public app" in page.text


BAD = {
    "no name": ({"name": " "}, "name"),
    "a long name": ({"name": "x" * 61}, "name"),
    "no address": ({"redirect_uris": " \n"}, "redirect addresses"),
    "an address that is invalid": ({"redirect_uris": f"{CALLBACK}\nnonsense"}, "nonsense"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_app_that_cannot_be_is_not_registered(visitor, name):
    changes, word = BAD[name]
    page = post(visitor, "/your-apps", **{**MADE, **changes})
    assert page.status == 400
    assert word in re.search(r'role="alert">([^<]+)<', page.text)[1]


def field(page, name):
    """A field's opening tag, and what stands in it."""
    tag, value = re.search(rf'(<(?:input|textarea) id="{name}"[^>]*>)([^<]*)', page.text).groups()
    return tag, value if tag.startswith("<textarea") else re.search(r'value="([^"]*)"', tag)[1]


def test_settings_are_changed_and_a_deleted_apps_tokens_end(either, visitor):
    path = post(visitor, "/your-apps", **MADE).location
    before = visitor.go(path)
    post(visitor, path, action="save", name="Renamed", redirect_uris="https://app.example/cb")
    page = visitor.go(path)
    assert "Renamed" in page.text
    assert fact(page, "client_secret") == fact(before, "client_secret")
    client_id = fact(page, "client_id")
    end = either.control("authorize", client_id=client_id, redirect_uri=CALLBACK, username="sean")
    assert end["location"] is None
    token = either.control("tokens", client_id=client_id, count=1)["tokens"][0]
    post(visitor, path, action="delete", sure="1")
    assert visitor.go(path).status == 404
    assert either.use(token["access_token"]) == 401


def test_no_user_changes_the_app_of_another(either, visitor, browser):
    path = post(visitor, "/your-apps", **MADE).location
    stranger = browser(either)
    stranger.submit(stranger.go("/sign-up"), username="other", email="o@example.test", password="long enough")
    assert stranger.go(path).status == 404
    assert post(stranger, path, action="delete", sure="1").status == 404
    assert visitor.go(path).status == 200


def test_an_app_of_the_seed_is_shown_and_not_changed(visitor):
    page = visitor.go("/your-apps/first-app")
    assert "changed in its seed file" in page.text
    assert post(visitor, "/your-apps/first-app", action="delete", sure="1").status == 404


def test_a_seeded_secret_is_shown_when_a_user_of_the_seed_asks_for_it(visitor):
    path = "/your-apps/first-app"
    assert "first-secret" not in visitor.go(path).text
    assert fact(post(visitor, path, action="show"), "client_secret") == "first-secret"
    assert "first-secret" not in visitor.go(path).text


def test_a_seeded_secret_is_not_shown_to_users_who_signed_up(either, visitor, browser):
    path = "/your-apps/first-app"
    stranger = browser(either)
    stranger.submit(stranger.go("/sign-up"), username="other", email="o@example.test", password="long enough")
    assert post(stranger, path, action="show").status == 404
    page = stranger.go(path)
    assert page.status == 200
    assert "first-secret" not in page.text


@pytest.mark.parametrize(
    "settings", [{"host": "0.0.0.0", "insecure": True, "plain_http": True}, {"public_url": "https://trakt.example"}]
)
def test_elsewhere_than_on_loopback_the_apps_of_the_seed_are_not_shown(start, browser, settings):
    client = start(control=False, **settings)
    client.url = client.url.replace("0.0.0.0", "127.0.0.1")
    visitor = browser(client)
    visitor.sign_in()
    assert "The first app" not in visitor.go("/your-apps").text
    assert visitor.go("/your-apps/first-app").status == 404
    assert post(visitor, "/your-apps/first-app", action="show").status == 404


def test_a_trusted_app_is_not_asked_about_and_can_be_seen_and_revoked(start, browser):
    app = {"client_id": "t", "client_secret": "s", "redirect_uris": [CALLBACK], "trusted": True, "name": "Trusty"}
    visitor = browser(start(seed={**SEED, "apps": [app]}))
    visitor.sign_in()
    asked = f"/oauth/authorize?response_type=code&client_id=t&redirect_uri={CALLBACK}"
    assert visitor.walk(asked).location.startswith(f"{CALLBACK}?code=")
    assert "Trusty" in visitor.go("/connected-apps").text


def test_an_app_with_a_slash_in_its_id_has_a_page(start, browser):
    app = {"name": "Slashed", "client_id": "a/b c", "client_secret": "s", "redirect_uris": ["x:/y"]}
    visitor = browser(start(seed={**SEED, "apps": [app]}))
    visitor.sign_in()
    (address,) = re.findall(r'href="(/your-apps/[^"]+)"', visitor.go("/your-apps").text)
    assert "Slashed" in visitor.go(address).text
