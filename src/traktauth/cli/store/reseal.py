"""`traktauth store reseal`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.command_hints import COMMAND_HINTS
from traktauth.cli.exit_codes import DONE, FAILED
from traktauth.cli.options import common_options
from traktauth.cli.output import BAD, GOOD, NEXT, WARNING, print_data, print_json, print_message
from traktauth.cli.progress import Progress
from traktauth.stores.encryption.rotate_keys import key_ids, reseal

if TYPE_CHECKING:
    from traktauth.cli.common_options import CommonOptions
    from traktauth.stores.encryption.rotate_keys import Resealed


@click.command(
    "reseal",
    cls=Command,
    short_help="Encrypt every login of a store with the newest key.",
    examples=[
        ("traktauth store reseal --store sealed+sqlite:/PATH", ""),
        ("traktauth store reseal --take-plain --store sealed+file:", "once, for a store that was not encrypted"),
    ],
)
@click.option("--take-plain", is_flag=True, help="Also encrypt unencrypted logins, and name each.")
@common_options("store", "json")
def command(options: CommonOptions, *, take_plain: bool) -> int:
    """Encrypt every login of a store with the newest key, so that older keys can be deleted.

    The newest key is the first in TRAKTAUTH_SEAL_KEY, or else in the file that TRAKTAUTH_SEAL_KEY_FILE names. The store
    is named as sealed+ADDRESS. Programs that have the newest key may run meanwhile: give it to all of them first, or
    they cannot use their logins any more. After an interruption, run it again. Exit status 1 if a login could not be
    decrypted or was being refreshed: it is named and not changed.

    An unencrypted login is not changed either, because anybody who can write to the store may have inserted it. To
    encrypt a store that was used without sealed+ until now, use --take-plain once.
    """
    address = options.settings().store
    counts: Counter[str] = Counter()
    keys: Counter[str] = Counter()
    with options.adding_flags(), Progress(None, shown=not options.json) as progress:
        for each in reseal(address, take_plain=take_plain):
            counts["failed" if each.error else "sealed" if each.changed else "already"] += 1
            keys[each.key or "none"] += 1
            progress.step()
            if each.error is not None or each.was_plain:
                with progress.paused():
                    _tell(each, options)
        newest, *others = key_ids()
    if options.json:
        numbers = {name: counts[name] for name in ("sealed", "already", "failed")}
        print_json({"event": "summary", "key": newest, **numbers, "keys": dict(keys)})
    else:
        _sum_up(counts, keys, newest, others)
    return FAILED if counts["failed"] else DONE


def _tell(one: Resealed, options: CommonOptions) -> None:
    """Name a login that was left as it is, or that lay there unencrypted."""
    error = one.error
    if error is None:
        mark, why, hint = WARNING, "it lay there unencrypted, and is sealed now", ""
    else:
        hint = options.for_login(one.login, options.settings()).with_flags(error.hint_from(COMMAND_HINTS))
        mark, why = BAD, error.message
    if options.json:
        print_json({"event": "login", **asdict(one.login), "key": one.key, "message": why, "hint": hint})
        return
    print_data(mark, f"{one.login.account} at {one.login.realm} (app {one.login.client_id[:8]}…): {why}")
    if hint:
        print_message(NEXT, hint)


def _sum_up(counts: Counter[str], keys: Counter[str], newest: str, others: list[str]) -> None:
    """Say which key seals how many, and which keys seal none."""
    mark = WARNING if counts["failed"] else GOOD
    left = f", {counts['failed']} left unchanged" if counts["failed"] else ""
    print_message(
        mark, f"{counts['sealed']} sealed with the newest key, {newest}; {counts['already']} were already{left}"
    )
    for key, count in keys.items():
        under = f"the key {key}" if key != "none" else "no key"
        print_message(f"{count} {'lies' if count == 1 else 'lie'} under {under}", indent=2)
    unused = [key for key in others if key not in keys]
    if unused and counts.total():
        word = "key" if len(unused) == 1 else "keys"
        print_message(
            f"Not needed here any more, once every program has {newest}: the {word} {', '.join(unused)}", indent=2
        )
