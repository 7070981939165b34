"""Commands as SQL, the same for SQLite and PostgreSQL: one statement each, so none needs a transaction.

Parameters are written `:name`. A row with revision 0 holds no record: it carries the lease of a login
that has none yet.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from traktauth.models import LoginKey
from traktauth.stores.database.commands import (
    PROBE_CONTENT,
    AcquireLease,
    BlockBudget,
    ClaimDue,
    CountLogins,
    CountStates,
    DeleteRow,
    ListLogins,
    ListUpcoming,
    LoginCounts,
    LoginStates,
    ProbeWrite,
    ReadLease,
    ReadRow,
    ReleaseLease,
    SwapRow,
    TakeBudget,
)
from traktauth.stores.database.name_codec import from_text, to_text
from traktauth.stores.database.row import COLUMNS, Row
from traktauth.stores.database.schema import TABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traktauth.stores.database.commands import Command

_REFRESHABLE = COLUMNS.index("refreshable")
_KEY = "realm = :realm AND client_id = :client_id AND account = :account"
_NAMES = ", ".join(COLUMNS)
_VALUES = ", ".join(f":{name}" for name in COLUMNS)
_SET = ", ".join(f"{name} = :{name}" for name in COLUMNS)
_PLACED = f"INSERT INTO {TABLE} (realm, client_id, account, {_NAMES}) VALUES (:realm, :client_id, :account, {_VALUES})"
# A lease that would end later than any that is given was taken before the clock was set back.
_FREE = f"({TABLE}.lease_until IS NULL OR NOT {TABLE}.lease_until BETWEEN {{clock}} AND {{clock}} + {{longest_lease}})"

READ = f"SELECT {_NAMES} FROM {TABLE} WHERE {_KEY} AND revision <> 0"
REPLACE = f"UPDATE {TABLE} SET {_SET} WHERE {_KEY} AND revision = :seen RETURNING 1"
PLACE = f"{_PLACED} ON CONFLICT (realm, client_id, account) DO UPDATE SET {_SET} WHERE {TABLE}.revision = 0 RETURNING 1"
TAKE = f"""
INSERT INTO {TABLE} (realm, client_id, account, revision, format, generation, refreshable, notifications, payload,
    lease_owner, lease_until)
VALUES (:realm, :client_id, :account, 0, 0, 0, FALSE, '[]', '{{{{}}}}', :owner, {{clock}} + :seconds)
ON CONFLICT (realm, client_id, account) DO UPDATE SET lease_owner = :owner, lease_until = {{clock}} + :seconds
WHERE {_FREE} OR {TABLE}.lease_owner = :owner RETURNING 1"""
LEASE_OWNER = f"SELECT lease_owner FROM {TABLE} WHERE {_KEY}"
RELEASE = f"UPDATE {TABLE} SET lease_owner = NULL, lease_until = NULL WHERE {_KEY} AND lease_owner = :owner"
DELETE = f"DELETE FROM {TABLE} WHERE {_KEY} AND revision = :seen RETURNING 1"
NAMES = f"SELECT realm, client_id, account FROM {TABLE} WHERE revision <> 0"
TRY = f"""
INSERT INTO {TABLE} (realm, client_id, account, revision, format, generation, refreshable, notifications, payload)
VALUES ('', '', '', 0, 0, 0, FALSE, '[]', :room)
ON CONFLICT (realm, client_id, account) DO UPDATE SET payload = :room"""
DUE_ONES = "realm = :realm AND client_id = :client_id AND due_at IS NOT NULL AND due_at <= :before"
CLAIM = f"""
WITH due AS {{materialized}} (
    SELECT realm, client_id, account FROM {TABLE}
    WHERE {DUE_ONES} AND (pending_refresh IS NULL OR expires_at <= :now) AND {_FREE}
    ORDER BY due_at LIMIT :limit {{skip}}
)
UPDATE {TABLE} SET lease_owner = :owner, lease_until = {{clock}} + :seconds FROM due
WHERE {TABLE}.realm = due.realm AND {TABLE}.client_id = due.client_id AND {TABLE}.account = due.account
RETURNING {TABLE}.account, {", ".join(f"{TABLE}.{name}" for name in COLUMNS)}"""
_TAKEN_UP_AT = "CASE WHEN pending_refresh IS NULL OR expires_at < due_at THEN due_at ELSE expires_at END"
_OF_APP = "realm = :realm AND client_id = :client_id AND expires_at IS NOT NULL AND moved_to IS NULL"
COUNT_LOGINS = f"""
SELECT count(*),
    count(CASE WHEN due_at IS NOT NULL AND taken_up_at <= :now THEN 1 END),
    min(CASE WHEN due_at IS NOT NULL AND taken_up_at > :now THEN taken_up_at END),
    count(CASE WHEN pending_refresh IS NOT NULL AND expires_at > :now THEN 1 END),
    count(CASE WHEN NOT refreshable THEN 1 END)
FROM (
    SELECT pending_refresh, expires_at, refreshable, due_at, {_TAKEN_UP_AT} AS taken_up_at FROM {TABLE} WHERE {_OF_APP}
) AS logins"""
COUNT_STATES = f"""
SELECT count(CASE WHEN refreshable AND expires_at > :now AND NOT is_due THEN 1 END),
    count(CASE WHEN refreshable AND expires_at > :now AND is_due THEN 1 END),
    count(CASE WHEN refreshable AND expires_at <= :now THEN 1 END),
    count(CASE WHEN NOT refreshable THEN 1 END)
