"""A login that was ended elsewhere is shown as ended, with exit status 4 and the next command."""

from __future__ import annotations

import json

import pytest

from traktauth.models.changes import DeleteToken


@pytest.fixture
def revoked(at_local, local):
    """Return the command for a login whose tokens were both revoked by another program."""
    at_local.keep_revoked(local)
    return at_local


NEXT = "Refresh, or else sign in: traktauth refresh || traktauth login"


def test_status_verify_shows_a_login_that_was_revoked_elsewhere_as_dead(revoked):
    outcome = revoked("status", "--verify")
    assert outcome.status == 4
    assert "✗ default at " in outcome.out
    assert outcome.err == f"→ {NEXT}\n"
    (login,) = json.loads(revoked("status", "--verify", "--json").out)["logins"]
    assert (login["trakt"]["accepted"], login["hint"]) == (False, NEXT)


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


def test_status_shows_the_current_account_after_a_sign_out_beside_other_accounts(command):
    command.keep()
    command.store.apply(command.login(), DeleteToken(1))
    command.keep(account="tv")
    outcome = command("status")
    assert outcome.status == 4 == command("token").status
    assert "✗ default at " in outcome.out
    assert outcome.err == "→ Sign in: traktauth login\n"


def test_doctor_names_the_current_account_after_a_sign_out_beside_other_accounts(command):
    command.keep()
    command.store.apply(command.login(), DeleteToken(1))
    command.keep(account="tv")
    found = json.loads(command("doctor", "--offline", "--json").out)["findings"]
    (login,) = [each for each in found if each["about"] == "login" and each["level"] != "good"]
    assert "It was signed out here" in login["message"]
    assert login["hint"] == "Sign in: traktauth login"
