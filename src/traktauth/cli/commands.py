"""The command `traktauth` and the table of its subcommands; each is imported when it is called."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from typing import NamedTuple

import click

from traktauth._version import __version__
from traktauth.cli.click_classes import Group, show_help
from traktauth.cli.exit_codes import DONE, Terminated, end_with_error, ending_signals
from traktauth.cli.help import TOPICS, config_file
from traktauth.cli.log_output import show_warnings


class _Entry(NamedTuple):
    """One line of the command table: a module under `traktauth.cli`, its summary, and the command's name there."""

    module: str
    summary: str
    name: str = "command"


_UNLISTED = ""  # commands that the section "Learn more" covers
# The sections of the help, in the order in which a newcomer needs them. A new command is one line here.
_SECTIONS = {
    "Logins": {
        "setup": _Entry("setup", "Set up the app to sign in with."),
        "login": _Entry("login", "Sign in to Trakt."),
        "status": _Entry("status", "Show every login: account, user, service, expiry."),
        "refresh": _Entry("token", "Refresh the token now, even if it is still valid.", "refresh"),
        "logout": _Entry("logout", "Revoke the tokens at Trakt, then delete them here."),
        "doctor": _Entry("doctor.command", "Find what is wrong and how to fix it."),
        "import": _Entry("login_files", "Take over the login of another program.", "import_login"),
        "export": _Entry("login_files", "Write a login for another program.", "export"),
        "explain": _Entry("explain", "Explain an error line: cause, fix, page."),
        "store": _Entry("store", "Move logins between stores, and encrypt them."),
    },
    "Using a login": {
        "request": _Entry("request", "Call Trakt's API as the account."),
        "token": _Entry("token", "Print a valid access token."),
        "exec": _Entry("token", "Run a command with a valid token in its environment.", "exec_command"),
        "proxy": _Entry("proxy", "Run any program and hold its login for it."),
        "keep": _Entry("keep.command", "Keep the tokens of many accounts fresh."),
    },
    "A local Trakt": {
        "demo": _Entry("demo", "Watch a complete sign-in, with nothing configured."),
        "serve": _Entry("serve", "Run a local Trakt for tests and development."),
        "sandbox": _Entry("sandbox", "Run any program with the local Trakt in place of Trakt."),
        "lab": _Entry("lab", "Find out whether a program would lose a login."),
    },
    _UNLISTED: {
        "help": _Entry("help", "Show the help of a command or topic."),
        "completion": _Entry("completion", "Print the completion script of a shell."),
        "version": _Entry("help", "Print the version.", "version"),
    },
}
_COMMANDS = {name: entry for section in _SECTIONS.values() for name, entry in section.items()}


class _Commands(Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = getattr(import_module(f"traktauth.cli.{entry.module}"), entry.name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        for title, entries in _SECTIONS.items():
            if title == _UNLISTED:
                continue
            with formatter.section(title):
                formatter.write_dl([(f"{name:<10}", entry.summary) for name, entry in entries.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Learn more"):
            rows = [("traktauth help COMMAND", "options and examples of a command")]
            rows += [(f"traktauth help {name}", title) for name, (title, _) in TOPICS.items()]
            rows += [("traktauth completion SHELL", "the completion script of a shell")]
            formatter.write_dl(rows)
            formatter.write_text(f"Configuration file: {config_file()}")


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.version_option(__version__, "-V", "--version", message="traktauth %(version)s")
@click.pass_context
def traktauth(context: click.Context) -> None:
    """Sign in to Trakt once, and never lose the login."""
    if context.invoked_subcommand is None:
        show_help(context)


def run(arguments: list[str]) -> int:
    """Run a command and return its exit status; only a signal that kills the process gets past this."""
    own_arguments = arguments[: arguments.index("--")] if "--" in arguments else arguments
    as_json = "--json" in own_arguments
    endings = ending_signals()
    _handle(endings, _raise_terminated)
    reconfigure = getattr(sys.stdin, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")  # pasted text may hold any bytes
    try:
        try:
            return _invoke(arguments, as_json=as_json)
        finally:  # nothing would catch what is raised while Python ends
            raises_interrupt = signal.getsignal(signal.SIGINT) is signal.default_int_handler
            _handle([*endings, signal.SIGINT] if raises_interrupt else endings, signal.SIG_DFL)
    except (Exception, KeyboardInterrupt, Terminated) as error:  # noqa: BLE001 - users never see a traceback
        return end_with_error(error, as_json=as_json)


def _invoke(arguments: list[str], *, as_json: bool) -> int:
    if os.environ.get("_TRAKTAUTH_COMPLETE"):
        traktauth.main(arguments, prog_name="traktauth")  # answer the shell's completion request; ends the process
    try:
        # click's own `main` would print a blank line when interrupted, before `run` could report the interruption.
        with traktauth.make_context("traktauth", list(arguments)) as context, show_warnings(as_json=as_json):
            status = traktauth.invoke(context)
    except click.exceptions.Exit as end:  # --help, --version
        return end.exit_code
    return status if isinstance(status, int) else DONE


def _handle(numbers: Iterable[signal.Signals], handler: Callable[[int, object], None] | signal.Handlers) -> None:
    with suppress(ValueError):  # not in the main thread
        for number in numbers:
            signal.signal(number, handler)


def _raise_terminated(number: int, _frame: object) -> None:
    raise Terminated(number)
