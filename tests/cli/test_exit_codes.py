"""Exit statuses, and what is said on stderr: one line of what, one line with the command that fixes it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from traktauth import __main__
from traktauth.cli import exit_codes
from traktauth.cli import main as cli
from traktauth.cli.exit_codes import Terminated, report
from traktauth.cli.times import format_time
from traktauth.errors import (
    AppInvalid,
    AppRejected,
    LoginRefused,
    LoginRequired,
    StoreFailed,
    TryLater,
    UnexpectedReply,
)
from traktauth.flow.effects import NoResponse

STATUSES = [
    (LoginRequired("x"), 4),
    (AppRejected("x"), 3),
    (AppInvalid("x"), 3),
    (TryLater("x"), 5),
    (LoginRefused("x"), 1),
    (StoreFailed("x"), 1),
    (UnexpectedReply("x"), 1),
    (ValueError("x"), 2),
    (click.UsageError("x"), 2),
    (click.exceptions.Abort(), 2),
    (KeyboardInterrupt(), 2),
    (EOFError(), 2),
    (Terminated(signal.SIGTERM), 2),
    (RuntimeError("x"), 1),
    (ZeroDivisionError(), 1),
]


@pytest.mark.parametrize(("error", "status"), STATUSES, ids=lambda value: type(value).__name__)
def test_each_error_has_its_exit_status_and_is_one_json_line_with_json(error, status, capsys):
    assert report(error, as_json=True) == status
    expected = capsys.readouterr()
    assert expected.out == ""
    assert expected.err.count("\n") == 1
    assert json.loads(expected.err).keys() - {"temporary", "code"} == {"error", "message", "hint"}


def test_a_local_trakt_that_does_not_run_is_started_by_the_hint(capsys):
    report(
        NoResponse(sent=False, reason="no connection (connection refused)").error("http://127.0.0.1:8713/oauth"),
        as_json=False,
    )
    assert capsys.readouterr().err.endswith("\n→ Is the local Trakt running? Start it: traktauth serve --port 8713\n")


def test_a_name_that_is_not_found_is_no_reason_to_wait(capsys):
    report(NoResponse(sent=False, reason="no connection (name not found)").error("https://api.example"), as_json=False)
    assert "\n→ Check this machine's network, and the address" in capsys.readouterr().err


def test_an_interruption_on_a_terminal_begins_a_line(capsys, monkeypatch):
    monkeypatch.setattr(exit_codes, "is_on_terminal", lambda _: True)
    report(KeyboardInterrupt(), as_json=False)
    assert capsys.readouterr().err == "\nError: Interrupted\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_python_ends_shows_no_traceback(number):
    code = "import atexit, os, sys; from traktauth.__main__ import main; "
    code += f"atexit.register(lambda: (os.kill(os.getpid(), {number.value}), len('x'))); sys.exit(main())"
    ended = subprocess.run([sys.executable, "-c", code, "version"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (-number, "")


def test_an_unforeseen_error_shows_neither_its_words_nor_a_traceback(capsys):
    assert report(RuntimeError("the secret is hunter2"), as_json=False) == 1
    expected = capsys.readouterr().err
    assert "RuntimeError" in expected
    assert "report this line" in expected
    assert "hunter2" not in expected
    assert "Traceback" not in expected


def test_an_unforeseen_error_names_where_in_the_package_it_was(capsys):
    try:
        format_time("no number")
    except TypeError as error:
        report(error, as_json=False)
    assert "TypeError at cli/times.py:" in capsys.readouterr().err


SETTINGS = "See: traktauth help environment"
CASES = [
    # status, words, environment, a piece of the message, the hint
    (2, ["frobnicate"], {}, "No such command 'frobnicate'", "See: traktauth --help"),
    (2, ["token", "--frob"], {}, "No such option '--frob'", "See: traktauth token --help"),
    (2, ["token"], {"TRAKTAUTH_SERVICE": "nowhere"}, "No service is named 'nowhere'", SETTINGS),
    (2, ["token"], {"TRAKTAUTH_SERVICE": "http://example.com"}, "would send tokens unencrypted", SETTINGS),
    (2, ["token"], {"TRAKTAUTH_STORE": "shoebox:"}, "No store has the address", SETTINGS),
    (2, ["token"], {"TRAKTAUTH_STORE": "sqllite:/x.db"}, "Did you mean 'sqlite:…'?", SETTINGS),
    (2, ["token"], {"TRAKTAUTH_SERVICE": "127.0.0.1:8712"}, "Did you mean 'http://127.0.0.1:8712'?", SETTINGS),
    (2, ["token"], {"TRAKTAUTH_CONFIG": "none.toml"}, "cannot be read: No such file", SETTINGS),
    (2, ["token"], {"TRAKTAUTH_LOST_REPLY": "maybe"}, "TRAKTAUTH_LOST_REPLY must be one of", SETTINGS),
    (3, ["token"], {"TRAKTAUTH_CLIENT_ID": ""}, "No app is set up: client id is missing", "traktauth setup"),
    (3, ["token"], {"TRAKTAUTH_CLIENT_SECRET": "abc\n"}, "(U+000A) at position 4 of 4", "Copy the secret again"),
    (3, ["login"], {"TRAKTAUTH_CLIENT_SECRET": "\x16abc"}, "(U+0016) at position 1 of 4", "Copy the secret again"),
    (3, ["token"], {"TRAKTAUTH_REDIRECT_URI": "/callback"}, "lacks http:// or https://", "TRAKTAUTH_REDIRECT_URI"),
    (4, ["token"], {}, "Account default has no login", "Sign in: traktauth login"),
    (4, ["token", "--account", "my tv"], {}, "Account my tv has no login", "login --account 'my tv'"),
    (4, ["logout"], {}, "Account default has no login", "See all logins: traktauth status"),
    (4, ["exec", "--", "true"], {}, "Account default has no login", "Sign in: traktauth login"),
    (4, ["request", "GET", "/users/settings"], {}, "Account default has no login", "Sign in: traktauth login"),
    (2, ["request", "GET", "//evil.example/x"], {}, "path must begin with exactly one /", "See: traktauth --help"),
    (2, ["request", "G E T", "/x"], {}, "METHOD must be an HTTP method", "See: traktauth request --help"),
    (2, ["login", "--browser", "--device"], {}, "--browser and --device cannot be combined", "login --help"),
    (2, ["login", "--resume", "--with-token"], {}, "cannot be combined", "See: traktauth login --help"),
    (5, ["login", "--device"], {}, "could not be reached", "traktauth serve --port 9"),
    (1, ["token"], {"TRAKTAUTH_STORE": "file:/"}, "/ is a directory", "Name a file: --store"),
    (1, ["login"], {"TRAKTAUTH_STORE": "file:/dev/null/x.json"}, "cannot be", "traktauth doctor"),
    (3, ["login", "--browser"], {"TRAKTAUTH_REDIRECT_URI": "https://example.com/cb"}, "lead back", "method device"),
    (2, ["logn"], {}, "No such command 'logn'. Did you mean 'login'?", "See: traktauth --help"),
    (2, ["store", "mve"], {}, "No such command 'mve'. Did you mean 'move'?", "See: traktauth store --help"),
    (2, ["zzz"], {}, "No such command 'zzz'.", "See: traktauth --help"),
    (2, ["token", "--service", "trackt"], {}, "'trackt'. Did you mean 'trakt'?", SETTINGS),
    (2, ["status", "--store", "x.json"], {}, "Did you mean 'file:x.json'?", SETTINGS),
    (2, ["status", "--store", "data/x.db"], {}, "Did you mean 'sqlite:data/x.db'?", SETTINGS),
    *[
        (2, ["token", "--min-life", life], {}, "is not a number of seconds", "See: traktauth token --help")
        for life in ("nan", "inf", "-1", "soon", "")
    ],
    (2, ["request", "GET"], {}, "PATH is missing", "request --help"),
    (2, ["request", "/a", "-f", "novalue"], {}, "-f must be NAME=VALUE, not novalue", "request --help"),
    (2, ["request", "/a", "-F", "x=@nowhere"], {}, "No such file", "request --help"),
    (2, ["request", "/a", "--body", "[]", "-f", "a=1"], {}, "must be a JSON object", "request --help"),
    (2, ["request", "/a", "--body", "{"], {}, "--body is not valid JSON: line 1, column 2", "request --help"),
    (2, ["request", "POST", "/a", "--paginate"], {}, "--paginate is for GET", "request --help"),
    (2, ["request", "/a", "--max-pages", "0"], {}, "--max-pages", "request --help"),
    (2, ["request", "http://127.0.0.1:99/a"], {}, "is not an address of http://127.0.0.1:9", "request --help"),
    (2, ["request", "-H", "Authorization: Bearer x", "/a"], {}, "the account's own token is sent", "request --help"),
    (2, ["request", "-H", "Host: evil.example", "/a"], {}, "it is set by itself", "request --help"),
    (2, ["request", "-H", "no colon", "/a"], {}, "must be NAME:VALUE", "request --help"),
    (2, ["request", "-H", "a b: c", "/a"], {}, "must be NAME:VALUE", "request --help"),
    (2, ["request", "-H", "X: a\nY: b", "/a"], {}, "must be printable ASCII", "request --help"),
    (1, ["keep"], {"TRAKTAUTH_STORE": "memory:"}, "not the store memory:", "Name one: traktauth keep --store"),
    (1, ["keep"], {}, "keep needs sqlite:, redis: or postgresql:", "traktauth store move"),
    (1, ["keep", "--store", "redis://127.0.0.1:9", "--once"], {}, "127.0.0.1:9", "traktauth doctor"),
    (2, ["keep", "--store", "shoebox:"], {}, "No store has the address", ""),
    (2, ["keep", "--pace", "0/61"], {}, "--pace must be N/SECONDS", "See: traktauth keep --help"),
    (2, ["keep", "--pace", "20/nan"], {}, "--pace must be N/SECONDS", "See: traktauth keep --help"),
    (2, ["keep", "--in-flight", "0"], {}, "in-flight", "See: traktauth keep --help"),
    (2, ["keep", "--limit", "5"], {}, "--limit needs --once or --plan", "See: traktauth keep --help"),
    (2, ["keep", "--once", "--limit", "0"], {}, "limit", "See: traktauth keep --help"),
    (2, ["keep", "--metrics", "99999"], {}, "metrics", "See: traktauth keep --help"),
    (2, ["keep", "--account", "foo"], {}, "No such option '--account'", "See: traktauth keep --help"),
    (2, ["keep", "--plan", "--once"], {}, "--plan and --once cannot be combined", "See: traktauth keep --help"),
    (2, ["keep", "--plan", "--metrics", "0"], {}, "--plan and --metrics cannot be combined", "keep --help"),
    (2, ["store", "move", "env:NOT_THERE", "file:x"], {}, "The variable NOT_THERE holds no address", "move --help"),
    (2, ["store", "move", "@/not/there", "file:x"], {}, "/not/there cannot be read: No such file", "move --help"),
    (2, ["store", "move", "@/dev/null", "file:x"], {}, "The file /dev/null holds no address", "move --help"),
    (2, ["store", "move", "shoebox:", "file:x"], {}, "No store has the address", SETTINGS),
    (2, ["store", "move", "-", "file:x"], {}, "Standard input holds no address", "move --help"),
    (2, ["export", "pytrakt"], {}, "use --access-only", "See: traktauth export --help"),
    (2, ["export", "token", "--transfer"], {}, "--transfer needs a file", "See: traktauth export --help"),
    (2, ["export", "trakt.py", "--access-only"], {}, "its logins have the format token", "export --help"),
    (1, ["import", "sonarr", "x"], {}, "A login of sonarr cannot be imported: the secret of its app is on", ""),
    (2, ["import", "trakty"], {}, "'trakty' is not a format; give one of pytrakt, kometa, homeassistant, token", ""),
    (2, ["import", "PlexTraktSync"], {}, "its logins have the format pytrakt", "See: traktauth import --help"),
    (1, ["import", "pytrakt", "missing.json"], {}, "missing.json does not exist", ""),
    (2, ["import", "pytrakt", "--undo", "--refresh"], {}, "--undo and --refresh cannot be combined", "import --help"),
    (2, ["completion"], {}, "Missing argument 'SHELL'. Choose from: bash, zsh, fish", "completion --help"),
    (2, ["help", "exit-code"], {}, "No such command or topic 'exit-code'. Did you mean 'exit-codes'?", "help --help"),
    (2, ["help", "store", "mov"], {}, "No such command 'mov'. Did you mean 'move'?", "See: traktauth store --help"),
]


@pytest.mark.parametrize(("status", "words", "env", "message", "hint"), CASES)
def test_the_command_says_what_and_the_fix(command, status, words, env, message, hint):
    outcome = command(*words, **env)
    first, second = outcome.err.splitlines()
    assert (outcome.status, outcome.out) == (status, "")
    assert first.startswith("Error: ")
    assert message in first
    assert second.startswith("→ ")
    assert hint in second
    if words[0] in {"help", "completion"}:
        return  # they have no --json
    at = words.index("--") if "--" in words else len(words)
    outcome = command(*words[:at], "--json", *words[at:], **env)
    document = json.loads(outcome.err)
    assert (outcome.status, outcome.out, outcome.err.count("\n")) == (status, "", 1)
    assert message in document["message"]
    assert hint in document["hint"]


def test_a_json_flag_of_the_command_that_is_executed_is_not_ours(command):
    assert command("exec", "--", "true", "--json").err.startswith("Error: ")


# ---------------------------------------------------------------- streams that are closed, in real processes
def redirected(command, words, redirection):
    """Run a command whose streams a shell redirects or closes."""
    script = f"exec {sys.executable} -m traktauth {words} {redirection}"
    return subprocess.run(["sh", "-c", script], env=command.env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", ["token", "doctor --offline"])  # without click, and with it
def test_a_reader_that_goes_away_ends_it_quietly(command, words):
    command.keep()
    process = command.start(*words.split())
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate()
    assert (process.returncode, err) == (1, "")


@pytest.mark.parametrize("words", ["token", "status", "--help", "help environment"])
@pytest.mark.parametrize(
    ("redirection", "expected"), [(">/dev/full", "No space left on device"), (">&-", "Standard output is closed")]
)
def test_an_output_that_cannot_be_written_is_reported(command, words, redirection, expected):
    command.keep()
    done = redirected(command, words, redirection)
    first, second = done.stderr.splitlines()
    assert done.returncode == 1
    assert expected in first
    assert second.startswith("→ ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("setup --secret-stdin --client-id x --yes", "setup --client-id ID --secret-stdin --yes < secret.txt"),
        ("login --paste --service http://127.0.0.1:9", "traktauth login --device"),
    ],
)
def test_an_input_that_is_closed_is_wrong_usage(command, words, message):
    done = redirected(command, words, "<&-")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", ["token", "status"])
def test_a_closed_stderr_does_not_change_the_exit_code(command, words):
    assert redirected(command, words, "2>&-").returncode == 4


def test_an_output_in_ascii_gets_what_it_can_show(command):
    command.keep()
    outcome = command("status", PYTHONIOENCODING="ascii")
    assert outcome.status == 0
    assert "ok default at http" in outcome.out
    assert "encrypted stores (sealed+...)" in command("store", "--help", PYTHONIOENCODING="ascii").out


def test_the_installed_command_is_the_module(command):
    command.keep()
    installed = shutil.which("traktauth", path=str(Path(sys.executable).parent))
    if installed is None:
        pytest.skip("traktauth is not installed beside this python")
    for words in (["--version"], ["token"], ["frobnicate"]):
        done = subprocess.run([installed, *words], env=command.env, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == command(*words)


def test_an_interruption_before_any_command_is_there_shows_no_traceback(monkeypatch):
    def interrupted(_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)
    assert __main__.main() == 2
