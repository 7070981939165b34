"""`traktauth token`, `refresh` and `exec`: a valid token for shells and programs, or the status that says why not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time

import pytest

from support.wire import bearer, call
from traktauth.cli.fast_path import parse_plain_options
from traktauth.models.changes import RejectToken
from traktauth.protocol import ONE_COMMUNITY_APP


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


def test_token_rejected_ends_with_4_if_its_own_new_token_is_rejected_too(at_local, local):
    token = at_local.keep_real(local).access_token
    for _ in range(2):
        local.expire("access", token)
        outcome = at_local("token", "--rejected", stdin=token)
        token = outcome.out.strip()
    assert (outcome.status, outcome.out) == (4, "")
    assert "Trakt rejects the access token, and a new one too" in outcome.err


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


SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def test_the_command_gets_the_token_and_none_of_our_variables(command):
    token = command.keep()
    outcome = command.execute("exec", "--", sys.executable, "-c", SHOW, traktauth_lower="x", OTHER="kept")
    environ = json.loads(outcome.out)
    assert outcome.status == 0
    assert environ["TRAKT_ACCESS_TOKEN"] == token.access_token
    assert environ["TRAKT_ACCESS_TOKEN_EXPIRES_AT"] == str(int(token.expires_at))
    assert environ["TRAKT_CLIENT_ID"] == command.env["TRAKTAUTH_CLIENT_ID"]
    assert environ["TRAKT_API_URL"] == command.env["TRAKTAUTH_SERVICE"]
    assert environ["OTHER"] == "kept"
    assert not [name for name in environ if name.upper().startswith("TRAKTAUTH_")]
    assert command.env["TRAKTAUTH_CLIENT_SECRET"] not in outcome.out
    assert token.refresh_token not in outcome.out


def test_the_command_replaces_the_process_and_its_exit_status_is_returned(command):
    command.keep()
    process = command.start("exec", "--", sys.executable, "-c", "import os, sys; print(os.getpid()); sys.exit(42)")
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, int(out)) == (42, process.pid)


def test_flags_after_the_command_belong_to_it(command):
    command.keep("a-token-of-tv", account="tv")
    for before in ([], ["--"]):
        words = ["--account", "tv", *before, "printf", "%s %s", "--json", "--account"]
        assert command.execute("exec", *words) == (0, "--json --account", "")


def test_a_broken_pipe_ends_it_as_if_we_had_not_been_there(command):
    command.keep()
    ended = command.execute("exec", "--", "sh", "-c", "(yes; echo $? >&2) | head -1")
    assert ended.err == "141\n"  # by SIGPIPE, silently


def test_a_command_that_is_not_there_is_an_error_of_two_lines(command):
    command.keep()
    outcome = command.execute("exec", "--", "no-such-command")
    assert (outcome.status, outcome.out) == (127, "")
    assert outcome.err.splitlines() == [
        "Error: Cannot run no-such-command: No such file or directory",
        "→ Use a program on the PATH, or its full path: traktauth exec -- CMD …",
    ]


def test_no_command_is_wrong_usage(command):
    command.keep()
    assert command("exec", "--").status == 2


TOKEN = "/oauth/token"


def refreshes(local):
    return local.ledger()["counts"].get("POST /oauth/token", {}).get("refresh_token", 0)


def works(local, command, token):
    headers = bearer(token, command.env["TRAKTAUTH_CLIENT_ID"])
    return call(local.base, "GET", "/users/settings", headers=headers).status == 200


@pytest.fixture
def wired(command, local, recording_proxy):
    """`traktauth` behind a proxy to a local Trakt."""
    wire = recording_proxy(local.base)
    command.at(wire.base)
    return command, wire


def test_a_refresh_renews_a_fresh_token_and_says_so_without_showing_it(at_local, local):
    at_local.keep_real(local)
    outcome = at_local("refresh")
    new = at_local.record().token
    assert (outcome.status, outcome.out) == (0, "")
    assert outcome.err.startswith(f"✓ Refreshed: token {new.fingerprint}, valid until ")
    assert new.generation == 2
    assert works(local, at_local, new.access_token)


def test_a_lost_answer_is_not_sent_again_while_the_old_token_lives(wired, local):
    command, wire = wired
    old = command.keep_real(local)
    wire.swallow(TOKEN, grant="refresh_token")
    first, second = command("refresh"), command("refresh", "--json")
    assert (first.status, first.out, second.status, second.out) == (5, "", 5, "")
    assert f"The token {old.fingerprint} is valid until " in first.err
    assert "traktauth refresh --force" in first.err.splitlines()[-1]
    assert f"The token {old.fingerprint} is valid until " in json.loads(second.err)["message"]
    assert command("token") == (0, f"{old.access_token}\n", "")
    assert wire.count(TOKEN, grant="refresh_token") == 1


def test_force_names_the_price_and_sends_it_all_the_same(wired, local):
    command, wire = wired
    command.keep_real(local)
    wire.drop(TOKEN, grant="refresh_token")
    assert command("refresh").status == 5
    outcome = command("refresh", "--force")
    assert outcome.status == 0
    assert outcome.err.startswith("! An earlier refresh is unconfirmed. If it reached Trakt, sending it again ends")
    assert wire.count(TOKEN, grant="refresh_token") == 2


def test_a_dead_refresh_token_asks_for_a_sign_in(at_local, local):
    at_local.keep("unknown-access-token", "unknown-refresh-token", left=-1)
    outcome = at_local("token", "--json")
    assert outcome.status == 4
    assert json.loads(outcome.err) == {
        "error": "LoginRequired",
        "code": "login-revoked",
        "message": "This login cannot be refreshed: Trakt refused its refresh token",
        "hint": f"Sign in: traktauth login. {ONE_COMMUNITY_APP}. Why: traktauth explain login-revoked",
    }
    assert refreshes(local) == 1
    later = at_local("token", "--json")
    assert (later.status, json.loads(later.err)) == (4, json.loads(outcome.err))
    assert refreshes(local) == 1


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_during_a_refresh_is_delivered_after_the_save(wired, local, signum):
    command, wire = wired
    command.keep_real(local, left=-1)
    main = threading.get_ident()
    wire.call(TOKEN, lambda: signal.pthread_kill(main, signum), grant="refresh_token")
    status, out, err = command("token")
    record = command.record()
    assert (status, out) == (2, "")
    assert err.startswith("Error: ")
    assert (record.generation, record.pending_refresh) == (2, None)
    assert works(local, command, record.token.access_token)


HEAVY = ["click", "httpx2", "asyncio", "segno", "ssl", "starlette", "traktauth.server"]
PROBE = """
import sys
from traktauth.__main__ import main
sys.argv = ["traktauth", *sys.argv[1:]]
status = main()
print(*(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)
sys.exit(status)
"""


def probed(command, *words, heavy=HEAVY):
    """Run a command; its stderr names those of the heavy modules that it loaded."""
    code = PROBE.format(heavy=heavy)
    return subprocess.run(
        [sys.executable, "-c", code, *words], env=command.env, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("words", [["token"], ["token", "--json", "--min-life", "60", "--account", "default"]])
def test_a_fresh_token_loads_no_http_library_no_asyncio_no_click(command, words):
    command.keep()
    done = probed(command, *words)
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert "access-token-0123456789" in done.stdout


def test_the_probe_can_see_what_is_loaded(command):
    command.keep(left=-1)
    assert "click" in probed(command, "token").stderr


@pytest.mark.parametrize("words", [["status"], ["login", "--help"]])
def test_no_command_loads_what_it_does_not_use(command, words):
    command.keep()
    done = probed(command, *words, heavy=["httpx2", "asyncio", "segno", "traktauth.server"])
    assert (done.returncode, done.stderr.strip()) == (0, "")


@pytest.mark.parametrize("flags", [[], ["--json"], ["--min-life", "5"]])
def test_the_short_way_prints_what_the_long_way_prints(command, flags):
    command.keep()
    short = command("token", *flags)
    long = command("token", *flags, "--account=default")  # written in a way that the short one leaves alone
    assert short == long
    assert short.status == 0


@pytest.mark.parametrize(
    "words", [["token"], ["token", "--json"], ["token", "--account=default"], ["exec", "--", "true"]]
)
def test_a_login_that_trakt_has_ended_gives_no_token_to_a_later_process(at_local, local, words):
    at_local.keep_real(local, left=604000)
    local.control("POST", "reset", {})  # it knows the token no more
    assert at_local("request", "/users/settings").status == 4
    later = at_local(*words)
    assert (later.status, later.out) == (4, "")
    assert "Trakt refused its refresh token" in later.err


def test_a_rejected_token_is_not_printed_while_no_refresh_succeeds(command):
    """The service cannot be reached, so whether the login has ended is unknown; the token is known to be useless."""
    token = command.keep(left=604000)
    assert command.store.apply(command.login(), RejectToken(token.generation, time.time()))
    later = command("token")
    assert (later.status, later.out) == (5, "")


def test_a_flag_wins_over_the_environment_over_the_file(command, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text('account = "from-the-file"\n')
    for account in ("from-the-file", "from-the-environment", "from-the-flag"):
        command.keep(f"token-{account}", account=account)
    command.env["TRAKTAUTH_CONFIG"] = str(config)
    assert command("token").out == "token-from-the-file\n"
    command.env["TRAKTAUTH_ACCOUNT"] = "from-the-environment"
    assert command("token").out == "token-from-the-environment\n"
    assert command("token", "--account", "from-the-flag").out == "token-from-the-flag\n"
    assert command("token", "--account=from-the-flag").out == "token-from-the-flag\n"


@pytest.mark.parametrize(
    "words",
    [
        ["--account"],
        ["--account=me"],
        ["--account", "a", "--account", "b"],
        ["--account", "--json"],
        ["--help"],
        ["extra"],
        ["--json", "--json"],
        ["--min-life", "-1"],
    ],
)
def test_the_short_way_leaves_alone_what_is_not_written_plainly(words):
    assert parse_plain_options(words) is None


def test_more_life_than_any_token_has_is_wrong_usage(command):
    command.keep()
    outcome = command("token", "--min-life", "99999999")
    assert outcome.status == 2
    assert "a new one is valid for 604800 s" in outcome.err
