"""`traktauth store reseal`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from traktauth.cli.exits import DONE, FAILED
from traktauth.cli.place import Place, placed
from traktauth.cli.progress import Progress
from traktauth.cli.stream import emit, emit_json, paint, say
from traktauth.stores.resealing import key_ids, reseal

if TYPE_CHECKING:
    from traktauth.stores.resealing import Resealed


@click.command("reseal")
@placed
def command(place: Place) -> int:
    """Encrypt every login of a store with the newest key, so that older keys can be thrown away.

    The newest key is the first in TRAKTAUTH_SEAL_KEY, or else in the file that TRAKTAUTH_SEAL_KEY_FILE names. The store
    is named as sealed+ADDRESS; logins that lie in it unencrypted are encrypted too. Programs may go on meanwhile, and a
    run that was cut off is run again. Exit status 1 where a login could not be opened: it is named, and left as it is.

    \b
    Example: traktauth store reseal --store sealed+sqlite:/var/lib/app/logins.db
    """
    address = place.settings().store
    counts: Counter[str] = Counter()
    keys: Counter[str] = Counter()
    with place.hints(), Progress(None, shown=not place.json) as progress:
        for each in reseal(address):
            counts["failed" if each.error else "sealed" if each.changed else "already"] += 1
            keys[each.key or "none"] += 1
            progress.step()
            if each.error is not None:
                with progress.aside():
                    _tell(each, place)
        newest, *others = key_ids()
    if place.json:
        numbers = {name: counts[name] for name in ("sealed", "already", "failed")}
        emit_json({"event": "summary", "key": newest, **numbers, "keys": dict(keys)})
    else:
        _sum_up(counts, keys, newest, others)
    return FAILED if counts["failed"] else DONE


def _tell(one: Resealed, place: Place) -> None:
    """Name a login that was left as it is."""
    if one.error is None:
        return
    why, hint = one.error.message, place.about(one.login).aim(one.error.hint)
    if place.json:
        emit_json({"event": "login", **asdict(one.login), "key": one.key, "message": why, "hint": hint})
        return
    emit(f"{paint('✗', 'red')} {one.login.account} at {one.login.realm} (app {one.login.client_id[:8]}…): {why}")
    say(f"{paint('→', 'cyan')} {hint}")


def _sum_up(counts: Counter[str], keys: Counter[str], newest: str, others: list[str]) -> None:
    """Say which key seals how many, and which keys seal none."""
    mark = paint("!", "yellow") if counts["failed"] else paint("✓", "green")
    left = f", {counts['failed']} could not be opened" if counts["failed"] else ""
    say(f"{mark} {counts['sealed']} sealed with the newest key, {newest}; {counts['already']} were already{left}")
    for key, count in keys.items():
        say(f"  {count} {'lies' if count == 1 else 'lie'} under {f'the key {key}' if key != 'none' else 'no key'}")
    unused = [key for key in others if key not in keys]
    if unused and counts.total():
        word = "key" if len(unused) == 1 else "keys"
        say(f"  Not needed here any more, once every program has {newest}: the {word} {', '.join(unused)}")
