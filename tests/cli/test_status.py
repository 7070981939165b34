"""`traktauth status`: what is known here, apart from what Trakt says; and 4 where a sign-in is needed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time

import pytest

from traktauth.models import Renewal


def screen(outcome):
    """What is shown, with moments and durations left out."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "WHEN", outcome.out)
    return re.sub(r"\((\d+ (d|h|min|s) ?)+\)", "(LEFT)", text)


def renewal(**changes):
    return Renewal(**{"generation": 1, "attempt": 1, "at": time.time() - 600, "by": "elsewhere:1", **changes})


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
        "✓ default at http://127.0.0.1:9 (app cccccccc…)\n"
        f"    token      {token.fingerprint}, good until WHEN (LEFT)\n"
        "    renewable  yes, by itself when it is used (refresh token 0c6b0ba7)\n"
    ).replace("0c6b0ba7", json.loads(command("status", "--json").out)["logins"][0]["refresh_fingerprint"])


def test_a_login_is_this_json(command):
    token = command.keep()
    outcome = command("status", "--json")
    document = json.loads(outcome.out)
    one = document["logins"][0]
    assert (document["format"], document["store"]) == (1, f"file:{command.path}")
    assert one == {
        "realm": "http://127.0.0.1:9",
        "client_id": "c" * 64,
        "account": "default",
        "state": "good",
        "needs_login": False,
        "generation": 1,
        "fingerprint": token.fingerprint,
        "refresh_fingerprint": one["refresh_fingerprint"],
        "expires_at": token.expires_at,
        "expires_in": pytest.approx(86400, abs=60),
        "saved_at": pytest.approx(time.time() - 60, abs=60),
        "renewable": True,
        "why_not": None,
        "moved": None,
        "renewal": None,
    }


LOST = {"left": -1, "why_not": "Trakt refused its refresh token"}


@pytest.mark.parametrize(
    ("kept", "env", "status", "state", "words"),
    [
        ({}, {}, 0, "good", "good until"),
        ({"left": -1}, {}, 0, "ended-renewable", "yes, the next use renews it"),
        ({"why_not": "Trakt refused its refresh token"}, {}, 0, "good-until-it-ends", "no: Trakt refused its refresh"),
        (LOST, {}, 4, "sign-in-needed", "A new sign-in is needed."),
        ({"refresh_token": None}, {}, 0, "good-until-it-ends", "no: Trakt gave no refresh token"),
        ({"refresh_token": None, "left": -1}, {}, 4, "sign-in-needed", "A new sign-in is needed."),
        ({"renewal": renewal()}, {}, 0, "good", "then one last attempt, or a new sign-in"),
        ({"renewal": renewal()}, {"TRAKTAUTH_LOST_REPLY": "sign-in"}, 0, "good-until-it-ends", "then a new sign-in"),
        ({"renewal": renewal()}, {"TRAKTAUTH_LOST_REPLY": "resend"}, 0, "good", "then it is sent again"),
        ({"renewal": renewal(), "left": -1}, {}, 0, "ended-renewable", "the token has ended, then one last attempt"),
        ({"renewal": renewal(), "left": -1}, {"TRAKTAUTH_LOST_REPLY": "sign-in"}, 4, "sign-in-needed", "attempt 1"),
        ({"left": 60, "renewal": renewal(at=time.time() + 3600)}, {}, 0, "good", "unconfirmed since"),
    ],
)
def test_each_standing_is_told_and_has_its_exit_status(command, kept, env, status, state, words):
    command.keep(**kept)
    outcome = command("status", **env)
    assert outcome.status == status
    assert words in outcome.out
    assert only(command("status", "--json", **env))["state"] == state


def test_a_second_attempt_in_doubt_needs_a_sign_in_when_its_token_has_ended(command):
    command.keep(left=-1, renewal=renewal())
    assert command.store.begin(command.login(), renewal(attempt=2))
    assert command("status").status == 4


def test_a_renewal_that_has_just_begun_is_under_way_and_not_in_doubt(command):
    command.keep(renewal=renewal(at=time.time()))
    outcome = command("status")
    assert "being renewed since" in outcome.out
    assert "unconfirmed" not in outcome.out


def test_a_renewal_whose_process_has_ended_is_in_doubt_at_once(command):
    ended = subprocess.Popen(["true"])
    ended.wait()
    command.keep(renewal=renewal(at=time.time(), by=f"{os.uname().nodename}:{ended.pid}"))
    assert "renewal unconfirmed since" in command("status").out


def test_a_renewal_of_a_living_process_is_under_way(command):
    command.keep(renewal=renewal(at=time.time(), by=f"{os.uname().nodename}:{os.getpid()}"))
    assert "being renewed since" in command("status").out


