"""`traktauth sandbox`."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.options import home_option, needing_extra, profile_option
from traktauth.cli.output import BAD, WARNING, print_message, style_status
from traktauth.cli.serve_log import describe, shown_path
from traktauth.errors import TraktAuthError
from traktauth.hints import Hint, ShellCommand
from traktauth.models import Token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traktauth.sandbox import Sandbox
    from traktauth.sandbox.command_process import CommandProcess
    from traktauth.sandbox.logins import LoginPlace
    from traktauth.server.http.exchange import Exchange
    from traktauth.testing import LocalTrakt


TIMED_OUT = 124
"""The exit status after `--timeout`, as `timeout(1)` has it."""
LONGEST_TIMEOUT = 1_000_000
GRACE_SECONDS = 5.0
"""That the command has to end after SIGTERM."""
MOST_HOSTS = 5


@click.command("sandbox", cls=Command, context_settings={"allow_interspersed_args": False})
@profile_option
@click.option(
    "--seed", metavar="FILE", type=click.Path(path_type=Path), help="Apps and users of the local Trakt, as for serve."
)
@click.option(
    "--faults", metavar="FILE", type=click.Path(path_type=Path), help="Faults of the local Trakt, as for serve."
)
@click.option("--allow", multiple=True, metavar="HOST", help="A further host that may be reached; repeatable.")
@click.option("--show", is_flag=True, help="A line per request to Trakt on standard error.")
@click.option(
    "--as", "username", default="sean", show_default=True, metavar="USER", help="The user who approves device codes."
)
@home_option
@click.option("--tokens", metavar="FORMAT:PATH", help="Write a valid login first: traktauth, or a format of import.")
@click.option(
    "--timeout",
    type=click.IntRange(1, LONGEST_TIMEOUT),
    metavar="SECONDS",
    help="End the command after this time (exit status 124).",
)
@click.argument("words", nargs=-1, required=True, metavar="-- CMD …", type=click.UNPROCESSED)
def command(
    *,
    username: str,
    home: Path | None,
    tokens: str | None,
    allow: tuple[str, ...],
    show: bool,
    timeout: int | None,
    words: tuple[str, ...],
    **settings: Any,  # noqa: ANN401 - as `LocalTrakt` takes them
) -> int:
    """Run a program, in any language, so that Trakt's hosts are a local Trakt.

    The program is not changed: it gets a proxy and a CA in its environment, and TRAKT_CLIENT_ID, TRAKT_CLIENT_SECRET
    and TRAKT_REDIRECT_URI of an app. All other hosts are refused. Device codes are approved automatically. The exit
    status is the program's; processes that it leaves running are ended.

    Examples:
        traktauth sandbox -- python sync.py
        # signed in, requests shown
        traktauth sandbox --show \\
          --tokens pytrakt:.pytrakt.json -- python sync.py
    """
    try:
        with needing_extra("the sandbox", "sandbox"):
            from traktauth.sandbox.command_process import CommandProcess, ending_descendants  # noqa: PLC0415 - an extra

            with ending_descendants(), CommandProcess() as process:  # it starts while the local Trakt does
                from traktauth.sandbox import Sandbox  # noqa: PLC0415 - the same
                from traktauth.sandbox.logins import read_login_place  # noqa: PLC0415 - the same
                from traktauth.server.process.serve import raise_limit  # noqa: PLC0415 - the same
                from traktauth.testing.local import LocalTrakt  # noqa: PLC0415 - the same

                raise_limit()  # not of the command: its supervisor has been started
                login = read_login_place(tokens) if tokens else None
                local_trakt = LocalTrakt(public_url="https://trakt.tv", control=False, **settings)
                sandbox = Sandbox(local_trakt, allow=allow, approve_as=username, show=_show if show else None)
                return _run(
                    process, words, local_trakt, sandbox, username=username, home=home, login=login, timeout=timeout
                )
    except ValueError as error:
        raise click.UsageError(str(error), click.get_current_context(silent=True)) from None


def _run(
    process: CommandProcess,
    words: tuple[str, ...],
    local_trakt: LocalTrakt,
    sandbox: Sandbox,
    *,
    username: str,
    home: Path | None,
    login: LoginPlace | None,
    timeout: int | None,
) -> int:
    with ExitStack() as until_the_end:
        try:
            until_the_end.enter_context(local_trakt)
        except OSError as error:
            raise TraktAuthError(
                f"The local Trakt cannot listen on 127.0.0.1: {error.strerror}",
                hint=Hint(
                    "End programs that hold many ports, or raise the limit of open files: ",
                    ShellCommand("ulimit -n 4096"),
                ),
            ) from None
        until_the_end.enter_context(sandbox)
        environ, folders = sandbox.environ, [sandbox.bundle.parent]
        if home is not None:
            folder = until_the_end.enter_context(
                TemporaryDirectory(prefix="traktauth-home-", ignore_cleanup_errors=True)
            )
            folders.append(Path(folder))
            from traktauth.sandbox.home_folder import make_home  # noqa: PLC0415 - an extra

            environ = make_home(environ, Path(folder) / "home", copy_of=home)
        if login is not None:
            environ.update(_write(login, local_trakt, username))
        signals = until_the_end.enter_context(_PassedOn(process))
        status = process.start(words, environ, folders=folders)
        if status is not None:
            print_message(BAD, f"{words[0]}: {_describe_failure(words[0])}")
            return status
        signals.flush()
        status = _wait(process, timeout)
        _report(sandbox, words[0])
        return status


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
    if not _is_script(path):
        return "is not a program of this machine, nor a script; name the program that runs it before it"
    return (
        "its first line names no interpreter that is here; begin it with #!/bin/sh, or name its interpreter before it"
    )


def _is_script(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False


def _write(login: LoginPlace, local_trakt: LocalTrakt, username: str) -> Mapping[str, str]:
    members = local_trakt.sign_in(username)
    token = Token(
        access_token=members["access_token"],
        refresh_token=members["refresh_token"],
        expires_in=members["expires_in"],
        expires_at=time.time() + members["expires_in"],
    )
    try:
        return login.write(local_trakt.app, token, Path.cwd())
    except FileExistsError:
        raise TraktAuthError(
            f"{login.path} exists and could contain a real login; nothing was changed",
            hint="Name another file, or move it away",
        ) from None
    except OSError as error:
        raise TraktAuthError(
            f"{login.path} cannot be written: {error.strerror}", hint="Name a file in a folder that exists"
        ) from None


class _PassedOn:
    """Passes SIGINT and SIGTERM on to a command while it runs.

    Args:
        process: the command; signals that come before it has been started are kept until `flush`.
    """

    def __init__(self, process: CommandProcess) -> None:
        self._process = process
        self._early: list[signal.Signals] | None = []
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._pass_on)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def flush(self) -> None:
        """Pass on what came before the command was there."""
        early = self._early
        self._early = None
        for number in early or ():
            self._send(number)

    def _pass_on(self, number: int, _frame: object) -> None:
        if self._early is not None:
            self._early.append(signal.Signals(number))
        else:
            self._send(signal.Signals(number))

    def _send(self, number: signal.Signals) -> None:
        self._process.send(number)
        if number == signal.SIGTERM:
            killer = threading.Timer(GRACE_SECONDS, self._process.kill)
            killer.daemon = True
            killer.start()


def _wait(process: CommandProcess, timeout: int | None) -> int:
    status = process.wait(timeout)
    if status is not None:
        return status
    process.kill()
    process.wait()
    print_message(BAD, f"The command was ended after {timeout} s (--timeout)")
    return TIMED_OUT


def _show(exchange: Exchange) -> None:
    status, what = style_status(exchange.status, "" if exchange.status else "cut"), describe(exchange)
    address = f"{exchange.host}{shown_path(exchange)}"
    print_message(time.strftime("%H:%M:%S"), exchange.method, address, status, *([f" {what}"] if what else []))


def _report(sandbox: Sandbox, program: str) -> None:
    """Say which hosts were refused, and why a program may not have reached Trakt."""
    if sandbox.distrusted:
        print_message(
            WARNING,
            f"{program} did not accept the sandbox's certificate of {', '.join(sorted(sandbox.distrusted))}: set "
            "the file in SSL_CERT_FILE in its own configuration; a program that pins certificates cannot run here",
        )
    elif not sandbox.reached:
        print_message(
            WARNING,
            f"{program} never reached Trakt. If it should have, it ignores HTTPS_PROXY, as Node before 22.21, Java and "
            "aiohttp without trust_env=True do, and its requests went to the real hosts: set the proxy in its own "
            "configuration",
        )
    from traktauth.sandbox.environment import is_trakt  # noqa: PLC0415 - an extra

    absent = sorted(host for host in sandbox.refused if is_trakt(host))
    if absent:
        print_message(
            WARNING,
            f"The sandbox does not have {', '.join(absent[:MOST_HOSTS])} at the port that was asked for: it has "
            "trakt.tv, www., api., auth. and app.trakt.tv at 80 and 443",
        )
    others = ((host, count) for host, count in sandbox.refused.items() if not is_trakt(host))
    refused = sorted(others, key=lambda item: -item[1])
    if refused:
        shown = ", ".join(f"{host} ({count})" for host, count in refused[:MOST_HOSTS])
        more = f" and {len(refused) - MOST_HOSTS} more" if len(refused) > MOST_HOSTS else ""
        print_message(WARNING, f"Refused hosts: {shown}{more}; allow one with --allow HOST")
