"""`traktauth store move`."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import click

from traktauth.cli.exits import DONE, FAILED, LATER
from traktauth.cli.progress import Progress
from traktauth.cli.stream import emit, emit_json, paint, say
from traktauth.errors import TraktAuthError
from traktauth.stores.addresses import open_store
from traktauth.stores.moving import Outcome, move

if TYPE_CHECKING:
    from traktauth.stores.base import TokenStore
    from traktauth.stores.moving import Moved

_AGAIN = "Then run it again: what was moved stays moved, and the rest follows"
# What a later run of the same command can settle.
_LATER = {Outcome.UNCONFIRMED, Outcome.BUSY}
_IN_THE_WAY = {Outcome.NEWER, Outcome.ELSEWHERE, Outcome.UNREADABLE}
_SETTLED = {Outcome.MOVED, Outcome.ALREADY, Outcome.SIGNED_OUT}


@click.command("move")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--json", "as_json", is_flag=True, help="Answer, and fail, in JSON.")
def command(source: str, target: str, *, as_json: bool) -> int:
    """Bring every login of one store into another.

    Programs may go on meanwhile: whoever still asks the old store is told where the login lies now, and renews
    nothing. A newer login in the new store is never replaced. It can be cut off and run again at any time.

    Exit status 5 where a login was left as its renewal is unconfirmed or under way, 1 where the new store holds a
    newer one, where it is being moved to yet another store, or where it cannot be read.

    \b
    Example: traktauth store move file: postgresql://db/app
    """
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(open_store(address))) for address in (source, target)]
        return bring(opened[0], opened[1], as_json=as_json)


def bring(source: TokenStore, target: TokenStore, *, as_json: bool) -> int:
    """Move every login, tell each, and return the exit status.

    Raises:
        UsageError: what would be moved there would be gone when this command ends.
        TraktAuthError: a store cannot do its work.
    """
    if "memory:" in {source.address, target.address}:
        raise click.UsageError("memory: ends with this command; name stores that stay, such as file: and sqlite:/PATH")
    counts: Counter[Outcome] = Counter()
    with Progress(len(source.logins()), shown=not as_json) as progress:
        try:
            for moved in move(source, target):
                counts[moved.outcome] += 1
                progress.step()
                with progress.aside():
                    _tell(moved, as_json=as_json)
        except TraktAuthError as error:
            error.hint = f"{error.hint}. {_AGAIN}" if error.hint else _AGAIN
            raise
    _sum_up(counts, source, target, as_json=as_json)
    return _status(counts)


def _tell(moved: Moved, *, as_json: bool) -> None:
    login, outcome = moved.login, moved.outcome
    if as_json:
        where = {"realm": login.realm, "client_id": login.client_id, "account": login.account}
        emit_json({"event": "login", **where, "outcome": outcome.name.lower(), "message": outcome.value})
        return
    mark, colour = ("✓", "green") if outcome in _SETTLED else ("!", "yellow")
    emit(f"{paint(mark, colour)} {login.account} at {login.realm} (app {login.client_id[:8]}…): {outcome.value}")


def _sum_up(counts: Counter[Outcome], source: TokenStore, target: TokenStore, *, as_json: bool) -> None:
    if as_json:
        numbers = {outcome.name.lower(): counts[outcome] for outcome in Outcome}
        emit_json({"event": "summary", "from": source.address, "to": target.address, **numbers})
        return
    if not counts:
        say(f"{source.address} holds no login. What it holds: traktauth status --store {source.address}")
        return
    say(f"{counts[Outcome.MOVED]} of {counts.total()} moved to {target.address}")
    if counts[Outcome.MOVED]:
        say(f"{paint('→', 'cyan')} Use it from now on: --store {target.address}, or TRAKTAUTH_STORE")


def _status(counts: Counter[Outcome]) -> int:
    if any(counts[outcome] for outcome in _IN_THE_WAY):
        return FAILED
    return LATER if any(counts[outcome] for outcome in _LATER) else DONE
