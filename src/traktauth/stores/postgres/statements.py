"""Commands as PostgreSQL takes them: those of `traktauth.stores.sql`, and many logins in one statement."""

from __future__ import annotations

import json
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
_KINDS_OF_COLUMNS = dict.fromkeys(COLUMNS, "text") | {
    "revision": "bigint",
    "format": "integer",
    "generation": "bigint",
    "expires_at": "double precision",
    "due_at": "double precision",
    "renewable": "boolean",
}
# Many rows come as one JSON text: arrays would be escaped element by element, at ten times the cost.
_NAMED = "json_to_recordset(CAST(:logins AS json)) AS named (realm text, client_id text, account text)"
_AMONG = f"(realm, client_id, account) IN (SELECT realm, client_id, account FROM {_NAMED})"
READ_MANY = f"SELECT realm, client_id, account, {', '.join(COLUMNS)} FROM {TABLE} WHERE {_AMONG} AND revision <> 0"
RELEASE_MANY = f"UPDATE {TABLE} SET lease_owner = NULL, lease_until = NULL WHERE {_AMONG} AND lease_owner = :owner"
_KINDS = dict.fromkeys(_KEYS, "text") | {"seen": "bigint"} | _KINDS_OF_COLUMNS
SWAP_MANY = f"""
UPDATE {TABLE} SET {", ".join(f"{name} = new.{name}" for name in COLUMNS)}
FROM json_to_recordset(CAST(:rows AS json)) AS new ({", ".join(f"{name} {kind}" for name, kind in _KINDS.items())})
WHERE {" AND ".join(f"{TABLE}.{name} = new.{name}" for name in _KEYS)} AND {TABLE}.revision = new.seen
RETURNING {", ".join(f"{TABLE}.{name}" for name in _KEYS)}"""


def statement(command: Command[Any]) -> tuple[bytes, dict[str, Any]]:
    """Return the statement that does a command, and its parameters."""
    text: str
    values: dict[str, Any]
    match command:
        case ReadMany(logins):
            text, values = READ_MANY, _keys(logins)
        case ReleaseMany(logins, owner):
            text, values = RELEASE_MANY, {**_keys(logins), "owner": owner}
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


def _keys(logins: Iterable[Login]) -> dict[str, str]:
    """Return the parameter that names many logins."""
    return {"logins": json.dumps([key(login) for login in logins])}


def _swapped(swaps: Iterable[Swap]) -> dict[str, str]:
    rows = [
        {**key(swap.login), "seen": swap.seen, **{name: getattr(swap.row, name) for name in COLUMNS}} for swap in swaps
    ]
    return {"rows": json.dumps(rows)}


_worded: dict[str, bytes] = {}


def _psycopgs(text: str) -> bytes:
    """Return a statement with its parameters as psycopg writes them."""
    if text not in _worded:
        _worded[text] = re.sub(r":(\w+)", r"%(\1)s", text).encode()
    return _worded[text]
