"""Shell lines whose access token was rejected by Trakt: each gets another token, or ends with 4."""

from __future__ import annotations


def test_token_rejected_refreshes_the_rejected_token(at_local, local):
    token = at_local.keep_real(local)
    local.expire("access", token.access_token)
    outcome = at_local("token", "--rejected", stdin=f"{token.access_token}\n")
    assert (outcome.status, outcome.err) == (0, "")
    assert local.alive(outcome.out.strip())
    assert local.ledger()["rotations"] == 1


def test_token_rejected_prints_a_newer_token_that_is_stored_already(at_local, local):
    at_local.keep_real(local)
    outcome = at_local("token", "--rejected", stdin="an-older-token")
    assert outcome.out.strip() == at_local.record().token.access_token
    assert local.ledger()["rotations"] == 0


def test_token_rejected_ends_with_4_if_the_login_has_ended(at_local, local):
    token = at_local.keep_revoked(local)
    outcome = at_local("token", "--rejected", stdin=token.access_token)
    assert (outcome.status, outcome.out) == (4, "")
    assert "Sign in: traktauth login" in outcome.err
    assert at_local("token").status == 4  # the store remembers that Trakt rejected it


def test_token_rejected_without_a_token_on_stdin_is_wrong_usage(command):
    command.keep()
    outcome = command("token", "--rejected", stdin="")
    assert outcome.status == 2
    assert "reads the rejected access token from standard input" in outcome.err


def test_exec_check_runs_the_command_after_one_request(at_local, local):
    at_local.keep_real(local)
    outcome = at_local.execute("exec", "--check", "--", "printenv", "TRAKT_ACCESS_TOKEN")
    assert outcome.out.strip() == at_local.record().token.access_token
    assert local.ledger()["counts"]["GET /users/settings"] == 1


def test_exec_check_does_not_run_the_command_if_the_login_has_ended(at_local, local):
    at_local.keep_revoked(local)
    outcome = at_local("exec", "--check", "--", "echo", "it ran")
    assert (outcome.status, outcome.out) == (4, "")


def test_exec_check_ends_with_5_if_trakt_is_busy(at_local, local):
    at_local.keep_real(local)
    local.control("PUT", "faults", [{"path": "/users/settings", "status": 503}])
    outcome = at_local("exec", "--check", "--", "echo", "it ran")
    assert (outcome.status, outcome.out) == (5, "")


def test_help_environment_names_the_address_of_the_api(command):
    assert f"TRAKT_API_URL is {command.env['TRAKTAUTH_SERVICE']}\n" in command("help", "environment").out
