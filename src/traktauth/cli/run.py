"""Run one command through click, and turn however it ends into an exit status."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

import click

from traktauth.cli.commands import traktauth
from traktauth.cli.exits import DONE, Terminated, ended
from traktauth.cli.notes import warnings_said


def run(arguments: list[str]) -> int:
    """Run a command and return its exit status; nothing but a killing signal gets past this."""
    before_the_program = arguments[: arguments.index("--")] if "--" in arguments else arguments
    as_json = "--json" in before_the_program
    with suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, _raise_terminated)
    reconfigure = getattr(sys.stdin, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")  # what is pasted may be anything
    try:
        with warnings_said(as_json=as_json):
            status = _invoke(arguments)
    except (Exception, KeyboardInterrupt, Terminated) as error:  # noqa: BLE001 - never a traceback
        return ended(error, as_json=as_json)
    return status


def _invoke(arguments: list[str]) -> int:
    if os.environ.get("_TRAKTAUTH_COMPLETE"):
        traktauth.main(arguments, prog_name="traktauth")  # the shell asks; this ends the process
    try:
        # Not by click's `main`, which prints a blank line of its own before an interruption is known to us.
        with traktauth.make_context("traktauth", list(arguments)) as context:
            status = traktauth.invoke(context)
    except click.exceptions.Exit as end:  # --help, --version
        return end.exit_code
    return status if isinstance(status, int) else DONE


def _raise_terminated(_signal: int, _frame: object) -> None:
    raise Terminated
