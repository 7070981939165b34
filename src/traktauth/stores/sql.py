"""Commands as SQL, the same for SQLite and PostgreSQL: one statement each, so none needs a transaction.

Parameters are written `:name`. A row with revision 0 holds no record: it carries the lease of a login
that has none yet.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from traktauth.models import Login
from traktauth.stores.commands import Claim, CountDue, Hold, Names, Read, Release, Spend, Swap, Take, Try
from traktauth.stores.rows import COLUMNS, Row
from traktauth.stores.texts import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traktauth.stores.commands import Command

VERSION = 1
TABLE = "traktauth_logins"

LOGINS = f"""
CREATE TABLE {TABLE} (
    realm TEXT NOT NULL,
    client_id TEXT NOT NULL,
    account TEXT NOT NULL,
    revision BIGINT NOT NULL,
    format INTEGER NOT NULL,
    generation BIGINT NOT NULL,
    expires_at DOUBLE PRECISION,
    due_at DOUBLE PRECISION,
    renewable BOOLEAN NOT NULL,
    moved TEXT,
    renewal TEXT,
    told TEXT NOT NULL,
    rest TEXT NOT NULL,
    lease_owner TEXT,
    lease_until DOUBLE PRECISION,
    PRIMARY KEY (realm, client_id, account)
)"""
BUDGETS = """
CREATE TABLE traktauth_budgets (
    realm TEXT NOT NULL PRIMARY KEY,
    granted BIGINT NOT NULL,
    used BIGINT NOT NULL,
    used_at DOUBLE PRECISION NOT NULL,
    held_until DOUBLE PRECISION NOT NULL
)"""
DUE = f"CREATE INDEX traktauth_logins_due ON {TABLE} (realm, client_id, due_at) WHERE due_at IS NOT NULL"
SCHEMA = {TABLE: LOGINS, "traktauth_budgets": BUDGETS}

_RENEWABLE = COLUMNS.index("renewable")
_KEY = "realm = :realm AND client_id = :client_id AND account = :account"
_NAMES = ", ".join(COLUMNS)
_VALUES = ", ".join(f":{name}" for name in COLUMNS)
_SET = ", ".join(f"{name} = :{name}" for name in COLUMNS)
_PLACED = f"INSERT INTO {TABLE} (realm, client_id, account, {_NAMES}) VALUES (:realm, :client_id, :account, {_VALUES})"
# A lease that would end later than any that is given was taken before the clock was set back.
_FREE = f"({TABLE}.lease_until IS NULL OR NOT {TABLE}.lease_until BETWEEN {{now}} AND {{now}} + 3600)"

READ = f"SELECT {_NAMES} FROM {TABLE} WHERE {_KEY} AND revision <> 0"
REPLACE = f"UPDATE {TABLE} SET {_SET} WHERE {_KEY} AND revision = :seen RETURNING 1"
PLACE = f"{_PLACED} ON CONFLICT (realm, client_id, account) DO UPDATE SET {_SET} WHERE {TABLE}.revision = 0 RETURNING 1"
TAKE = f"""
INSERT INTO {TABLE} (realm, client_id, account, revision, format, generation, renewable, told, rest, lease_owner,
    lease_until)
VALUES (:realm, :client_id, :account, 0, 0, 0, FALSE, '[]', '{{{{}}}}', :owner, {{now}} + :seconds)
ON CONFLICT (realm, client_id, account) DO UPDATE SET lease_owner = :owner, lease_until = {{now}} + :seconds
WHERE {_FREE} OR {TABLE}.lease_owner = :owner RETURNING 1"""
RELEASE = f"UPDATE {TABLE} SET lease_owner = NULL, lease_until = NULL WHERE {_KEY} AND lease_owner = :owner"
NAMES = f"SELECT realm, client_id, account FROM {TABLE} WHERE revision <> 0"
TRY = f"""
INSERT INTO {TABLE} (realm, client_id, account, revision, format, generation, renewable, told, rest)
VALUES ('', '', '', 0, 0, 0, FALSE, '[]', :room)
ON CONFLICT (realm, client_id, account) DO UPDATE SET rest = :room"""
_ROOM = " " * 8192  # characters: more than a record has
DUE_ONES = "realm = :realm AND client_id = :client_id AND due_at IS NOT NULL AND due_at <= :before"
CLAIM = f"""
WITH due AS {{materialized}} (
    SELECT realm, client_id, account FROM {TABLE}
    WHERE {DUE_ONES} AND (renewal IS NULL OR expires_at <= :now) AND {_FREE}
    ORDER BY due_at LIMIT :limit {{skip}}
)
UPDATE {TABLE} SET lease_owner = :owner, lease_until = {{now}} + :seconds FROM due
WHERE {TABLE}.realm = due.realm AND {TABLE}.client_id = due.client_id AND {TABLE}.account = due.account
RETURNING {TABLE}.account, {", ".join(f"{TABLE}.{name}" for name in COLUMNS)}"""
COUNT_DUE = f"SELECT count(*) FROM {TABLE} WHERE {DUE_ONES}"

# What is granted is reckoned from the row as it was, noted in it, and returned from there. A time that lies ahead is
# one from before the clock was set back.
_ANEW = "{now} - traktauth_budgets.used_at NOT BETWEEN -1 AND :period"
_LEFT = f"CASE WHEN {_ANEW} THEN :limit ELSE :limit - traktauth_budgets.used END"
_GRANTED = f"CASE WHEN {{now}} < traktauth_budgets.held_until THEN 0 ELSE {{most}}(0, {{least}}(:wanted, {_LEFT})) END"
SPEND = f"""
INSERT INTO traktauth_budgets (realm, granted, used, used_at, held_until)
VALUES (:realm, {{least}}(:wanted, :limit), {{least}}(:wanted, :limit), {{now}}, 0)
ON CONFLICT (realm) DO UPDATE SET
    granted = {_GRANTED},
    used = CASE WHEN {_ANEW} THEN 0 ELSE traktauth_budgets.used END + {_GRANTED},
    used_at = CASE WHEN {_GRANTED} > 0 THEN {{now}} ELSE traktauth_budgets.used_at END
