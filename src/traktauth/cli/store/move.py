"""`traktauth store move`."""

from __future__ import annotations

import shlex
from collections import Counter
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import click

from traktauth.cli.addresses import read_address
from traktauth.cli.click_classes import Command
from traktauth.cli.command_hints import COMMAND_HINTS
from traktauth.cli.exit_codes import DONE, FAILED, LATER
from traktauth.cli.output import GOOD, NEXT, WARNING, print_data, print_json, print_message
from traktauth.cli.progress import Progress
from traktauth.errors import TraktAuthError
from traktauth.hints import Hint
from traktauth.stores.move import Outcome, move
from traktauth.stores.open import open_store

if TYPE_CHECKING:
    from traktauth.models import LoginKey
    from traktauth.stores.base import TokenStore
    from traktauth.stores.move import Moved

_AGAIN = "Then run it again to move the rest"
# What a later run of the same command can settle.
_LATER = {Outcome.UNCONFIRMED, Outcome.BUSY}
_IN_THE_WAY = {Outcome.NEWER, Outcome.ENDED, Outcome.MOVED_ON, Outcome.ELSEWHERE, Outcome.UNREADABLE}
_SETTLED = {Outcome.MOVED, Outcome.ALREADY, Outcome.SIGNED_OUT}


@click.command(
    "move",
    cls=Command,
    examples=[
        ("traktauth store move file: postgresql://db/app", ""),
        ("traktauth store move file: sealed+file:/PATH.json", "into an encrypted store"),
        ("traktauth store move file: env:DATABASE_URL", "with a password, from a variable"),
    ],
)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--json", "as_json", is_flag=True, help="JSON output, for errors too.")
def command(source: str, target: str, *, as_json: bool) -> int:
    """Move every login of one store into another.

    Programs can run meanwhile: a program that still uses the old store goes on with the new one, which the old one
    names. A newer login in the new store is never replaced. The command can be interrupted and run again.

    Other users of the machine can read arguments. An address with a password can come from a variable (env:NAME), from
    the first line of a file (@FILE) or from a line of standard input (-).

    Exit status 5 if a login was skipped because its refresh is unconfirmed or in progress; 1 if the new store has a
    newer one, if it is being moved to another store, or if it cannot be read.
    """
    with ExitStack() as stack:
        addresses = [read_address(source), read_address(target)]
        opened = [stack.enter_context(closing(open_store(address))) for address in addresses]
        return run_move(opened[0], opened[1], as_json=as_json)


def run_move(source: TokenStore, target: TokenStore, *, as_json: bool) -> int:
    """Move every login, report each, and return the exit code.

    Raises:
        UsageError: what would be moved there would be gone when this command ends.
        TraktAuthError: a store cannot do its work.
    """
    if "memory:" in {source.address, target.address}:
        raise click.UsageError(
            "memory: is lost when this command ends; use a persistent store, such as file: or sqlite:/PATH"
        )
    counts: Counter[Outcome] = Counter()
    with Progress(len(source.list_logins()), shown=not as_json) as progress:
        try:

            def waiting(login: LoginKey, seconds: float) -> None:
                with progress.paused():
                    _tell_of_waiting(login, seconds, as_json=as_json)

            for moved in move(source, target, waiting=waiting):
                counts[moved.outcome] += 1
                progress.step()
                with progress.paused():
                    _tell(moved, as_json=as_json)
        except TraktAuthError as error:
            hint = error.hint_from(COMMAND_HINTS)
            error.hint = Hint(hint, f". {_AGAIN}") if hint else _AGAIN
            raise
    _sum_up(counts, source, target, as_json=as_json)
    return _status(counts)


def _tell_of_waiting(login: LoginKey, seconds: float, *, as_json: bool) -> None:
    if as_json:
        where = {"realm": login.realm, "client_id": login.client_id, "account": login.account}
        print_json({"event": "waiting", **where, "seconds": seconds})
        return
    print_message(
        f"{login.account} at {login.realm} is locked by a program that refreshes it, or by an interrupted run; "
        f"waiting up to {seconds:.0f} s …"
    )


def _tell(moved: Moved, *, as_json: bool) -> None:
    login, outcome = moved.login, moved.outcome
    if as_json:
        where = {"realm": login.realm, "client_id": login.client_id, "account": login.account}
        print_json({"event": "login", **where, "outcome": outcome.name.lower(), "message": outcome.value})
        return
    mark = GOOD if outcome in _SETTLED else WARNING
    print_data(mark, f"{login.account} at {login.realm} (app {login.client_id[:8]}…): {outcome.value}")


def _sum_up(counts: Counter[Outcome], source: TokenStore, target: TokenStore, *, as_json: bool) -> None:
    if as_json:
        numbers = {outcome.name.lower(): counts[outcome] for outcome in Outcome}
        print_json({"event": "summary", "from": source.address, "to": target.address, **numbers})
        return
    if not counts:
        print_message(
            f"{source.address} contains no login. See: traktauth status --store {shlex.quote(source.address)}"
        )
        return
    print_message(f"{counts[Outcome.MOVED]} of {counts.total()} moved to {target.address}")
    if counts[Outcome.MOVED]:
        print_message(NEXT, f"Use it from now on: --store {shlex.quote(target.address)}, or TRAKTAUTH_STORE")


def _status(counts: Counter[Outcome]) -> int:
    if any(counts[outcome] for outcome in _IN_THE_WAY):
        return FAILED
    return LATER if any(counts[outcome] for outcome in _LATER) else DONE
