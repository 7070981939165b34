"""`traktauth store`: move logins between stores, and encrypt them."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import click

from traktauth.cli.click_classes import Command, Group, show_help
from traktauth.cli.command_hints import COMMAND_HINTS
from traktauth.cli.common_options import CommonOptions, naming_settings
from traktauth.cli.exit_codes import DONE, FAILED, LATER
from traktauth.cli.options import common_options, json_option
from traktauth.cli.output import (
    BAD,
    GOOD,
    NEXT,
    WARNING,
    Styled,
    is_on_terminal,
    print_data,
    print_in_place,
    print_json,
    print_message,
    print_text,
)
from traktauth.cli.times import format_duration
from traktauth.errors import TraktAuthError
from traktauth.hints import Hint
from traktauth.models import LoginKey
from traktauth.stores.base import TokenStore
from traktauth.stores.encryption import FILE_VARIABLE, VARIABLE, key_id, key_of, new_key
from traktauth.stores.key_rotation import key_ids, reseal
from traktauth.stores.move import Outcome, move
from traktauth.stores.open import open_store
from traktauth.stores.postgres.schema import schema_for

T = TypeVar("T")

_AGAIN = "Then run it again to move the rest"
# What a later run of the same command can settle.
_LATER = {Outcome.UNCONFIRMED, Outcome.BUSY}
_IN_THE_WAY = {Outcome.NEWER, Outcome.ENDED, Outcome.MOVED_ON, Outcome.ELSEWHERE, Outcome.UNREADABLE}
_SETTLED = {Outcome.MOVED, Outcome.ALREADY, Outcome.SIGNED_OUT}


@click.command("move", cls=Command)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@json_option
def move_logins(source: str, target: str, *, as_json: bool) -> int:
    """Move every login of one store into another.

    Programs can run meanwhile: a program that still uses the old store goes on with the new one, which the old one
    names. A newer login in the new store is never replaced. The command can be interrupted and run again.

    Other users of the machine can read arguments. An address with a password can come from a variable (env:NAME), from
    the first line of a file (@FILE) or from a line of standard input (-).

    Exit status 5 if a login was skipped because its refresh is unconfirmed or in progress; 1 if the new store has a
    newer one, if it is being moved to another store, or if it cannot be read.

    Examples:
        traktauth store move file: postgresql://db/app
        # into an encrypted store
        traktauth store move file: sealed+file:/PATH.json
        # with a password, from a variable
        traktauth store move file: env:DATABASE_URL
    """
    old, new = read_address(source), read_address(target)
    with naming_settings(), closing(open_store(old)) as opened, closing(open_store(new)) as other:
        return run_move(opened, other, as_json=as_json)


def run_move(source: TokenStore, target: TokenStore, *, as_json: bool) -> int:
    """Move every login, report each, and return the exit code."""
    if "memory:" in {source.address, target.address}:
        raise click.UsageError(
            "memory: is lost when this command ends; use a persistent store, such as file: or sqlite:/PATH"
        )
    counts: Counter[Outcome] = Counter()

    def waiting(login: LoginKey, seconds: float) -> None:
        if as_json:
            print_json({"event": "waiting", **asdict(login), "seconds": seconds})
            return
        print_message(
            f"{login.account} at {login.realm} is locked by a program that refreshes it, or by an interrupted run; "
            f"waiting up to {seconds:.0f} s …"
        )

    try:
        moving = move(source, target, waiting=waiting)
        for moved in counting(moving, len(source.list_logins()), shown=not as_json):
            outcome = moved.outcome
            counts[outcome] += 1
            mark, name = GOOD if outcome in _SETTLED else WARNING, outcome.name.lower()
            _report_login(moved.login, mark, outcome.value, as_json=as_json, outcome=name)
    except TraktAuthError as error:
        hint = error.hint_from(COMMAND_HINTS)
        error.hint = Hint(hint, f". {_AGAIN}") if hint else _AGAIN
        raise
    new = shlex.quote(target.address)
    if as_json:
        numbers = {outcome.name.lower(): counts[outcome] for outcome in Outcome}
        print_json({"event": "summary", "from": source.address, "to": target.address, **numbers})
    elif not counts:
        old = shlex.quote(source.address)
        print_message(f"{source.address} contains no login. See: traktauth status --store {old}")
    else:
        print_message(f"{counts[Outcome.MOVED]} of {counts.total()} moved to {target.address}")
        if counts[Outcome.MOVED]:
            print_message(NEXT, f"Use it from now on: --store {new}, or TRAKTAUTH_STORE")
    if counts.keys() & _IN_THE_WAY:
        return FAILED
    return LATER if counts.keys() & _LATER else DONE


def _report_login(login: LoginKey, mark: Styled, message: str, *, as_json: bool, **members: str | None) -> None:
    """Report what became of a login; *members* are those of the JSON, of which a user sees the hint."""
    if as_json:
        print_json({"event": "login", **asdict(login), **members, "message": message})
        return
    print_data(mark, f"{login.account} at {login.realm} (app {login.client_id[:8]}…): {message}")
    if hint := members.get("hint"):
        print_message(NEXT, hint)


@click.command("reseal", cls=Command, short_help="Encrypt every login of a store with the newest key.")
@click.option("--take-plain", is_flag=True, help="Also encrypt unencrypted logins, and name each.")
@common_options("store", "json")
def reseal_logins(options: CommonOptions, *, take_plain: bool) -> int:
    """Encrypt every login of a store with the newest key, so that older keys can be deleted.

    The newest key is the first in TRAKTAUTH_SEAL_KEY, or else in the file that TRAKTAUTH_SEAL_KEY_FILE names. The store
    is named as sealed+ADDRESS. Programs that have the newest key may run meanwhile: give it to all of them first, or
    they cannot use their logins any more. After an interruption, run it again. Exit status 1 if a login could not be
    decrypted or was being refreshed: it is named and not changed.

    An unencrypted login is not changed either, because anybody who can write to the store may have inserted it. To
    encrypt a store that was used without sealed+ until now, use --take-plain once.

    Examples:
        traktauth store reseal --store sealed+sqlite:/PATH
        # once, for a store that was not encrypted
        traktauth store reseal --take-plain --store sealed+file:
    """
    settings = options.settings()
    counts: Counter[str] = Counter()
    keys: Counter[str] = Counter()
    with options.adding_flags():
        for each in counting(reseal(settings.store, take_plain=take_plain), None, shown=not options.json):
            error = each.error
            counts["failed" if error else "sealed" if each.changed else "already"] += 1
            keys[each.key or "none"] += 1
            if error is not None:
                hint = options.for_login(each.login, settings).with_flags(error.hint_from(COMMAND_HINTS))
                _report_login(each.login, BAD, error.message, as_json=options.json, key=each.key, hint=hint)
            elif each.was_plain:
                why = "it was not encrypted, and is sealed now"
                _report_login(each.login, WARNING, why, as_json=options.json, key=each.key, hint="")
        newest, *others = key_ids()
    if options.json:
        numbers = {name: counts[name] for name in ("sealed", "already", "failed")}
        print_json({"event": "summary", "key": newest, **numbers, "keys": dict(keys)})
        return FAILED if counts["failed"] else DONE
    left = f", {counts['failed']} left unchanged" if counts["failed"] else ""
    sealed = f"{counts['sealed']} sealed with the newest key, {newest}; {counts['already']} were already{left}"
    print_message(WARNING if counts["failed"] else GOOD, sealed)
    for key, count in keys.items():
        print_message(
            f"{count} {'uses' if count == 1 else 'use'} {'no key' if key == 'none' else f'the key {key}'}", indent=2
        )
    unused = [key for key in others if key not in keys]
    if unused and counts:
        word = "key" if len(unused) == 1 else "keys"
        needless = f"Not needed here any more, once every program has {newest}: the {word} {', '.join(unused)}"
        print_message(needless, indent=2)
    return FAILED if counts["failed"] else DONE


@click.command("key", cls=Command, short_help="Make a key for encrypted stores (sealed+…).")
@json_option
def make_key(*, as_json: bool) -> int:
    """Make a key for encrypted stores (sealed+…), and print it.

    The first key in the file encrypts; all keys decrypt. Put a new key before the old ones, and keep those until
    traktauth store reseal says that they are not needed any more.

    Examples:
        # the first key
        (umask 077; set -C
          traktauth store key > ~/.traktauth.key)
        export TRAKTAUTH_SEAL_KEY_FILE=~/.traktauth.key
        # a new key before the old ones
        (umask 077; cd && { traktauth store key &&
          cat .traktauth.key; } > .new.key &&
          mv .new.key .traktauth.key)
    """
    key = new_key()
    name = key_id(key_of(VARIABLE, key))
    if as_json:
        print_json({"key": key, "id": name})
        return 0
    print_data(key)
    print_message(GOOD, f"A new key, {name}. With it the logins can be read; without it they are lost.")
    print_message(NEXT, f"Set {VARIABLE} to it, or keep it in a file of mode 600 that {FILE_VARIABLE} names.")
    print_message("If there is a key already, put the new one before it, then: traktauth store reseal", indent=2)
    return 0


@click.command("schema", cls=Command, short_help="Print the SQL that creates the tables of a store in PostgreSQL.")
@click.option("--role", metavar="NAME", help="Also grant NAME the privileges that the store needs.")
def print_schema(*, role: str | None) -> int:
    """Print the SQL that creates the tables of a store in PostgreSQL.

    The store creates them itself if its role has the privilege CREATE in the schema. If not, an administrator runs this
    once, in that schema; then the store needs only SELECT, INSERT and UPDATE.

    Examples:
        traktauth store schema --role app |
          psql -v ON_ERROR_STOP=1 postgresql://admin@db/app
    """
    print_text(schema_for(role).rstrip("\n") + "\n")
    return 0


def read_address(text: str) -> str:
    """Return the address that an argument refers to.

    Args:
        text: `env:NAME` for a variable, `@PATH` for the first line of a file, `-` for a line of standard input, or the
            address itself.
    """
    if text.startswith("env:"):
        name = text.removeprefix("env:")
        address, where = os.environ.get(name, ""), f"The variable {name or 'after env:'}"
    elif text.startswith("@"):
        where = f"The file {text[1:]}"
        try:
            address = Path(text[1:]).expanduser().read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError) as error:
            raise click.UsageError(f"{where} cannot be read: {getattr(error, 'strerror', error)}") from None
    elif text == "-":
        address, where = sys.stdin.readline(), "Standard input"
    else:
        return text
    if not address.strip():
        raise click.UsageError(f"{where} holds no address")
    return address.strip().splitlines()[0].strip()


_UPDATE_INTERVAL = 0.1  # seconds


def counting(items: Iterable[T], total: int | None, *, shown: bool) -> Iterator[T]:
    """Yield items, and show how many there were: on stderr, if that is a terminal, `120 of 5000, 40/s, 2 min left`."""
    shown = shown and is_on_terminal(sys.stderr)
    began = drawn = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if shown and now - drawn >= _UPDATE_INTERVAL:
            drawn = now
            rate = done / (now - began)
            left = f", {format_duration((total - done) / rate)} left" if total else ""
            print_in_place(f"{done}{f' of {total}' if total else ''}, {rate:.0f}/s{left}")
    if shown:
        print_in_place("")


@click.group("store", cls=Group, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Move logins between stores, and encrypt them."""
    if context.invoked_subcommand is None:
        show_help(context)


for each in (move_logins, make_key, reseal_logins, print_schema):
    command.add_command(each)
