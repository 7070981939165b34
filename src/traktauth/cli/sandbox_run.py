"""What `traktauth sandbox` does once its extra is installed."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from traktauth.cli.output import BAD, WARNING, print_message, style_status
from traktauth.cli.serve_log import describe, shown_path
from traktauth.errors import TraktAuthError
from traktauth.hints import Hint, ShellCommand
from traktauth.models import Token
from traktauth.sandbox import Sandbox, supervisor
from traktauth.sandbox.advice import advise
from traktauth.sandbox.command_process import CommandProcess
from traktauth.sandbox.environment import make_home
from traktauth.sandbox.logins import LoginPlace, read_login_place
from traktauth.server.http.exchange import Exchange
from traktauth.server.process.serve import raise_limit
from traktauth.testing.local import LocalTrakt

TIMED_OUT = 124
"""The exit status after `--timeout`, as `timeout(1)` has it."""
GRACE_SECONDS = 5.0
"""That the command has to end after SIGTERM."""


def run(
    words: tuple[str, ...],
    settings: Mapping[str, Any],
    *,
    username: str,
    home: Path | None,
    tokens: str | None,
    allow: tuple[str, ...],
    isolate: bool,
    show: bool,
    timeout: int | None,
) -> int:
    """Run a command, and return its exit status."""
    if isolate and not supervisor.ON_LINUX:
        raise ValueError("--isolate needs Linux: leave it out")
    with ExitStack() as stack:
        process = stack.enter_context(CommandProcess())  # it starts while the local Trakt does
        raise_limit()  # not of the command: its supervisor has been started
        login = read_login_place(tokens) if tokens else None
        local_trakt = LocalTrakt(public_url="https://trakt.tv", control=False, **settings)
        sandbox = Sandbox(local_trakt, allow=allow, approve_as=username, show=_show if show else None)
        try:
            stack.enter_context(local_trakt)
        except OSError as error:
            more = Hint(
                "End programs that hold many ports, or raise the limit of open files: ", ShellCommand("ulimit -n 4096")
            )
            message = f"The local Trakt cannot listen on 127.0.0.1: {error.strerror}"
            raise TraktAuthError(message, hint=more) from None
        stack.enter_context(sandbox)
        environ, folders = sandbox.environ, [sandbox.bundle.parent]
        if home is not None:
            folder = stack.enter_context(TemporaryDirectory(prefix="traktauth-home-", ignore_cleanup_errors=True))
            folders.append(Path(folder))
            environ = make_home(environ, Path(folder) / "home", copy_of=home)
        if login is not None:
            environ.update(_write(login, local_trakt, username, Path.cwd() if home is None else Path(environ["HOME"])))
        with _passing_signals_on(process) as pass_on_early_signals:
            network = sandbox.network if isolate else None
            status = process.start(words, environ, folders=folders, network=network)
            if status is not None:
                print_message(BAD, f"{words[0]}: {_describe_failure(words[0])}")
                return status
            pass_on_early_signals()
            status = process.wait(timeout)
        if status is None:
            process.kill()
            process.wait()
            print_message(BAD, f"The command was ended after {timeout} s (--timeout)")
            status = TIMED_OUT
        for sentence in advise(sandbox, words[0]):
            print_message(WARNING, sentence)
        return status


@contextmanager
def _passing_signals_on(process: CommandProcess) -> Generator[Callable[[], None]]:
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


def _describe_failure(word: str) -> str:
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


def _write(login: LoginPlace, local_trakt: LocalTrakt, username: str, folder: Path) -> Mapping[str, str]:
    members = local_trakt.sign_in(username)
    token = Token(
        access_token=members["access_token"],
        refresh_token=members["refresh_token"],
        expires_in=members["expires_in"],
        expires_at=time.time() + members["expires_in"],
    )
    try:
        return login.write(local_trakt.app, token, folder)
    except FileExistsError:
        raise TraktAuthError(
            f"{login.path} exists and could contain a real login; nothing was changed",
            hint="Name another file, or move it away",
        ) from None
    except OSError as error:
        raise TraktAuthError(
            f"{login.path} cannot be written: {error.strerror}", hint="Name a file in a folder that exists"
        ) from None


def _show(exchange: Exchange) -> None:
    status, what = style_status(exchange.status, "" if exchange.status else "cut"), describe(exchange)
    address = f"{exchange.host}{shown_path(exchange)}"
    print_message(time.strftime("%H:%M:%S"), exchange.method, address, status, *([f" {what}"] if what else []))
