"""`doctor` and `explain` answer "why was I logged out?", from the history that a store keeps with each login."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import replace

import pytest

from support.wire import call
from traktauth.cli.times import format_time
from traktauth.explain import explain, load_entries
from traktauth.models import PendingRefresh, Sender
from traktauth.models.changes import BeginRefresh, DeleteToken, SaveToken, SetMoved, SetRefreshable

HERE = os.uname().nodename
HOUR = 3600.0


def refreshed(command, *writers, began=None, apart=HOUR):
    """Let writers renew the login one after another, an hour apart, the last an hour ago; return the last token."""
    at = time.time() - apart * (len(writers) + 1) if began is None else began
    token = command.keep(saved_at=at)
    for number, by in enumerate(writers, 1):
        at += apart
        assert command.store.apply(command.login(), BeginRefresh(PendingRefresh(token.generation, 1, at, Sender(*by))))
        token = replace(token, access_token=f"access-after-{number}", generation=token.generation + 1)
        assert command.store.apply(command.login(), SaveToken(token, after=token.generation - 1, at=at))
    return token


def examined(command, *words, **env):
    outcome = command("doctor", "--offline", "--json", *words, **env)
    assert outcome.status in {0, 4}, outcome  # 4: a login needs a new sign-in
    return json.loads(outcome.out)


def doubts(command, about, **env):
    found = examined(command, **env)["findings"]
    return [each["message"] for each in found if each["about"] == about and each["level"] == "doubtful"]


def login_lines(command, **env):
    lines = command("doctor", "--offline", **env).out.splitlines()
    return lines[next(number for number, line in enumerate(lines) if " login " in line) :]


def answer(command, **env):
    (one,) = examined(command, **env)["logins"]
    return one["answer"]


def test_the_history_of_a_lost_login_names_every_token_and_the_process_that_refreshed_it(command):
    token = refreshed(command, (HERE, 11), (HERE, 12))
    command.store.apply(command.login(), SetRefreshable(3, "Trakt refused its refresh token"))
    login, fixing, *entries = [line for line in login_lines(command) if "History:" not in line]
    assert "Trakt refused its refresh token; the last token" in login
    assert f"{token.fingerprint}, was refreshed by {HERE}:12 at " in login
    assert "traktauth login" in fixing
    first, second, third = entries
    assert first.endswith("signed in")
    assert second.endswith(f"refreshed by {HERE}:11")
    assert third.endswith(f"{token.fingerprint}  refreshed by {HERE}:12, then Trakt refused its refresh token")


def test_the_history_is_in_the_json(command):
    token = refreshed(command, (HERE, 11))
    (one,) = examined(command)["logins"]
    assert (one["account"], one["state"], one["answer"]) == ("default", "valid", "")
    assert [(each["generation"], each["host"], each["pid"], each["outcome"]) for each in one["history"]] == [
        (1, None, 0, "refreshed"),
        (2, HERE, 11, None),
    ]
    assert one["history"][1]["fingerprint"] == token.fingerprint


def test_a_valid_login_shows_its_last_tokens_only(command):
    refreshed(command, *[(HERE, 11)] * 30)
    mark, before, *entries = login_lines(command)
    assert mark.startswith("✓")
    assert before.strip() == "History (17 earlier left out): time, generation, token, event"
    assert len(entries) == 3


@pytest.mark.parametrize(
    ("happened", "env", "expected"),
    [
        ("signed out", {}, "It was signed out here; the last token, "),
        ("moved", {}, "It was moved to sqlite:/elsewhere"),
        ("refused", {}, "Trakt refused its refresh token; the last token, "),
        ("lost", {"TRAKTAUTH_LOST_REPLY": "sign-in"}, "no response came, and its token has expired since"),
        ("no refresh token", {}, "Trakt gave no refresh token with its last token"),
        ("unconfirmed", {}, "unconfirmed since "),
        ("unconfirmed", {"TRAKTAUTH_LOST_REPLY": "sign-in"}, "then a new sign-in"),
    ],
)
def test_doctor_says_why_a_login_ended(command, happened, env, expected):
    ended = happened in {"refused", "lost", "no refresh token"}
    command.keep(
        left=-60 if ended else 86400,
        refresh_token=None if happened == "no refresh token" else "refresh-token-0123456789",
        not_refreshable_reason="Trakt refused its refresh token" if happened == "refused" else None,
        # A refusal leaves the refresh that met it pending.
        pending_refresh=PendingRefresh(1, 1, time.time() - 600, Sender(HERE, 1))
        if happened in {"lost", "unconfirmed", "refused"}
        else None,
    )
    if happened == "signed out":
        command.store.apply(command.login(), DeleteToken(1))
    if happened == "moved":
        command.store.apply(command.login(), SetMoved(1, "sqlite:/elsewhere"))
    assert expected in answer(command, **env)
    assert expected in command("doctor", "--offline", **env).out


@pytest.mark.parametrize(
    ("left", "env", "expected"),
    [
        (86400, {}, "Nothing has to be done"),
        (-60, {}, "Try it now, which needs no sign-in: traktauth token"),
        (86400, {"TRAKTAUTH_LOST_REPLY": "sign-in"}, "When the token expires: traktauth login"),
        (-60, {"TRAKTAUTH_LOST_REPLY": "sign-in"}, "Sign in: traktauth login"),
    ],
)
def test_an_unconfirmed_refresh_leads_to_a_sign_in_only_if_nothing_else_helps(command, left, env, expected):
    command.keep(left=left, pending_refresh=PendingRefresh(1, 1, time.time() - 600, Sender(HERE, 1)))
    (login,) = [each for each in examined(command, **env)["findings"] if each["about"] == "login"]
    assert login["hint"].startswith(expected)


def test_a_refresh_in_progress_is_not_reported(command):
    command.keep(pending_refresh=PendingRefresh(1, 1, time.time(), Sender(HERE, os.getpid())))
    assert doubts(command, "login") == []


@pytest.mark.parametrize(
    ("writers", "expected"),
    [
        ([(HERE, 1), (HERE, 2)], None),
        ([("attic", 1), ("cellar", 2), ("attic", 3)], "is refreshed by several machines by turns (attic, cellar)"),
        ([(HERE, 1), ("attic", 1), (HERE, 1)], "is refreshed by several machines by turns"),
        ([("attic", 1), ("attic", 2)], f"was last refreshed by attic, and this is {HERE}: the store was copied"),
        ([("attic", 1), (HERE, 2)], "was refreshed by attic before; if the store is still used there"),
    ],
)
def test_machines_that_share_a_file_or_a_copy_of_it_are_found(command, writers, expected):
    refreshed(command, *writers)
    found = doubts(command, "login")
    assert len(found) == (expected is not None)
    assert expected is None or expected in found[0]


def test_a_pending_refresh_names_a_writer_too(command):
    refreshed(command, (HERE, 1))
    assert command.store.apply(
        command.login(), BeginRefresh(PendingRefresh(2, 1, time.time() - 600, Sender("attic", 1)))
    )
    assert any("was last refreshed by attic" in each for each in doubts(command, "login"))


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (0, None),
        (119, None),
        (-119, None),
        (360, "was 5 min ahead of Trakt's when the token came, so it is taken to end that much too late"),
        (-360, "was 5 min behind Trakt's when the token came, so it is taken to end that much too early"),
    ],
)
def test_a_clock_that_differed_from_trakts_is_found_offline(command, ahead, expected):
    command.at("https://trakt.example")
    token = refreshed(command, (HERE, 1))
    token = replace(token, created_at=int(token.expires_at - token.expires_in) - ahead, generation=3)
    assert command.store.apply(command.login(), BeginRefresh(PendingRefresh(2, 1, time.time(), Sender(HERE, 1))))
    assert command.store.apply(command.login(), SaveToken(token, after=2, at=time.time()))
    found = doubts(command, "clock")
    assert len(found) == (expected is not None)
    assert expected is None or re.sub(r"5 min 59 s|6 min", "5 min", found[0]) == f"The clock of {HERE} {expected}"


def test_a_local_trakt_whose_clock_was_moved_gives_no_finding_about_clocks(at_local, local):
    local.control("POST", "clock", {"advance": 8 * 24 * HOUR})
    at_local.keep_real(local)
    assert at_local("refresh").status == 0
    assert doubts(at_local, "clock") == []


def test_a_response_without_a_time_gives_no_finding_about_clocks(command):
    token = command.keep()
    command.store.apply(command.login(), DeleteToken(1))
    bare = replace(token, created_at=None, generation=3)
    assert command.store.apply(command.login(), SaveToken(bare, after=2, at=time.time()))
    assert doubts(command, "clock") == []


def test_a_token_saved_before_its_predecessor_shows_a_clock_that_was_set_back(command):
    refreshed(command, (HERE, 1), (HERE, 2), began=time.time() - 3 * HOUR, apart=-HOUR)
    assert doubts(command, "clock") == [
        "Generation 2 was saved 1 h before generation 1: a clock was set back, or the clocks of two machines differ"
    ]


def test_of_many_logins_those_with_problems_are_named_and_the_rest_counted(command):
    for number in range(30):
        command.keep(account=f"user {number:02}")
    command.keep(account="unwell", left=-1, not_refreshable_reason="Trakt refused its refresh token")
    found = [each for each in examined(command)["findings"] if each["about"] == "login"]
    named = [each["message"] for each in found]
    assert sum("user " in each for each in named) == 20
    assert named[-1].startswith("10 more are well")
    assert any(each.startswith("unwell at ") for each in named)


def test_the_login_of_another_app_is_shown_with_its_app(command):
    command.keep()
    own = command.env["TRAKTAUTH_CLIENT_ID"]
    command.env["TRAKTAUTH_CLIENT_ID"] = "another-app-0001"
    command.keep()
    command.env["TRAKTAUTH_CLIENT_ID"] = own
    marks = [line for line in command("doctor", "--offline").out.splitlines() if line.startswith("✓ login ")]
    assert ["(app " in line for line in marks] == [False, True]
    assert f"at {command.login().realm} (app another-…): token " in marks[1]


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


@pytest.mark.parametrize("is_rejected", [True, False])
def test_doctor_says_when_and_why_a_login_ended_and_what_to_do(replayed, is_rejected):
    """Also while the access token is valid by its expiry, as the API was not asked since."""
    record = replayed.record()
    if is_rejected:
        assert replayed("token", "--rejected", stdin=record.token.access_token).status == 4
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
