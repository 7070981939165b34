"""What `traktauth token` costs where the store has a fresh token, and that its short way is the long way's equal."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from traktauth.cli.fast_path import parse_plain_options
from traktauth.models.changes import RejectToken

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


@pytest.mark.parametrize("life", ["nan", "inf", "-1", "soon", ""])
def test_a_life_that_is_no_number_of_seconds_is_wrong_usage(command, life):
    command.keep()
    outcome = command("token", "--min-life", life)
    assert (outcome.status, outcome.out) == (2, "")
    assert "is not a number of seconds" in outcome.err


def test_more_life_than_any_token_has_is_wrong_usage(command):
    command.keep()
    outcome = command("token", "--min-life", "99999999")
    assert outcome.status == 2
    assert "a new one is valid for 604800 s" in outcome.err
