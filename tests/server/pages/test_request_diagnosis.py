"""What the pages do for the developer of an app, and for anyone who presses a button that cannot be taken back."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode
from uuid import UUID

import pytest

from server.conftest import APPS, CALLBACK
from server.pages.test_applications import MADE, fact, field, post

ASKED = {"response_type": "code", "client_id": "first-app", "redirect_uri": CALLBACK, "state": "a-secret-state"}


def asked(**changes):
    return "/oauth/authorize?" + urlencode({name: value for name, value in {**ASKED, **changes}.items() if value})


@pytest.fixture
def path(visitor):
    """Where the visitor's own app is."""
    return post(visitor, "/your-apps", **MADE).location


def facts(page):
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page.text, re.DOTALL)
    return {unescape(name): re.findall(r"<code>(.*?)</code>", value) for name, value in found}


def test_an_address_that_is_not_registered_is_shown_beside_those_that_are(either):
    page = either.get(asked(redirect_uri="http://127.0.0.1:9877/other"))
    assert page.status == 400
    assert facts(page) == {
        "redirect_uri that came": ["http://127.0.0.1:9877/other"],
        "Registered for The first app": [CALLBACK, "urn:ietf:wg:oauth:2.0:oob", "https://app.example/back?kept=1"],
    }


@pytest.mark.parametrize("client_id", ["unknown-app", None, ...])
def test_an_unknown_app_is_shown_beside_the_registered_ones(either, client_id):
    page = either.get("/oauth/authorize" if client_id is ... else asked(client_id=client_id))
    client_id = None if client_id is ... else client_id
    assert facts(page) == {
        "client_id that came": [client_id or "nothing"],
        "Registered apps": [f"{app.client_id} (The {name} app)" for name, app in APPS.items()],
    }


def test_an_app_and_an_address_that_are_registered_are_not_called_wrong(either):
    page = either.get(asked(response_type="token", redirect_uri="urn:ietf:wg:oauth:2.0:oob"))
    assert page.status == 400
    assert "The first app and its redirect address are registered." in page.text
    assert "Wrong app or address" not in page.text


def test_what_came_is_escaped_and_shortened(either):
    page = either.get(asked(redirect_uri="https://x.example/<b>\u202e" + "y" * 5000))
    assert "<b>" not in page.text
    assert "\u202e" not in page.text
    assert "y" * 300 not in page.text


def test_elsewhere_than_on_loopback_nothing_registered_is_shown(start):
    client = start(public_url="https://trakt.example", control=False)
    page = client.get(asked(redirect_uri="http://127.0.0.1:9877/other"))
    assert page.status == 400
    assert "https://app.example/back" not in page.text
    assert facts(page) == {}


def test_the_demo_account_is_filled_in_on_the_sign_in_page(start, browser):
    client = start(seed=None)
    (user,) = client.server.announcement["users"]
    visitor = browser(client)
    page = visitor.go("/sign-in")
    assert field(page, "username")[1] == user["username"] == "demo"
    assert field(page, "password")[1] == user["password"]
    assert re.search(
        rf"Demo account: user <strong>demo</strong>, password <code[^>]*>{user['password']}</code>", page.text
    )
    entered = {name: field(page, name)[1] for name in ("username", "password")}
    assert "Signed in as" in visitor.submit(page, **entered).text


@pytest.mark.parametrize("settings", [{}, {"seed": None, "public_url": "https://trakt.example", "control": False}])
def test_other_passwords_are_never_shown(start, browser, settings):
    client = start(**settings)
    page = browser(client).go("/sign-in")
    assert "Demo account" not in page.text
    assert "value=" not in field_tag(page, "password")
    assert all((user["password"] or "-") not in page.text for user in client.server.announcement["users"])


def field_tag(page, name):
    return re.search(rf'<input id="{name}"[^>]*>', page.text)[0]


def test_after_a_wrong_password_the_demos_is_not_filled_in(start, browser):
    visitor = browser(start(seed=None))
    page = visitor.submit(visitor.go("/sign-in"), username="mary", password="wrong")
    assert field(page, "username")[1] == "mary"
    assert "value=" not in field_tag(page, "password")


def test_consent_says_as_whom_and_lets_another_user_sign_in(either, visitor):
    page = visitor.walk(asked())
    assert "You are signed in as <strong>sean</strong>." in page.text
    other = unescape(re.search(r'<a href="([^"]+)">Not you\?</a>', page.text)[1])
    form = visitor.go(other)
    assert "<h1>Sign in</h1>" in form.text
    sign_up = visitor.go(unescape(re.search(r'href="(/sign-up[^"]+)"', form.text)[1]))
    consent = visitor.submit(sign_up, username="mary", email="m@example.test", password="long enough")
    assert "You are signed in as <strong>mary</strong>." in consent.text
    assert visitor.submit(consent, decision="approve").query["state"] == "a-secret-state"


