"""`traktauth status`."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from traktauth.cli.exits import DONE, FAILED, LATER, LOGIN
from traktauth.cli.looking import Seen, look
from traktauth.cli.place import Place, placed
from traktauth.cli.standing import Standing, State
from traktauth.cli.stream import emit, emit_json, paint, say
from traktauth.models.record import EMPTY
from traktauth.stores.addresses import open_store

if TYPE_CHECKING:
    from traktauth.cli.verify import Verdict
    from traktauth.client.settings import Settings
    from traktauth.models import Login
    from traktauth.stores.base import TokenStore

FORMAT = 1


@click.command("status")
@placed
@click.option("--verify", is_flag=True, help="Ask Trakt as well; what it says is shown apart.")
def command(place: Place, *, verify: bool) -> int:
    """Show every login in the store, or --account: who, where, until when, renewable or not.

    Without --verify nothing is sent: it is what this machine knows. Exit status 1 where a login cannot be read, which
    is named, else 4 where a sign-in is needed.
    """
    settings = place.settings()
    with place.hints(), closing(open_store(settings.store)) as store:
        seen = look(store, settings, place)
    standings = seen.standings
    verdicts = ask_all(standings, settings) if verify else {}
    if place.json:
        entries = [_document(each, verdicts.get(each.login), verify=verify) for each in standings]
        entries += [each.document() for each in seen.unread]
        emit_json({"format": FORMAT, "store": store.address, "logins": entries})
    else:
        _show(place, store, seen, verdicts)
    return FAILED if seen.unread else _status(standings, verdicts)


def ask_all(standings: list[Standing], settings: Settings) -> dict[Login, Verdict]:
    """Ask Trakt about every token that lives by this machine's clock."""
    from traktauth.cli.verify import verify  # noqa: PLC0415 - it imports the HTTP library

    return {
        each.login: verify(each.login, each.record.token, settings)
        for each in standings
        if each.lives and each.record.token is not None
    }


def _status(standings: list[Standing], verdicts: dict[Login, Verdict]) -> int:
    if not standings or any(each.needs_login or each.state is State.MOVED for each in standings):
        return LOGIN
    for each in standings:
        verdict = verdicts.get(each.login)
        if verdict is not None and verdict.accepted is False and not each.can_renew:
            return LOGIN
    return LATER if any(verdict.accepted is None for verdict in verdicts.values()) else DONE


def _document(standing: Standing, verdict: Verdict | None, *, verify: bool) -> dict[str, object]:
    """Return one login for programs: what is known here, and apart from it what Trakt said."""
    document: dict[str, object] = standing.document()
    if verify:
        document["trakt"] = None if verdict is None else verdict.document()
    return document


def _show(place: Place, store: TokenStore, seen: Seen, verdicts: dict[Login, Verdict]) -> None:
    emit(f"Store {store.address}")
    standings, unread = seen.standings, seen.unread
    if not standings and not unread:
        emit("  Nobody is signed in.")
    for each in standings:
        _show_one(place, each, verdicts.get(each.login))
    for damaged in unread:
        emit(f"\n{paint('✗', 'red', sys.stdout)} {_name(damaged.login)}\n    cannot be read: {damaged.why}")
    places = [place.about(each.login) for each in standings if each.needs_login]
    if not standings and not unread:
        places.append(place)
    for each_place in places:
        say(f"{paint('→', 'cyan')} Sign in: traktauth login{each_place.flags}")
    for damaged in unread:
        say(f"{paint('→', 'cyan')} {damaged.login.account}: {damaged.hint}")


def _show_one(place: Place, standing: Standing, verdict: Verdict | None) -> None:
    mark = paint("✗", "red", sys.stdout) if standing.needs_login else paint("✓", "green", sys.stdout)
    if (standing.in_doubt and not standing.needs_login) or standing.state is State.MOVED:
        mark = paint("!", "yellow", sys.stdout)
    emit(f"\n{mark} {_name(standing.login)}")
    if standing.record.moved:
        emit(f"    moved to {standing.record.moved}; use it there: --store {standing.record.moved}, or TRAKTAUTH_STORE")
        return
    if standing.record == EMPTY or standing.record.token is None:
        emit("    nobody is signed in" if not standing.record.generation else "    signed out")
        return
    emit(f"    token      {standing.token_line()}")
    emit(f"    renewable  {place.aim(standing.renewal_line())}")
    if standing.needs_login:
        emit("    A new sign-in is needed.")
    if verdict is not None:
        who = f", of user {verdict.username}" if verdict.username else ""
        emit(f"    Trakt says (asked just now): {verdict.why}{who}")


def _name(login: Login) -> str:
    return f"{login.account} at {login.realm} (app {login.client_id[:8]}…)"
