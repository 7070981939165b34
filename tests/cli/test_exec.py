"""`traktauth exec`: another program in our place, with a token and without our secrets."""

from __future__ import annotations

import json
import sys

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
