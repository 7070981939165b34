"""Prompts for a user at a terminal: questions on stderr, answers on stdin."""

from __future__ import annotations

import sys
from contextlib import suppress

from traktauth.cli.output import print_prompt


def can_ask() -> bool:
    """Return whether stdin and stderr are a terminal, so that a user can be asked."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))  # pyright: ignore[reportUnnecessaryComparison] - None if closed


def ask(question: str, *, default: str = "") -> str:
    """Ask for a line and return it without surrounding spaces; an empty line means the default.

    Raises:
        EOFError: stdin was closed.
    """
    print_prompt(f"{question} [{default}]: " if default else f"{question}: ")
    line = sys.stdin.readline()
    if not line:
        print_prompt("\n")
        raise EOFError("The input ended before the question was answered; nothing was changed")
    return line.strip() or default


def ask_hidden(question: str) -> str:
    """Ask for a line that the terminal does not echo, and return it without surrounding spaces.

    Raises:
        EOFError: stdin was closed.
    """
    import getpass  # noqa: PLC0415 - only for a secret

    try:
        # getpass writes the prompt, which is ASCII, after it has turned the echo off.
        return getpass.getpass(f"{question}: ", stream=sys.stderr).strip()
    except EOFError:
        print_prompt("\n")
        raise EOFError("The input ended before the question was answered; nothing was changed") from None


def confirm(question: str, *, default: bool = False) -> bool:
    """Ask a yes-or-no question until it is answered; an empty line means the default.

    Raises:
        EOFError: stdin was closed.
    """
    while True:
        answer = ask(f"{question} [{'Y/n' if default else 'y/N'}]").lower()
        if not answer:
            return default
        with suppress(KeyError):
            return {"y": True, "yes": True, "n": False, "no": False}[answer]