FROM (
    SELECT expires_at, refreshable, due_at IS NOT NULL AND {_TAKEN_UP_AT} <= :now AS is_due FROM {TABLE} WHERE {_OF_APP}
) AS logins"""
UPCOMING = f"""
SELECT account, {_TAKEN_UP_AT} AS taken_up_at FROM {TABLE}
WHERE {_OF_APP} AND due_at IS NOT NULL ORDER BY taken_up_at, account LIMIT :limit"""

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


class Parameters(dict[str, Any]):
    """A statement's values; they hold tokens, so they are not shown."""

    def __repr__(self) -> str:
        return f"Parameters({', '.join(self)})"


class Dialect:
    """How a database words what the standard leaves open.

    Args:
        now: the database's own time in Unix seconds, as an expression.
        clock: the time that leases go by, in seconds, as an expression; by default `now`.
        longest_lease: seconds; a lease is cut to this, and one that ends later is from before the clock was set back.
        skip: what a select that locks its rows ends in.
        materialized: what a subquery that is to run once is called.
        most: the greatest of some values.
        least: the smallest of some values.
    """

    def __init__(
        self,
        *,
        now: str,
        clock: str = "",
        longest_lease: float = 3600.0,
        skip: str = "",
        materialized: str = "",
        most: str,
        least: str,
    ) -> None:
        worded = {"now": now, "skip": skip, "materialized": materialized, "most": most, "least": least}
        worded |= {"clock": clock or now, "longest_lease": str(longest_lease)}
        self._longest_lease = longest_lease
        self._take, self._claim = TAKE.format(**worded), CLAIM.format(**worded)
        self._spend, self._hold = SPEND.format(**worded), HOLD.format(**worded)

    def statement(self, command: Command[Any]) -> tuple[str, Parameters]:
        """Return the statement that does a command, and its parameters."""
        text, values = self._statement(command)
        return text, Parameters(values)

    def _statement(self, command: Command[Any]) -> tuple[str, dict[str, Any]]:
        match command:
            case ReadRow(login):
                return READ, key(login)
            case SwapRow(login, seen, row):
                values = {**key(login), **{name: getattr(row, name) for name in COLUMNS}}
                return (PLACE, values) if seen is None else (REPLACE, {**values, "seen": seen})
            case DeleteRow(login, seen):
                return DELETE, {**key(login), "seen": seen}
            case AcquireLease(login, owner, seconds):
                return self._take, {**key(login), "owner": owner, "seconds": min(seconds, self._longest_lease)}
            case ReadLease(login):
                return LEASE_OWNER, key(login)
            case ReleaseLease(login, owner):
                return RELEASE, {**key(login), "owner": owner}
            case ListLogins():
                return NAMES, {}
            case ProbeWrite():
                return TRY, {"room": PROBE_CONTENT}
            case _:
                return self._for_fleets(command)

    def _for_fleets(self, command: Command[Any]) -> tuple[str, dict[str, Any]]:
        match command:
            case ClaimDue():
                values = {**asdict(command), "realm": to_text(command.realm), "client_id": to_text(command.client_id)}
                return self._claim, {**values, "seconds": min(command.seconds, self._longest_lease)}
            case CountLogins(realm, client_id, now):
                return COUNT_LOGINS, {"realm": to_text(realm), "client_id": to_text(client_id), "now": now}
            case CountStates(realm, client_id, now):
                return COUNT_STATES, {"realm": to_text(realm), "client_id": to_text(client_id), "now": now}
            case ListUpcoming(realm, client_id, limit):
                return UPCOMING, {"realm": to_text(realm), "client_id": to_text(client_id), "limit": limit}
            case TakeBudget():
                return self._spend, {**asdict(command), "realm": to_text(command.realm)}
            case BlockBudget(realm, seconds):
                return self._hold, {"realm": to_text(realm), "seconds": seconds}
            case _:
                raise AssertionError(f"no statement does {type(command).__name__}")


def to_result(command: Command[Any], rows: Sequence[Any]) -> Any:  # noqa: ANN401 - the command knows its result's type
    """Return a command's result from what its statement returned."""
    match command:
        case ReadRow():
            return row_of(rows[0]) if rows else None
        case SwapRow() | DeleteRow() | AcquireLease():
            return bool(rows)
        case ReadLease():
            return rows[0][0] if rows else None
        case ListLogins():
            return [login_of(row) for row in rows]
        case ClaimDue(realm, client_id):
            claimed = [(LoginKey(realm, client_id, from_text(row[0])), row_of(row[1:])) for row in rows]
            return sorted(claimed, key=lambda pair: pair[1].due_at or 0.0)
        case CountLogins():
            return LoginCounts(*rows[0])
        case CountStates():
            return LoginStates(*rows[0])
        case ListUpcoming(realm, client_id):
            return [(LoginKey(realm, client_id, from_text(account)), at) for account, at in rows]
        case TakeBudget():
            return command.outcome(*rows[0])
        case _:
            return None


def key(login: LoginKey) -> dict[str, Any]:
    """Return the parameters that name a login."""
    return {
        "realm": to_text(login.realm),
        "client_id": to_text(login.client_id),
        "account": to_text(login.account),
    }


def login_of(row: Sequence[Any]) -> LoginKey:
    """Return the login that three columns name."""
    return LoginKey(*(from_text(value) for value in row))


def row_of(values: Sequence[Any]) -> Row:
    """Return the row in a statement's result; SQLite has numbers for truth values."""
    members = list(values)
    if members[_REFRESHABLE] in {0, 1}:
        members[_REFRESHABLE] = bool(members[_REFRESHABLE])
    return Row(*members)
