"""What `traktauth sandbox` does once its extra is installed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from traktauth.cli.command_run import run_command
from traktauth.cli.output import WARNING, print_message, style_status
from traktauth.cli.serve_log import describe, shown_path
from traktauth.errors import TraktAuthError
from traktauth.hints import Hint, ShellCommand
from traktauth.interception import supervisor
from traktauth.interception.command_process import CommandProcess
from traktauth.interception.environment import make_home
from traktauth.models import Token
from traktauth.sandbox import Sandbox
from traktauth.sandbox.advice import advise
from traktauth.sandbox.logins import LoginPlace, read_login_place
from traktauth.server.http.exchange import Exchange
from traktauth.server.process.serve import raise_limit
from traktauth.testing.local import LocalTrakt


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
        network = sandbox.network if isolate else None
        status = run_command(process, words, environ, folders=folders, network=network, timeout=timeout)
        for sentence in advise(sandbox, words[0]):
            print_message(WARNING, sentence)
        return status


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
