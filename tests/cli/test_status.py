"""`traktauth status`: what is known here, apart from what Trakt says; and 4 where a sign-in is needed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time

import pytest

from traktauth.models import PendingRefresh, Sender
from traktauth.models.changes import BeginRefresh, DeleteToken, SetMoved
from traktauth.stores.processes import this_process


def screen(outcome):
    """What is shown, with moments and durations left out."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "WHEN", outcome.out)
    return re.sub(r"\((\d+ (d|h|min|s) ?)+\)", "(LEFT)", text)


def pending_refresh(**changes):
    return PendingRefresh(
        **{"generation": 1, "sending": 1, "started_at": time.time() - 600, "sender": Sender("elsewhere", 1), **changes}
    )


def only(outcome):
    (one,) = json.loads(outcome.out)["logins"]
    return one


def test_a_login_shows_this_screen(command):
    token = command.keep()
    outcome = command("status")
    assert (outcome.status, outcome.err) == (0, "")
    assert screen(outcome) == (
        f"Store file:{command.path}\n"
        "\n"
        "✓ default at http://127.0.0.1:9 (app cccccccc…, current)\n"
        f"    token    {token.fingerprint}, valid until WHEN (LEFT)\n"
        "    refresh  automatic (refresh token 0c6b0ba7)\n"
    ).replace("0c6b0ba7", json.loads(command("status", "--json").out)["logins"][0]["refresh_fingerprint"])


def test_the_hints_of_several_logins_are_apart_from_the_last_login(command):
    command.keep(account="a", left=-5, not_refreshable_reason="Trakt refused its refresh token")
    command.keep(account="b")
    outcome = command("status", "--account", "a")
    assert not outcome.out.endswith("\n\n")
    outcome = command("status")
    assert outcome.out.endswith(")\n\n")
    assert outcome.err == "→ Sign in: traktauth login --account a\n"


def test_a_login_is_this_json(command):
    token = command.keep()
    outcome = command("status", "--json")
    document = json.loads(outcome.out)
    one = document["logins"][0]
    assert (document["format"], document["store"]) == (1, f"file:{command.path}")
    assert one == {
        "account": "default",
        "service": "http://127.0.0.1:9",
        "client_id": "c" * 64,
        "current": True,
        "state": "valid",
        "username": None,
        "uuid": None,
        "expires_at": token.expires_at,
        "refreshable": True,
        "reason": None,
        "message": None,
        "pending": None,
        "generation": 1,
        "fingerprint": token.fingerprint,
        "refresh_fingerprint": one["refresh_fingerprint"],
        "saved_at": pytest.approx(time.time() - 60, abs=60),
        "moved_to": None,
    }


LOST = {"left": -1, "not_refreshable_reason": "Trakt refused its refresh token"}


@pytest.mark.parametrize(
    ("kept", "env", "status", "state", "words"),
    [
        ({}, {}, 0, "valid", "valid until"),
        ({"left": -1}, {}, 0, "expired", "at the next use (refresh token"),
        (LOST, {}, 4, "sign-in-required", "A new sign-in is required."),
        ({"refresh_token": None}, {}, 0, "valid-not-refreshable", "no: Trakt gave no refresh token"),
        ({"refresh_token": None, "left": -1}, {}, 4, "sign-in-required", "A new sign-in is required."),
        ({"pending_refresh": pending_refresh()}, {}, 0, "valid", "then it is sent again"),
        (
            {"pending_refresh": pending_refresh()},
            {"TRAKTAUTH_LOST_REPLY": "sign-in"},
            0,
            "valid-not-refreshable",
            "then a new sign-in",
        ),
        (
            {"pending_refresh": pending_refresh(), "left": -1},
            {"TRAKTAUTH_LOST_REPLY": "sign-in"},
            4,
            "sign-in-required",
            "sending 1",
        ),
        (
            {"left": 60, "pending_refresh": pending_refresh(started_at=time.time() + 3600)},
            {},
            0,
            "valid",
            "unconfirmed since",
        ),
    ],
)
def test_each_login_state_is_shown_and_has_its_exit_status(command, kept, env, status, state, words):
    command.keep(**kept)
    outcome = command("status", **env)
    assert outcome.status == status
    assert words in outcome.out
    assert only(command("status", "--json", **env))["state"] == state


def test_a_refresh_whose_outcome_stays_unknown_needs_no_sign_in(command):
    command.keep(left=-1, pending_refresh=pending_refresh())
    assert command.store.apply(command.login(), BeginRefresh(pending_refresh(sending=2)))
    outcome = command("status")
    assert outcome.status == 0
    assert "(sending 2); the token has expired, it is sent again at the next use" in outcome.out


def test_a_pending_refresh_is_in_the_json(command):
    command.keep(pending_refresh=pending_refresh(started_at=1000.0))
    assert only(command("status", "--json"))["pending"] == {
        "kind": "refresh",
        "sending": 1,
        "started_at": 1000.0,
        "host": "elsewhere",
        "pid": 1,
        "in_progress": False,
        "moving_to": None,
    }