def test_a_device_page_lets_another_user_sign_in(either, visitor):
    code = either.post("/oauth/device/code", client_id="first-app").json["user_code"]
    page = visitor.go(f"/activate/{code}")
    form = visitor.go(unescape(re.search(r'<a href="([^"]+)">Not you\?</a>', page.text)[1]))
    assert "<h1>Sign in</h1>" in form.text
    back = visitor.submit(form, username="sean", password="correct horse battery")
    assert f"<code>{code}</code>" in back.text


def test_the_sign_in_page_names_the_signed_in_user(visitor):
    page = visitor.go("/sign-in?next=your-apps")
    assert "You are signed in as <strong>sean</strong>." in page.text
    assert 'type="password"' not in page.text
    assert 'href="/your-apps">Continue</a>' in page.text
    assert "<h1>Sign in</h1>" in visitor.go(unescape(re.search(r'href="([^"]+)">Not you', page.text)[1])).text


@pytest.mark.parametrize("action", ["delete", "rotate"])
def test_nothing_is_deleted_or_replaced_before_a_question_is_answered(visitor, path, action):
    before = fact(visitor.go(path), "client_secret")
    question = post(visitor, path, action=action, **MADE)
    assert question.status == 200
    assert "My app?" in re.search("<h1>(.*?)</h1>", question.text)[1]
    assert fact(visitor.go(path), "client_secret") == before
    done = visitor.submit(question, action=action)
    if action == "delete":
        assert 'role="status">Deleted.' in done.text
        assert visitor.go(path).status == 404
    else:
        assert "The old one no longer works." in done.text
        assert fact(done, "client_secret") != before


def test_nothing_is_revoked_before_a_question_is_answered(either, visitor):
    login = either.login()
    number = re.search(r'value="(\d+)" aria-label="Revoke The first app"', visitor.go("/connected-apps").text)[1]
    question = post(visitor, "/connected-apps", app=number)
    assert "<h1>Revoke The first app?</h1>" in question.text
    assert either.use(login.access) == 200
    assert "The first app" in visitor.submit(question, app=number, action="back").text
    assert either.use(login.access) == 200
    done = visitor.submit(question, app=number)
    assert 'role="status">Revoked.' in done.text
    assert either.use(login.access) == 401


EDITED = {"name": "Renamed", "redirect_uris": "https://app.example/new"}


def test_a_new_secret_saves_what_was_edited_and_says_so(visitor, path):
    question = post(visitor, path, action="rotate", **EDITED)
    assert "Your changes to the name and the redirect addresses are saved with it." in question.text
    page = visitor.submit(question, action="rotate")
    assert {name: field(page, name)[1] for name in EDITED} == EDITED


def test_a_new_secret_with_a_fault_beside_it_is_not_made(visitor, path):
    before = fact(visitor.go(path), "client_secret")
    page = post(visitor, path, action="rotate", sure="1", name="My app", redirect_uris="nonsense")
    assert page.status == 400
    assert field(page, "redirect_uris")[1] == "nonsense"
    assert fact(visitor.go(path), "client_secret") == before


def test_the_home_page_leads_on(start, browser):
    client = start(seed=None)
    text = client.get("/").text
    reported = client.server.announcement
    for name, value in (
        ("SERVICE", reported["url"]),
        ("CLIENT_ID", reported["client_id"]),
        ("CLIENT_SECRET", reported["client_secret"]),
    ):
        assert f"export TRAKTAUTH_{name}={value}" in text
    for address in ("/_control", "/openapi.json", f"/your-apps/{reported['client_id']}", "/sign-in"):
        assert f'href="{address}"' in text
    assert "demo" in text
    assert 'href="/_control"' not in start(seed=None, control=False).get("/").text


def test_the_home_page_names_seeded_apps_and_users_on_loopback_alone_and_no_secret(start):
    for url in (None, "https://trakt.example"):
        text = start(public_url=url, control=False).get("/").text
        assert "first-secret" not in text
        assert ("The first app" in text, "sean" in text) == (url is None, url is None)


def test_a_user_has_an_id_and_a_uuid_that_stay_over_a_restart(start, tmp_path):
    database = f"sqlite:{tmp_path / 'db'}"

    def ids(client, user="sean"):
        return client.api(client.login(user=user).access).json["user"]["ids"]

    served = start(database=database)
    first = ids(served)
    served.server.__exit__(None, None, None)
    second = ids(start(database=database))
    assert first == second
    assert first["slug"] == "sean"
    assert isinstance(first["trakt"], int)
    assert str(UUID(first["uuid"])) == first["uuid"]
    anew = start()
    assert ids(anew)["uuid"] == first["uuid"]
    assert ids(anew, "mary")["uuid"] != first["uuid"]
    assert ids(anew, "mary")["trakt"] != ids(anew)["trakt"]
