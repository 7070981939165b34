"""Commands as PostgreSQL takes them: those of `traktauth.stores.database.sql`, and many logins in one statement."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from traktauth.stores.database.commands import (
    CountLogins,
    CountStates,
    ListLogins,
    ListUpcoming,
    ReadLease,
    ReadRow,
    ReadRows,
    ReleaseLeases,
    SwapRow,
    SwapRows,
)
from traktauth.stores.database.row import COLUMNS
from traktauth.stores.database.schema import TABLE
from traktauth.stores.database.sql import Dialect, Parameters, key, login_of, row_of, to_result

if TYPE_CHECKING:
    from collections.abc import Iterable

    from traktauth.models import LoginKey
    from traktauth.stores.database.commands import Command

NOW = "CAST(extract(epoch FROM statement_timestamp()) AS double precision)"
_DIALECT = Dialect(
    now=NOW,
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
    "refreshable": "boolean",
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


# Comes before each statement that writes, in the same message and so in the same transaction: a session may be shared
# with other programs, behind a pooler that hands one out for each transaction.
LIMITS = """SELECT set_config('statement_timeout', '5000', true), set_config('lock_timeout', '5000', true),
    set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') = 'off' THEN 'on'
        ELSE current_setting('synchronous_commit') END, true);
"""
_READS = (ReadLease, ReadRow, ReadRows, ListLogins, CountLogins, CountStates, ListUpcoming)


def statement(command: Command[Any]) -> tuple[bytes, Parameters]:
    """Return the statement that does a command, and its parameters."""
    text: str
    values: dict[str, Any]
    match command:
        case ReadRows(logins):
            text, values = READ_MANY, _keys(logins)
        case ReleaseLeases(logins, owner):
            text, values = RELEASE_MANY, {**_keys(logins), "owner": owner}
        case SwapRows(swaps):
            text, values = SWAP_MANY, _swap_parameters(swaps)
        case _:
            text, values = _DIALECT.statement(command)
    return _psycopgs(text if isinstance(command, _READS) else LIMITS + text), Parameters(values)


def parse_rows(command: Command[Any], rows: list[Any]) -> Any:  # noqa: ANN401 - the command knows its result's type
    """Return a command's result from what its statement returned."""
    match command:
        case ReadRows():
            return {login_of(row[:3]): row_of(row[3:]) for row in rows}
        case SwapRows():
            return {login_of(row) for row in rows}
        case _:
            return to_result(command, rows)


def parts_of(command: SwapRows) -> list[Command[Any]]:
    """Return the parts of `SwapRows`: one statement for the rows that exist, and one for each new row."""
    there = tuple(swap for swap in command.swaps if swap.seen is not None)
    new: list[Command[Any]] = [swap for swap in command.swaps if swap.seen is None]
    return [SwapRows(there), *new] if there else new


def join_results(parts: Iterable[tuple[Command[Any], Any]]) -> set[LoginKey]:
    """Return the result of `SwapRows` from those of its parts."""
    done: set[LoginKey] = set()
    for part, got in parts:
        if isinstance(part, SwapRow):
            done |= {part.login} if got else set()
        else:
            done |= got
    return done


def _keys(logins: Iterable[LoginKey]) -> dict[str, str]:
    """Return the parameter that names many logins."""
    return {"logins": json.dumps([key(login) for login in logins])}


def _swap_parameters(swaps: Iterable[SwapRow]) -> dict[str, str]:
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
