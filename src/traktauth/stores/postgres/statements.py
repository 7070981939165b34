"""Commands as PostgreSQL takes them: those of `traktauth.stores.sql`, and many logins in one statement."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from traktauth.stores.commands import ReadMany, ReleaseMany, Swap, SwapMany
from traktauth.stores.rows import COLUMNS
from traktauth.stores.sql import TABLE, Dialect, answer, key, login_of, row_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from traktauth.models import Login
    from traktauth.stores.commands import Command

_DIALECT = Dialect(
    now="CAST(extract(epoch FROM statement_timestamp()) AS double precision)",
    skip=f"FOR UPDATE OF {TABLE} SKIP LOCKED",
    materialized="MATERIALIZED",
    most="greatest",
    least="least",
)
_KEYS = ("realm", "client_id", "account")
_KINDS = dict.fromkeys(COLUMNS, "text") | {
    "revision": "bigint",
    "format": "integer",
    "generation": "bigint",
    "expires_at": "double precision",
    "due_at": "double precision",
    "renewable": "boolean",
}
_ONES = ", ".join(f"CAST(:{name} AS text[])" for name in _KEYS)
_AMONG = f"(realm, client_id, account) IN (SELECT * FROM unnest({_ONES}))"
READ_MANY = f"SELECT realm, client_id, account, {', '.join(COLUMNS)} FROM {TABLE} WHERE {_AMONG} AND revision <> 0"
RELEASE_MANY = f"UPDATE {TABLE} SET lease_owner = NULL, lease_until = NULL WHERE {_AMONG} AND lease_owner = :owner"
_NEW = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _KINDS.items())
SWAP_MANY = f"""
UPDATE {TABLE} SET {", ".join(f"{name} = new.{name}" for name in COLUMNS)}
FROM unnest({_ONES}, CAST(:seen AS bigint[]), {_NEW}) AS new (realm, client_id, account, seen, {", ".join(COLUMNS)})
WHERE {" AND ".join(f"{TABLE}.{name} = new.{name}" for name in _KEYS)} AND {TABLE}.revision = new.seen
RETURNING {", ".join(f"{TABLE}.{name}" for name in _KEYS)}"""


def statement(command: Command[Any]) -> tuple[bytes, dict[str, Any]]:
    """Return the statement that does a command, and its parameters."""
    text: str
    values: dict[str, Any]
    match command:
        case ReadMany(logins):
            text, values = READ_MANY, keys(logins)
        case ReleaseMany(logins, owner):
            text, values = RELEASE_MANY, {**keys(logins), "owner": owner}
        case SwapMany(swaps):
            text, values = SWAP_MANY, _swapped(swaps)
        case _:
            text, values = _DIALECT.statement(command)
    return _psycopgs(text), values


def answered(command: Command[Any], rows: list[Any]) -> Any:  # noqa: ANN401 - the command knows its answer's type
    """Return a command's answer from what its statement returned."""
    match command:
        case ReadMany():
            return {login_of(row[:3]): row_of(row[3:]) for row in rows}
        case SwapMany():
            return {login_of(row) for row in rows}
        case _:
            return answer(command, rows)


def parts_of(command: SwapMany) -> list[Command[Any]]:
    """Return what a SwapMany is done by: one statement for rows that are there, and one each for new ones."""
    there = tuple(swap for swap in command.swaps if swap.seen is not None)
    new: list[Command[Any]] = [swap for swap in command.swaps if swap.seen is None]
    return [SwapMany(there), *new] if there else new


def joined(parts: Iterable[tuple[Command[Any], Any]]) -> set[Login]:
    """Return the answer of a SwapMany from those of its parts."""
    done: set[Login] = set()
    for part, got in parts:
        if isinstance(part, Swap):
            done |= {part.login} if got else set()
        else:
            done |= got
    return done


def keys(logins: Iterable[Login]) -> dict[str, list[str]]:
    """Return the parameters that name many logins."""
    named = [key(login) for login in logins]
    return {name: [one[name] for one in named] for name in _KEYS}


def _swapped(swaps: Iterable[Swap]) -> dict[str, list[Any]]:
    swaps = list(swaps)
    values: dict[str, list[Any]] = {**keys(swap.login for swap in swaps), "seen": [swap.seen for swap in swaps]}
    return values | {name: [getattr(swap.row, name) for swap in swaps] for name in COLUMNS}


_worded: dict[str, bytes] = {}


def _psycopgs(text: str) -> bytes:
    """Return a statement with its parameters as psycopg writes them."""
    if text not in _worded:
        _worded[text] = re.sub(r":(\w+)", r"%(\1)s", text).encode()
    return _worded[text]
