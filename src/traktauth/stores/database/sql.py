"""A database with SQL, SQLite or PostgreSQL: its tables, and one statement for each method: none needs a transaction.

Parameters are written `:name`. A row with revision 0 holds no record: it carries the lease of a login
that has none yet.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from traktauth.models import LoginKey
from traktauth.stores.database.row import COLUMNS, Row
from traktauth.stores.database.store import PROBE_CONTENT, DatabaseStore, granted_budget
from traktauth.stores.fleet import LoginCounts, LoginStates

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
    refreshable BOOLEAN NOT NULL,
    moved_to TEXT,
    pending_refresh TEXT,
    notifications TEXT NOT NULL,
    payload TEXT NOT NULL,
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
INDEXES = (f"CREATE INDEX traktauth_logins_due ON {TABLE} (realm, client_id, due_at) WHERE due_at IS NOT NULL",)
SCHEMA = {TABLE: LOGINS, "traktauth_budgets": BUDGETS}

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

# What is granted is computed from the old row, stored, and returned. A time in the future is from before the clock was
# set back.
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


def is_read(text: str) -> bool:
    """Return whether a statement writes nothing."""
    return text.lstrip().startswith("SELECT")


class Dialect:
    """The statements in a database's words, for what the standard leaves open.

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
        self.longest_lease = longest_lease
        self.take, self.claim = TAKE.format(**worded), CLAIM.format(**worded)
        self.spend, self.hold = SPEND.format(**worded), HOLD.format(**worded)


class SqlStore(DatabaseStore):
    """A store on a database with SQL.

    Attributes:
        dialect: its statements.
    """

    dialect: Dialect

    @abstractmethod
    def execute(self, text: str, values: Parameters) -> list[Any]:
        """Execute one statement, and return its rows."""

    def execute_with_lease(self, text: str, values: Parameters) -> list[Any]:
        """Execute a statement that takes a lease, by the clock of leases."""
        return self.execute(text, values)

    def read_row(self, login: LoginKey) -> Row | None:
        rows = self.execute(READ, key(login))
        return row_of(rows[0]) if rows else None

    def swap_row(self, login: LoginKey, seen: int | None, row: Row) -> bool:
        values = key(login, **{name: getattr(row, name) for name in COLUMNS})
        if seen is None:
            return bool(self.execute(PLACE, values))
        return bool(self.execute(REPLACE, Parameters(values, seen=seen)))

    def delete_row(self, login: LoginKey, seen: int) -> bool:
        return bool(self.execute(DELETE, key(login, seen=seen)))

    def list_keys(self) -> list[LoginKey]:
        return [LoginKey(*row) for row in self.execute(NAMES, Parameters())]

    def probe_write(self) -> None:
        self.execute(TRY, Parameters(room=PROBE_CONTENT))

    def acquire_lease(self, login: LoginKey, owner: str, seconds: float) -> bool:
        values = key(login, owner=owner, seconds=min(seconds, self.dialect.longest_lease))
        return bool(self.execute_with_lease(self.dialect.take, values))

    def read_lease(self, login: LoginKey) -> str | None:
        rows = self.execute(LEASE_OWNER, key(login))
        return rows[0][0] if rows else None

    def release_lease(self, login: LoginKey, owner: str) -> None:
        self.execute(RELEASE, key(login, owner=owner))

    def claim_due(
        self, realm: str, client_id: str, *, before: float, now: float, limit: int, seconds: float, owner: str
    ) -> list[tuple[LoginKey, Row]]:
        seconds = min(seconds, self.dialect.longest_lease)
        values = _app(realm, client_id, before=before, now=now, limit=limit, seconds=seconds, owner=owner)
        rows = self.execute_with_lease(self.dialect.claim, values)
        claimed = [(LoginKey(realm, client_id, row[0]), row_of(row[1:])) for row in rows]
        return sorted(claimed, key=lambda pair: pair[1].due_at or 0.0)

    def count_logins(self, realm: str, client_id: str, *, now: float) -> LoginCounts:
        return LoginCounts(*self.execute(COUNT_LOGINS, _app(realm, client_id, now=now))[0])

    def count_states(self, realm: str, client_id: str, *, now: float) -> LoginStates:
        return LoginStates(*self.execute(COUNT_STATES, _app(realm, client_id, now=now))[0])

    def upcoming(self, realm: str, client_id: str, *, limit: int) -> list[tuple[LoginKey, float]]:
        rows = self.execute(UPCOMING, _app(realm, client_id, limit=limit))
        return [(LoginKey(realm, client_id, account), at) for account, at in rows]

    def take_budget(self, realm: str, *, wanted: int, limit: int, period: float) -> tuple[int, float]:
        values = Parameters(realm=realm, wanted=wanted, limit=limit, period=period)
        granted, used, held, quiet = self.execute(self.dialect.spend, values)[0]
        return granted_budget(granted=granted, is_spent=used >= limit, held=held, quiet=quiet)

    def block_budget(self, realm: str, seconds: float) -> None:
        self.execute(self.dialect.hold, Parameters(realm=realm, seconds=seconds))


def key(login: LoginKey, **others: object) -> Parameters:
    """Return the parameters that name a login, and others."""
    return _app(login.realm, login.client_id, account=login.account, **others)


def _app(realm: str, client_id: str, **others: object) -> Parameters:
    return Parameters(realm=realm, client_id=client_id, **others)


def row_of(values: Sequence[Any]) -> Row:
    """Return the row in a statement's result; SQLite has numbers for truth values."""
    members = list(values)
    if members[_REFRESHABLE] in {0, 1}:
        members[_REFRESHABLE] = bool(members[_REFRESHABLE])
    return Row(*members)