def ended_process():
    ended = subprocess.Popen(["true"])
    ended.wait()
    return Sender(os.uname().nodename, ended.pid)


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        (lambda: Sender("elsewhere", 1), "in progress since"),
        (this_process, "in progress since"),
        (ended_process, "unconfirmed since"),
    ],
    ids=["another host", "running", "ended"],
)
def test_a_refresh_that_has_just_begun_is_in_progress_unless_its_process_has_ended(command, sender, shown):
    command.keep(pending_refresh=pending_refresh(started_at=time.time(), sender=sender()))
    assert shown in command("status").out


def test_every_login_is_shown_and_the_current_one_first(command):
    for account in ("a", "default", "z"):
        command.keep(account=account)
    command.at("trakt").keep(account="far away")
    command.at("http://127.0.0.1:9")
    shown = re.findall(r"^✓ (.+) at (\S+)", command("status").out, re.MULTILINE)
    assert shown == [("default", "http://127.0.0.1:9"), ("a", "http://127.0.0.1:9"), ("z", "http://127.0.0.1:9"),
                     ("far away", "trakt")]  # fmt: skip


def test_an_expired_login_of_another_service_does_not_fail_the_command_and_can_be_removed(command):
    command.keep()
    command.at("http://127.0.0.1:8").keep(account="short", **LOST)
    command.at("http://127.0.0.1:9")
    outcome = command("status")
    assert outcome.status == 0
    assert "✗ short at http://127.0.0.1:8" in outcome.out
    fix = "traktauth logout --account short --service http://127.0.0.1:8 --local"
    assert outcome.err == (
        f"→ short at http://127.0.0.1:8 belongs to another app or service than the settings. Remove it: {fix}\n"
    )
    assert command(*fix.split()[1:]).status == 0
    assert "short" not in command("status").out


def moved(command, account):
    record = command.record(account)
    assert command.store.apply(command.login(account), SetMoved(record.generation, "export:pytrakt:/moved.json"))


def test_a_login_that_was_moved_on_purpose_does_not_fail_the_command_while_the_current_one_is_valid(command):
    command.keep()
    command.keep(account="py")
    moved(command, "py")
    outcome = command("status")
    assert "moved to /moved.json" in outcome.out
    assert (outcome.status, outcome.err) == (0, "")
    assert command("status", "--account", "py").status == 4
    moved(command, "default")
    assert command("status").status == 4


def test_a_wrong_client_id_names_the_app_that_the_login_is_of(command):
    command.keep()
    for words in (["token"], ["refresh"], ["request", "/users/settings"]):
        outcome = command(*words, TRAKTAUTH_CLIENT_ID="d" * 64)
        assert outcome.status == 4
        assert f"The store has default at http://127.0.0.1:9 (app {'c' * 64}). If that is the login" in outcome.err
        assert f"export TRAKTAUTH_CLIENT_ID={'c' * 64}; else sign in: traktauth login" in outcome.err


def test_an_account_that_never_signed_in_needs_a_sign_in(command):
    outcome = command("status", "--account", "my tv")
    assert outcome.status == 4
    assert outcome.err == "→ Sign in: traktauth login --account 'my tv'\n"


def test_other_accounts_are_shown_if_the_default_account_has_no_login(command):
    for account in ("tv", "phone"):
        command.keep(account=account)
    outcome = command("status")
    assert (outcome.status, outcome.err) == (0, "")
    assert "not signed in" not in outcome.out
    named = command("status", TRAKTAUTH_ACCOUNT="radio")
    assert named.status == 4
    assert "✗ radio at " in named.out


def test_an_empty_store_needs_a_sign_in_also_without_an_app(command):
    outcome = command("status", TRAKTAUTH_CLIENT_ID="")
    assert outcome == (
        4,
        f"Store file:{command.path}\n  No account is signed in.\n",
        "→ Set up an app: traktauth setup\n",
    )
    assert json.loads(command("status", "--json", TRAKTAUTH_CLIENT_ID="").out)["logins"] == []


def test_a_signed_out_account_of_another_app_is_not_shown(command):
    command.keep()
    command.store.apply(command.login(), DeleteToken(1))
    assert (
        json.loads(command("status", "--json", TRAKTAUTH_CLIENT_ID="d" * 64).out)["logins"][0]["client_id"] == "d" * 64
    )


def test_status_shows_the_current_account_after_a_sign_out_beside_other_accounts(command):
    command.keep()
    command.store.apply(command.login(), DeleteToken(1))
    command.keep(account="tv")
    outcome = command("status")
    assert outcome.status == 4 == command("token").status
    assert "✗ default at " in outcome.out
    assert outcome.err == "→ Sign in: traktauth login\n"


