"""Why was I logged out? `doctor` and `explain` answer, with Trakt's words and the time."""

from __future__ import annotations

import json
import re

import pytest

from support.wire import call
from traktauth.cli.times import format_time
from traktauth.explain import explain, load_entries


@pytest.fixture
def replayed(at_local, local):
    """Return the command for a login whose refresh token another program has used, and which was then refused."""
    token = at_local.keep_real(local)
    body = {
        "grant_type": "refresh_token",
        "refresh_token": token.refresh_token,
        "client_id": local.app.client_id,
        "client_secret": local.app.client_secret,
        "redirect_uri": local.app.redirect_uri,
    }
    assert call(local.base, "POST", "/oauth/token", body=body).status == 200
    assert at_local("refresh").status == 4
    return at_local


def test_the_record_keeps_trakts_own_words_and_the_time(replayed):
    record = replayed.record()
    assert record.ended_with == "invalid refresh token"
    assert record.ended_at >= record.saved_at
    assert record.history[-1].ended_at == record.ended_at


def test_doctor_says_when_and_why_a_login_ended_and_what_to_do(replayed):
    record = replayed.record()
    token = record.token.access_token
    assert replayed("token", "--rejected", stdin=token).status == 4
    outcome = replayed("doctor")
    assert outcome.status == 4
    shown = " ".join(outcome.out.split())
    assert f'Refused at {format_time(record.ended_at, exact=True)}; Trakt said: "invalid refresh token"' in shown
    assert "Why: Trakt has ended the login. The usual causes: " in shown
    assert "Fix: `traktauth login`" in shown
    (login,) = json.loads(replayed("doctor", "--json").out)["logins"]
    assert (login["ended_at"], login["ended_with"]) == (record.ended_at, "invalid refresh token")


def test_a_sign_in_forgets_why_the_last_login_ended(replayed):
    replayed.keep()
    record = replayed.record()
    assert (record.ended_at, record.ended_with) == (None, None)


MESSAGES = [
    ("Error: Account nope has no login (this store has: p, tv)", "login-never"),
    ("This account is signed out", "login-signed-out"),
    ("This login cannot be refreshed: Trakt refused its refresh token", "login-revoked"),
    ("This login cannot be refreshed: Trakt gave no refresh token", "login-expired"),
    ("its refresh token was spent by a refresh whose response was lost", "login-reply-lost"),
    ("This login was moved to sqlite:/srv/logins.db", "login-moved"),
    ("Another program is still refreshing this login", "login-busy"),
    ("https://api.trakt.tv could not be reached: no connection (name not found)", "service-unreachable"),
    ("Trakt's API could not be reached: no response within 20 s", "service-unreachable"),
    ("Trakt is unavailable (503)", "service-unavailable"),
    ("Trakt is being asked too often (429)", "service-busy"),
    ("https://api.trakt.tv could not be reached: no connection (certificate verification failed)",
     "certificate-untrusted"),
    ("The refresh was sent and its response was lost (no response within 20 s)", "refresh-unconfirmed"),
    ("No app is set up: client id and secret are missing", "app-invalid"),
    ("The sign-in was denied on Trakt's page", "sign-in-denied"),
    ("The device code expired before it was answered", "sign-in-expired"),
    ("A login's record is damaged; it is left as it is", "login-unreadable"),
    ("Error: The redirect address http://127.0.0.1:9/cb is not registered for this app", "redirect-unregistered"),
    ("Error: No store has the address 'x:y'. Use one of memory:, file:", "store-unknown"),
    ("Error: No service is named 'trak'. Did you mean trakt?", "service-unknown"),
    ("Error: Trakt answered 404 when it was asked for a device code", "unexpected-status"),
    ("429", "rate-limit"),
    (" 401\n", "http-401"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "entry"), MESSAGES)
def test_explain_knows_the_messages_of_traktauth(message, entry):
    assert explain(message)[0].id == entry


def test_explain_lists_its_entries_without_an_argument(command):
    outcome = command("explain")
    assert outcome.status == 0
    assert [line.partition(":")[0] for line in outcome.out.splitlines()] == [entry.id for entry in load_entries()]


def test_a_missing_login_names_the_account_and_those_that_the_store_has(command):
    command.keep(account="p")
    command.keep(account="tv")
    assert command("token", "--account", "nope").err.splitlines() == [
        "Error: Account nope has no login (this store has: p, tv)",
        "→ Sign in: traktauth login --account nope",
    ]


def test_a_503_to_a_refresh_is_not_called_a_lost_response(at_local, local):
    at_local.keep_real(local, left=-1)
    local.control("PUT", "faults", [{"path": "/oauth/token", "status": 503}])
    outcome = at_local("token", "--json")
    error = json.loads(outcome.err)
    assert outcome.status == 5
    assert error["code"] == "refresh-unconfirmed"
    assert "lost" not in error["message"]
    assert "503" in error["message"]
    assert error["hint"].startswith("You need not do anything")


def test_a_refresh_that_is_unconfirmed_says_until_when_the_token_is_valid_and_that_nothing_has_to_be_done(
    at_local, local
):
    at_local.keep_real(local)
    local.control("PUT", "faults", [{"path": "/oauth/token", "status": 503}])
    outcome = at_local("refresh")
    assert outcome.status == 5
    assert re.search(r"is valid until .*\n→ You need not do anything; or, at the risk", outcome.err)
