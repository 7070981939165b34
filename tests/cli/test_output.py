"""What the command prints: safe for a terminal, coloured only there, and readable in ASCII."""

from __future__ import annotations

import io
import json
import sys

import pytest

from traktauth.cli import output
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
from traktauth.display import escape
from traktauth.hints import Hint, ShellCommand

EVIL = "me\x1b]52;c;AAAA\x07\n✓ FAKE signed in\u202e\x9b31m"
SAFE = "me\\x1b]52;c;AAAA\\x07\\x0a✓ FAKE signed in\\u202e\\x9b31m"


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