RETURNING granted, used, held_until - {{now}}, used_at + :period - {{now}}"""
HOLD = """
INSERT INTO traktauth_budgets (realm, granted, used, used_at, held_until) VALUES (:realm, 0, 0, 0, {now} + :seconds)
ON CONFLICT (realm) DO UPDATE SET held_until = {most}(traktauth_budgets.held_until, {now} + :seconds)"""


class Dialect:
    """How a database words what the standard leaves open.

    Args:
        now: the database's own time in Unix seconds, as an expression.
        skip: what a select that locks its rows ends in.
        materialized: what a subquery that is to run once is called.
        most: the greatest of some values.
        least: the smallest of some values.
    """

    def __init__(self, *, now: str, skip: str = "", materialized: str = "", most: str, least: str) -> None:
        worded = {"now": now, "skip": skip, "materialized": materialized, "most": most, "least": least}
        self._take, self._claim = TAKE.format(**worded), CLAIM.format(**worded)
        self._spend, self._hold = SPEND.format(**worded), HOLD.format(**worded)

    def statement(self, command: Command[Any]) -> tuple[str, dict[str, Any]]:
        """Return the statement that does a command, and its parameters."""
        match command:
            case Read(login):
                return READ, key(login)
            case Swap(login, seen, row):
                values = {**key(login), **{name: getattr(row, name) for name in COLUMNS}}
                return (PLACE, values) if seen is None else (REPLACE, {**values, "seen": seen})
            case Take(login, owner, seconds):
                return self._take, {**key(login), "owner": owner, "seconds": seconds}
            case Release(login, owner):
                return RELEASE, {**key(login), "owner": owner}
            case Names():
                return NAMES, {}
            case Try():
                return TRY, {"room": _ROOM}
            case _:
                return self._for_fleets(command)

    def _for_fleets(self, command: Command[Any]) -> tuple[str, dict[str, Any]]:
        match command:
            case Claim():
                values = {**asdict(command), "realm": to_text(command.realm), "client_id": to_text(command.client_id)}
                return self._claim, values
            case CountDue(realm, client_id, before):
                return COUNT_DUE, {"realm": to_text(realm), "client_id": to_text(client_id), "before": before}
            case Spend():
                return self._spend, {**asdict(command), "realm": to_text(command.realm)}
            case Hold(realm, seconds):
                return self._hold, {"realm": to_text(realm), "seconds": seconds}
            case _:
                raise AssertionError(f"no statement does {type(command).__name__}")


def answer(command: Command[Any], rows: Sequence[Any]) -> Any:  # noqa: ANN401 - the command knows its answer's type
    """Return a command's answer from what its statement returned."""
    match command:
        case Read():
            return row_of(rows[0]) if rows else None
        case Swap() | Take():
            return bool(rows)
        case Names():
            return [login_of(row) for row in rows]
        case Claim(realm, client_id):
            claimed = [(Login(realm, client_id, from_text(row[0])), row_of(row[1:])) for row in rows]
            return sorted(claimed, key=lambda pair: pair[1].due_at or 0.0)
        case CountDue():
            return rows[0][0]
        case Spend():
            return command.outcome(*rows[0])
        case _:
            return None


def key(login: Login) -> dict[str, Any]:
    """Return the parameters that name a login."""
    return {
        "realm": to_text(login.realm),
        "client_id": to_text(login.client_id),
        "account": to_text(login.account),
    }


def login_of(row: Sequence[Any]) -> Login:
    """Return the login that three columns name."""
    return Login(*(from_text(value) for value in row))


def row_of(values: Sequence[Any]) -> Row:
    """Return the row in a statement's result; SQLite has numbers for truth values."""
    members = list(values)
    if members[_RENEWABLE] in {0, 1}:
        members[_RENEWABLE] = bool(members[_RENEWABLE])
    return Row(*members)