def test_what_status_says_is_what_token_does(command):
    command.keep(**LOST)
    assert command("token").status == command("status").status == 4


def test_every_login_is_shown_this_one_first(command):
    for account in ("a", "default", "z"):
        command.keep(account=account)
    command.at("trakt").keep(account="far away")
    command.at("http://127.0.0.1:9")
    shown = re.findall(r"^✓ (.+) at (\S+)", command("status").out, re.MULTILINE)
    assert shown == [("default", "http://127.0.0.1:9"), ("a", "http://127.0.0.1:9"), ("z", "http://127.0.0.1:9"),
                     ("far away", "trakt")]  # fmt: skip


def test_one_account_is_shown_alone(command):
    command.keep(account="tv")
    command.keep()
    assert only(command("status", "--json", "--account", "tv"))["account"] == "tv"


def test_an_account_that_never_signed_in_needs_a_sign_in(command):
    outcome = command("status", "--account", "my tv")
    assert outcome.status == 4
    assert outcome.err == "→ Sign in: traktauth login --account 'my tv'\n"


def test_where_nobody_has_the_name_that_nobody_gave_those_who_are_there_are_shown(command):
    for account in ("tv", "phone"):
        command.keep(account=account)
    outcome = command("status")
    assert (outcome.status, outcome.err) == (0, "")
    assert "nobody is signed in" not in outcome.out
    named = command("status", TRAKTAUTH_ACCOUNT="radio")
    assert named.status == 4
    assert "✗ radio at " in named.out


def test_an_account_that_signed_out_is_shown_where_there_is_no_other(command):
    command.keep()
    command.store.forget(command.login(), 1)
    assert "signed out" in command("status").out
    command.keep(account="tv")
    assert command("status").status == 0
    assert command("status", "--account", "default").status == 4


def test_an_empty_store_needs_a_sign_in_also_without_an_app(command):
    outcome = command("status", TRAKTAUTH_CLIENT_ID="")
    assert outcome == (4, f"Store file:{command.path}\n  Nobody is signed in.\n", "→ Sign in: traktauth login\n")
    assert json.loads(command("status", "--json", TRAKTAUTH_CLIENT_ID="").out)["logins"] == []


def test_logins_are_shown_without_an_app(command):
    command.keep()
    assert command("status", TRAKTAUTH_CLIENT_ID="").status == 0


def test_a_signed_out_account_of_another_app_is_not_shown(command):
    command.keep()
    command.store.forget(command.login(), 1)
    assert (
        json.loads(command("status", "--json", TRAKTAUTH_CLIENT_ID="d" * 64).out)["logins"][0]["client_id"] == "d" * 64
    )


def test_a_damaged_store_is_an_error_that_names_it(command):
    command.keep()
    command.path.write_text("{")
    outcome = command("status")
    assert (outcome.status, outcome.out) == (1, "")
    assert f"{command.path} cannot be read: it is damaged" in outcome.err


# ---------------------------------------------------------------- --verify
def test_without_verify_nothing_is_sent(at_local, local):
    at_local.keep_real(local)
    at_local("status")
    assert local.ledger()["counts"].get("GET /users/settings", 0) == 0


def test_verify_tells_trakts_word_apart(at_local, local):
    at_local.keep_real(local)
    outcome = at_local("status", "--verify")
    assert outcome.status == 0
    assert outcome.out.splitlines()[-1] == "    Trakt says (asked just now): the token is good, of user sean"
    document = only(at_local("status", "--verify", "--json"))
    assert document["trakt"] == {"accepted": True, "username": "sean", "why": "the token is good"}
    assert "trakt" not in only(at_local("status", "--json"))


def test_verify_renews_nothing_where_trakt_refuses(at_local, local):
    token = at_local.keep_real(local)
    local.expire("access", token.access_token)
    outcome = at_local("status", "--verify")
    assert outcome.status == 0  # the next use renews it
    assert "good until" in outcome.out
    assert "Trakt says (asked just now): the token is refused (401)" in outcome.out
    assert at_local.record().generation == 1
    assert "POST /oauth/token" not in local.ledger()["counts"]


def test_a_refused_token_that_cannot_be_renewed_needs_a_sign_in(at_local, local):
    token = at_local.keep_real(local)
    at_local.store.mark(at_local.login(), 1, "Trakt refused its refresh token")
    local.expire("access", token.access_token)
    assert at_local("status").status == 0
    assert at_local("status", "--verify").status == 4


def test_a_service_that_cannot_be_asked_is_try_later(command):
    command.keep()
    outcome = command("status", "--verify")
    assert outcome.status == 5
    assert "Trakt says (asked just now): could not be asked: no connection" in outcome.out
    assert only(command("status", "--verify", "--json"))["trakt"]["accepted"] is None
