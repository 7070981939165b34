"""Each application in `examples/web/` as two workers on PostgreSQL, used by people without a browser."""

from __future__ import annotations

import base64
import html
import re
import sqlite3
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from support.postgres import absence, running_postgres
from support.web_example import EXAMPLES, WebExample, cookies_of
from support.web_users import CANARY

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(absence()), reason=absence() or "-")]


@pytest.fixture(scope="module")
def postgres():
    yield from running_postgres()


@pytest.fixture(scope="module", params=EXAMPLES)
def running(request, _web_trakt, postgres, tmp_path_factory):
    _web_trakt.reset()
    folder = tmp_path_factory.mktemp(request.param)
    app = WebExample(EXAMPLES[request.param], _web_trakt, folder, store=postgres.url, workers=2)
    yield app
    app.stop()


@pytest.fixture
def users(app):
    """Open browsers: `users("lola")`; they are closed at the end."""
    with ExitStack() as until_the_end:

        def opened(name="sean"):
            app.trakt.sign_in(name)  # makes the user
            user = app.user(name)
            until_the_end.callback(user.close)
            return user

        yield opened


def test_a_sign_in_ends_on_another_worker_than_it_began(app, users):
    user = users()
    url = user.begin(worker=0)
    assert parse_qs(urlsplit(url).query)["redirect_uri"] == [app.callback]
    assert not app.callback.startswith(app.bases[0])
    landed = user.land(url)
    assert landed.status_code in {302, 303}
    for worker in range(2):
        assert "Signed in as sean" in user.get("/history", worker).text
    out = user.press(user.get("/history", 0), "Sign out")
    assert out.status_code in {302, 303}
    assert "Signed in as" not in user.get("/history", 1).text


def test_an_outage_at_the_callback_is_shown_with_what_to_do_and_signs_no_user_in(app, users):
    user = users()
    url = user.begin()
    app.trakt.fail_next("/oauth/token", status=503)
    shown = user.land(url)
    while shown.is_redirect:
        shown = user.get(shown.headers["location"])
    assert "Trakt or this application is unavailable at the moment." in html.unescape(shown.text)
    assert "Signed in as" not in user.get("/history").text
    assert "Signed in as sean" in user.sign_in().text


def test_a_login_that_was_revoked_at_trakt_is_no_server_error(app, users):
    user = users()
    user.land(user.begin())
    app.trakt.disconnect("sean")
    shown = user.get("/history")
    while shown.is_redirect and "/authorize" not in shown.headers["location"]:
        shown = user.get(shown.headers["location"])
    assert shown.status_code < 500
    assert "Signed in as" not in shown.text


@pytest.mark.parametrize("evil", ["//evil.example", "/%5Cevil.example"])
def test_next_leads_to_no_other_host(app, users, evil):
    user = users()
    begun = user.begin_with(evil)
    assert begun.is_redirect
    assert begun.headers["location"].startswith(app.trakt.url)
    landed = user.land(begun.headers["location"])
    assert landed.is_redirect
    assert "evil" not in landed.headers["location"]


def test_eight_days_later_all_workers_together_refresh_once(app, users):
    if app.example.name == "authlib":
        pytest.skip("it repeats no request after a 401, and its clock is this machine's: tests/web/test_authlib.py")
    user = users()
    user.land(user.begin())
    before = app.trakt.ledger["rotations"]
    app.trakt.advance(days=8)
    answers = {}

    windows = [users() for _ in range(12)]
    for window in windows:
        window.http.cookies.update(user.http.cookies)

    def look(number):
        answers[number] = windows[number].get("/history", number % 2)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(look, range(12)))
    assert [answer.status_code for answer in answers.values()] == [200] * 12
    assert app.trakt.ledger["rotations"] - before == 1
    assert app.trakt.ledger["replays"] == 0


def test_no_cookie_page_log_or_session_table_holds_a_secret(app, users, postgres):
    user = users()
    url = user.begin()
    state, values = parse_qs(urlsplit(url).query)["state"][0], list(cookies_of(user).values())
    assert values
    landed = app.trakt.browse(url)
    user._note(user.http.get(landed))
    user._note(user.http.get(landed))
    user.get("/history")
    kept = [*cookies_of(user).values(), *texts_of_databases(app.folder)]
    values += cookies_of(user).values()
    with psycopg.connect(postgres.url) as database:
        stored = "".join(str(row) for row in database.execute("SELECT * FROM traktauth_logins"))
    tokens = re.findall(r'"(?:access|refresh)_token": ?"([^"]+)"', stored)
    assert len(tokens) >= 2
    code = parse_qs(urlsplit(landed).query)["code"][0]
    sessions = "".join(unpacked(text) for text in kept)
    assert ("trakt_account" if app.example.is_ours else "_auth_user_id") in sessions, "the scan sees into sessions"
    shown = "".join([*user.pages, app.logs(), *kept, sessions])
    assert [secret for secret in (CANARY, code, *tokens) if secret in shown] == []
    assert [each for each in (state, *values) if each in app.logs()] == []
    for path in app.folder.glob("*.db*"):
        content = path.read_bytes()
        assert [secret for secret in (CANARY, code, *tokens) if secret.encode() in content] == []


def texts_of_databases(folder):
    """Return every text of every table in the databases of a folder."""
    for path in folder.glob("*.db"):
        with closing(sqlite3.connect(path)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                for row in database.execute(f'SELECT * FROM "{table}"'):
                    yield from (str(value) for value in row)


def unpacked(text):
    """Return what the parts of a signed text say: frameworks keep sessions in base64, Flask and Django compressed."""
    said = []
    for part in re.split(r"[.:]", text):
        try:
            content = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        except ValueError:
            continue
        with suppress(zlib.error):
            content = zlib.decompress(content)
        said.append(content.decode("latin-1"))
    return "\n".join(said)
