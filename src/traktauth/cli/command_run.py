"""A command that runs as part of this one: signals are passed on, and its exit status becomes this one's."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from traktauth.cli.output import BAD, print_message
from traktauth.interception.command_process import CommandProcess, Network

TIMED_OUT = 124
"""The exit status after `--timeout`, as `timeout(1)` has it."""
GRACE_SECONDS = 5.0
"""That the command has to end after SIGTERM."""


def run_command(
    process: CommandProcess,
    words: Sequence[str],
    environ: Mapping[str, str],
    *,
    folders: Sequence[Path],
    network: Network | None = None,
    timeout: float | None = None,
) -> int:
    """Run a command to its end, and return its exit status: 126 and 127 if it cannot be started.

    Args:
        process: what it runs in.
        words: the command.
        environ: its environment.
        folders: are removed if this process ends first.
        network: the network that it has for itself; None: this process's.
        timeout: seconds after which it is ended, with the status 124.
    """
    with passing_signals_on(process) as pass_on_early_signals:
        status = process.start(words, environ, folders=folders, network=network)
        if status is not None:
            print_message(BAD, f"{words[0]}: {describe_failure(words[0])}")
            return status
        pass_on_early_signals()
        status = process.wait(timeout)
    if status is None:
        process.kill()
        process.wait()
        print_message(BAD, f"The command was ended after {timeout} s (--timeout)")
        status = TIMED_OUT
    return status


@contextmanager
def passing_signals_on(process: CommandProcess) -> Generator[Callable[[], None]]:
    """Pass SIGINT and SIGTERM on to a command, which then has a few seconds to end.

    The value passes on those that came before the command was there.
    """
    early: list[int] | None = []

    def pass_on(number: int, _frame: object = None) -> None:
        if early is not None:
            early.append(number)
            return
        process.send(signal.Signals(number))
        if number == signal.SIGTERM:
            killer = threading.Timer(GRACE_SECONDS, process.kill)
            killer.daemon = True
            killer.start()

    def pass_on_early() -> None:
        nonlocal early
        waiting, early = early or [], None
        for number in waiting:
            pass_on(number)

    both = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is not signal.SIG_IGN]
    before = [(each, signal.signal(each, pass_on)) for each in both]
    try:
        yield pass_on_early
    finally:
        for each, handler in before:
            signal.signal(each, handler)


def describe_failure(word: str) -> str:
    """Say why a command could not be started, and what to do."""
    path = Path(word if "/" in word else shutil.which(word) or word)
    if path.is_dir():
        return "is a folder; name a program"
    if "/" not in word and not shutil.which(word):
        return "not found; use a program on the PATH, or its full path"
    if not path.exists():
        return "not found; look at the path"
    if not os.access(path, os.X_OK):
        return "cannot be executed; make it so (chmod +x), or name its interpreter before it"
    with suppress(OSError), path.open("rb") as file:
        if file.read(2) == b"#!":
            advice = "begin it with #!/bin/sh, or name its interpreter before it"
            return f"the interpreter in its first line does not exist; {advice}"
    return "is not a program of this machine, nor a script; name the program that runs it before it"