# ---------------------------------------------------------------- --verify
def test_verify_shows_what_trakt_says_beside_the_stored_state(at_local, local):
    at_local.keep_real(local)
    outcome = at_local("status", "--verify")
    assert outcome.status == 0
    assert outcome.out.splitlines()[-1] == "    checked  Trakt accepts the token (user sean)"
    document = only(at_local("status", "--verify", "--json"))
    assert document["trakt"] == {"accepted": True, "username": "sean", "why": "accepts the token"}
    assert "trakt" not in only(at_local("status", "--json"))


@pytest.fixture
def revoked(at_local, local):
    """Return the command for a login whose tokens were both revoked by another program."""
    at_local.keep_revoked(local)
    return at_local


NEXT = "Refresh, or else sign in: traktauth refresh || traktauth login"


def test_verify_shows_a_login_that_was_revoked_elsewhere_as_dead_and_refreshes_nothing(revoked, local):
    outcome = revoked("status", "--verify")
    assert (outcome.status, outcome.err) == (4, f"→ {NEXT}\n")
    assert "✗ default at " in outcome.out
    assert "valid until" in outcome.out
    assert "checked  Trakt rejects the token (401)" in outcome.out
    login = only(revoked("status", "--verify", "--json"))
    assert (login["trakt"]["accepted"], login["hint"]) == (False, NEXT)
    assert revoked.record().generation == 1
    assert "POST /oauth/token" not in local.ledger()["counts"]


def test_doctor_shows_a_login_that_was_revoked_elsewhere_as_dead(revoked):
    outcome = revoked("doctor")
    assert outcome.status == 4
    assert "✗ login    default at " in outcome.out
    assert "Trakt rejects its token (401)" in outcome.out
    assert NEXT in outcome.out


def test_after_a_refused_refresh_the_next_command_is_a_sign_in(revoked):
    assert revoked("refresh").status == 4
    for words in (["status", "--verify"], ["doctor"], ["request", "/users/settings"]):
        outcome = revoked(*words)
        assert outcome.status == 4
        assert "Sign in: traktauth login" in outcome.out + outcome.err


def test_a_service_that_cannot_be_asked_is_try_later(command):
    command.keep()
    outcome = command("status", "--verify")
    assert outcome.status == 5
    assert "checked  Trakt could not be reached: no connection" in outcome.out
    assert only(command("status", "--verify", "--json"))["trakt"]["accepted"] is None


@pytest.fixture
def damaged(command):
    """`traktauth` with the logins m1, m2 and m3, of which m2's record is damaged."""
    for account in ("m1", "m2", "m3"):
        command.keep(account=account)
    document = json.loads(command.path.read_text())
    (entry,) = [each for each in document["logins"] if each["account"] == "m2"]
    entry["token"] = "garb{age"
    command.path.write_text(json.dumps(document))
    return command


def test_status_shows_the_others_and_names_the_damaged_one(damaged):
    outcome = damaged("status")
    assert outcome.status == 1
    assert outcome.out.count("\n✓ m") == 2
    assert re.search(r"✗ m2 at http://127\.0\.0\.1:9 \(app cccccccc…\)\n    cannot be read: \w+", outcome.out)
    assert outcome.err.startswith("→ m2: Restore the store from a backup, or ")
    assert outcome.err.endswith("traktauth login --account m2\n")
    logins = json.loads(damaged("status", "--json").out)["logins"]
    assert {each["account"]: each["state"] for each in logins} == {"m1": "valid", "m2": "unreadable", "m3": "valid"}
    (damaged_one,) = [each for each in logins if each["account"] == "m2"]
    assert damaged_one["message"]
    assert "--account m2" in damaged_one["hint"]
    assert [damaged("status", "--account", account).status for account in ("m1", "m2")] == [0, 1]


def test_the_doctor_has_a_finding_for_it_and_all_for_the_others(damaged):
    outcome = damaged("doctor", "--offline", "--json")
    document = json.loads(outcome.out)
    found = [each for each in document["findings"] if each["about"] == "login"]
    assert outcome.status == 1
    assert sorted(each["level"] for each in found) == ["good", "good", "wrong"]
    (finding,) = [each for each in found if each["level"] == "wrong"]
    assert finding["message"].startswith("m2 at http://127.0.0.1:9: ")
    assert "traktauth login --account m2" in finding["hint"]
    assert any(each["message"] == "a test write succeeded" for each in document["findings"])
    assert sorted(each["state"] for each in document["logins"]) == ["unreadable", "valid", "valid"]


def test_many_damaged_ones_are_counted(command):
    for number in range(23):
        command.keep(account=f"m{number}")
    document = json.loads(command.path.read_text())
    for entry in document["logins"]:
        entry["generation"] = None
    command.path.write_text(json.dumps(document))
    found = [each for each in json.loads(command("doctor", "--offline", "--json").out)["findings"] if each["hint"]]
    found = [each["message"] for each in found if each["about"] == "login"]
    assert (len(found), found[-1]) == (21, "3 more cannot be read")
