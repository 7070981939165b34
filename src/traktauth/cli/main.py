"""Entry point of the command line: choose the fast path or click, and return an exit status."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

from traktauth.cli.exit_codes import DONE, Terminated, end_with_error, ending_signals


def main(arguments: list[str]) -> int:
    """Run one command and return its exit status.

    Scripts call `traktauth token` in loops, so it avoids importing click when it can; every other call goes through
    click.
    """
    if arguments[:1] == ["token"]:
        from traktauth.cli.fast_path import run_token  # noqa: PLC0415 - only this command uses it

        status = run_token(arguments[1:])
        if status is not None:
            return status
    return run(arguments)


def run(arguments: list[str]) -> int:
    """Run a command through click and return its exit status; only a signal that kills the process gets past this."""
    own_arguments = arguments[: arguments.index("--")] if "--" in arguments else arguments
    as_json = "--json" in own_arguments
    with suppress(ValueError):  # not in the main thread
        for number in ending_signals():
            signal.signal(number, _raise_terminated)
    reconfigure = getattr(sys.stdin, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")  # pasted text may hold any bytes
    try:
        return _invoke(arguments, as_json=as_json)
    except (Exception, KeyboardInterrupt, Terminated) as error:  # noqa: BLE001 - users never see a traceback
        return end_with_error(error, as_json=as_json)


def _invoke(arguments: list[str], *, as_json: bool) -> int:
    import click  # noqa: PLC0415 - the fast path does without

    from traktauth.cli.commands import traktauth  # noqa: PLC0415 - the same

    if os.environ.get("_TRAKTAUTH_COMPLETE"):
        traktauth.main(arguments, prog_name="traktauth")  # answer the shell's completion request; ends the process
    try:
        # click's own `main` would print a blank line when interrupted, before `run` could report the interruption.
        with traktauth.make_context("traktauth", list(arguments)) as context:
            if not arguments:  # the help needs no log, and importing logging takes half of its time
                status = traktauth.invoke(context)
            else:
                from traktauth.cli.log_output import show_warnings  # noqa: PLC0415 - see above

                with show_warnings(as_json=as_json):
                    status = traktauth.invoke(context)
    except click.exceptions.Exit as end:  # --help, --version
        return end.exit_code
    return status if isinstance(status, int) else DONE


def _raise_terminated(number: int, _frame: object) -> None:
    raise Terminated(number)
