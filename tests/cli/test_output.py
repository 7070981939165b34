"""What the command prints: safe for a terminal, coloured only there, and readable in ASCII."""

from __future__ import annotations

import io
import json
import logging
import re
import sys

import pytest

from traktauth.cli import log_output, output, store
from traktauth.cli.log_output import show_warnings
from traktauth.cli.output import (
    BAD,
    GOOD,
    NEXT,
    WARNING,
    hint_lines,
    print_bytes,
    print_data,
    print_hint,
    print_in_place,
    print_json,
    print_message,
    print_message_json,
    replace_unencodable,
    style,
)
from traktauth.cli.store import counting
from traktauth.cli.times import format_deadline, format_duration, format_time
from traktauth.display import escape
from traktauth.hints import Hint, ShellCommand
from traktauth.models import service

EVIL = "me\x1b]52;c;AAAA\x07\n✓ FAKE signed in\u202e\x9b31m"
SAFE = "me\\x1b]52;c;AAAA\\x07\\n✓ FAKE signed in\\u202e\\x9b31m"


class Terminal(io.TextIOWrapper):
    def __init__(self, encoding="utf-8", *, terminal=True):
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")
        self.terminal = terminal

    def isatty(self):
        return self.terminal

    def shown(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


@pytest.fixture
def streams(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def make(**how):
        out, err = Terminal(**how), Terminal(**how)
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        replace_unencodable()
        return out, err

    return make


@pytest.mark.parametrize("terminal", [True, False])
def test_any_text_is_printed_as_one_harmless_line(streams, terminal):
    out, err = streams(terminal=terminal)
    print_data(EVIL)
    print_message("hello", EVIL)
    assert (out.shown(), err.shown()) == (f"{SAFE}\n", f"hello {SAFE}\n")


def test_colours_are_added_after_the_text_was_made_safe(streams):
    _, err = streams()
    print_message(style(EVIL, "red"), "after", indent=2)
    assert err.shown() == f"  \x1b[31m{SAFE}\x1b[0m after\n"


def test_marks_are_distinguishable_in_ascii(streams):
    out, err = streams(encoding="ascii", terminal=False)
    for mark in (GOOD, WARNING, BAD, NEXT):
        print_message(mark, "waiting …")
    print_data("good \u2013 zoë")
    assert err.shown() == "ok waiting ...\n! waiting ...\nx waiting ...\n-> waiting ...\n"
    assert out.shown() == "good - zo?\n"


def test_a_line_that_is_rewritten_is_safe_too(streams):
    _, err = streams()
    print_in_place(EVIL)
    assert err.shown() == f"\r\x1b[K{SAFE}"


def test_a_line_that_is_rewritten_is_cut_to_the_terminal_so_that_it_can_be_replaced(streams, monkeypatch):
    _, err = streams()
    monkeypatch.setattr(output, "terminal_columns", lambda _: 20)
    print_in_place("x" * 19)
    print_in_place("y" * 20)
    assert err.shown() == f"\r\x1b[K{'x' * 19}\r\x1b[K{'y' * 18}…"


def test_json_is_printable_ascii_and_means_the_same(streams):
    out, err = streams()
    print_json({"name": EVIL + "\x7f"})
    print_message_json({"name": EVIL + "\x7f"})
    for shown in (out.shown(), err.shown()):
        assert shown[:-1].isprintable()
        assert json.loads(shown) == {"name": EVIL + "\x7f"}


def test_a_body_is_raw_in_a_pipe_and_safe_on_a_terminal(streams):
    body = '{\n\t"name": "\x1b]0;x\x07zoë"\n}'.encode() + b"\xff"
    out, _ = streams(terminal=False)
    print_bytes(body)
    assert out.buffer.getvalue() == body
    out, _ = streams()
    print_bytes(body)
    assert out.shown() == '{\n\t"name": "\\x1b]0;x\\x07zoë"\n}\ufffd'


@pytest.mark.parametrize(
    ("hint", "lines"),
    [
        (
            Hint("Look at it: ", ShellCommand(f"traktauth status --store {'x' * 80}"), ". Then wait."),
            ["Look at it:", f"traktauth status --store {'x' * 80}", "Then wait."],
        ),
        (
            Hint(
                "Import the access token alone, until it expires: ",
                ShellCommand("traktauth import", "--keep-source"),
                "; or wait until it is over",
            ),
            [
                "Import the access token alone, until it expires:",
                "traktauth import --keep-source; or wait until it is over",
            ],
        ),
        (
            Hint(
                "Sign in again. Two programs may share one login, or a response was lost: ",
                ShellCommand("`traktauth lab -- CMD`"),
                " shows it.",
            ),
            [
                "Sign in again.",
                "Two programs may share one login, or a response was lost:",
                "`traktauth lab -- CMD` shows it.",
            ],
        ),
    ],
    ids=["longer-than-a-line", "two-ways", "backquotes"],
)
def test_a_hint_breaks_between_words_but_never_in_its_command(hint, lines):
    assert hint_lines(hint, 78) == lines


def test_no_character_of_a_hint_is_unsafe_or_lost():
    hint = Hint("Remove it: ", ShellCommand("rm 'a\x1b[2J\nb'"), ". ", "Then sign in again with the same account. " * 4)
    assert " ".join(hint_lines(hint, 78)).replace("b'", "b'.") == escape(hint).strip()


def test_a_hint_in_a_pipe_is_one_line(streams):
    out, _ = streams(terminal=False)
    print_hint("Sign in: traktauth login. " * 20)
    assert out.shown().count("\n") == 1


@pytest.fixture
def ticking(monkeypatch):
    """Let a quarter of a second pass whenever the clock is read."""
    ticks = iter(range(1000))
    monkeypatch.setattr(store.time, "monotonic", lambda: next(ticks) / 4)


@pytest.mark.parametrize(("total", "shown"), [(120, "9 of 120, 4/s, 27 s left"), (None, "9, 4/s")])
def test_progress_is_one_line_with_rate_and_time_that_is_gone_at_the_end(streams, ticking, total, shown):
    _, err = streams()
    assert list(counting(range(9), total, shown=True)) == list(range(9))
    drawn = err.shown()
    assert drawn.endswith(f"\r\x1b[K{shown}\r\x1b[K")
    assert "\n" not in drawn


def test_a_line_that_stays_has_room(streams, ticking):
    _, err = streams()
    for each in counting(range(9), 9, shown=True):
        if each == 5:
            print_message("a line that stays")
    assert "\r\x1b[Ka line that stays\n" in err.shown()


@pytest.mark.parametrize(("terminal", "shown"), [(False, True), (True, False)])
def test_no_progress_is_shown_without_a_terminal(streams, ticking, terminal, shown):
    _, err = streams(terminal=terminal)
    assert len(list(counting(range(9), 9, shown=shown))) == 9
    assert err.shown() == ""


log = logging.getLogger("traktauth.somewhere")


def fails():
    try:
        service.find_service("a-s3cret:")
    except Exception as error:  # whatever it is
        log.error("A request to %s failed", "/x", exc_info=error)  # noqa: TRY400 - as the server does
        return type(error).__name__
    raise AssertionError


def test_a_warning_is_reported(capsys):
    with show_warnings(as_json=False):
        log.warning("the store is slow")
    assert capsys.readouterr().err == "! the store is slow\n"


def test_of_a_fault_its_kind_and_place_are_reported_and_nothing_that_it_holds(capsys):
    with show_warnings(as_json=False):
        kind = fails()
    expected = capsys.readouterr().err
    assert re.fullmatch(rf"! A request to /x failed: {kind} at models/\w+\.py:\d+\n", expected)
    assert "s3cret" not in expected


def test_a_program_hears_of_faults_and_of_no_warnings(capsys):
    with show_warnings(as_json=True):
        log.warning("the store is slow")
        kind = fails()
    expected = json.loads(capsys.readouterr().err)
    assert expected["level"] == "error"
    assert expected["message"].startswith(f"A request to /x failed: {kind}")


@pytest.mark.parametrize("as_json", [True, False])
def test_afterwards_nothing_is_reported(capsys, as_json):
    with show_warnings(as_json=as_json):
        pass
    log.error("late")
    assert capsys.readouterr().err == ""
    assert {type(each) for each in log_output.logging.getLogger("traktauth").handlers} <= {
        log_output.logging.NullHandler
    }


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3601, "1 h"),
        (7260, "2 h 1 min"),
        (604799, "6 d 23 h"),
    ],
)
def test_a_duration_is_reported_in_its_two_largest_units(seconds, words):
    assert format_duration(seconds) == words


@pytest.mark.parametrize("at", [1e18, -1e18, float("inf"), float("nan")])
def test_a_moment_beyond_the_calendar_is_reported_all_the_same(at):
    assert format_time(at) == "an invalid date"


def test_a_moment_that_is_near_is_reported_to_the_second():
    assert format_time(0, exact=True).count(":") == 2
    assert format_deadline(1000.0, 990.0).endswith("(10 s)")
    assert format_deadline(1000.0, 990.0).count(":") == 2
    assert format_deadline(10000.0, 990.0).count(":") == 1
