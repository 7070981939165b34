"""Connections to PostgreSQL: the one module of the server that names psycopg."""

from __future__ import annotations

import re
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.conninfo import conninfo_to_dict

from traktauth.server.storage.base import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from traktauth.server.storage.base import Row

CONNECTIONS = 16
"""Connections of one process, each in a worker thread: while some wait for the disk at a commit, others run."""
TIMEOUT_SECONDS = 8.0
"""The longest wait for a response; the timeouts that the transaction sets on the server are shorter."""
DEFAULTS = {"connect_timeout": "3", "tcp_user_timeout": "8000", "application_name": "traktauth serve"}
POOLER_HINT = "Set the pooler before PostgreSQL to pool_mode=session or transaction: whole transactions are needed"
RETRYABLE = ("40001", "40P01", "55P03", "23505")
"""A transaction lost a race: run again it sees what the winner has committed."""
ESCAPE = "\U0010ffff"  # a noncharacter
UNSTORABLE = re.compile(f"[\x00\ud800-\udfff{ESCAPE}]")
ESCAPED = re.compile(f"{ESCAPE}([0-9a-f]{{6}})")
# Settings of the transaction alone, as a pooler may give the session to another program. `synchronous_commit` must
# not be `off`, or a commit would be confirmed before it is on disk; stricter values than `on` stay.
BEGIN = """BEGIN; SELECT set_config('statement_timeout', '6000', true), set_config('lock_timeout', '5000', true),
    set_config('idle_in_transaction_session_timeout', '30000', true),
    set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN 'on'
               ELSE current_setting('synchronous_commit') END, true)"""

Error = psycopg.Error


class ResponseTimeout(psycopg.OperationalError):
    """The server did not respond in time."""


class PsycopgConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose waits end, also if the server is stopped or the network drops its packets."""

    def wait(self, gen: Any, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - as psycopg declares it
        """Run a libpq operation; close the connection if that takes longer than `TIMEOUT_SECONDS`."""
        try:
            return super().wait(_limit_wait(gen, time.monotonic() + TIMEOUT_SECONDS), *args, **named)
        except ResponseTimeout:
            self.close()
            raise


class StatementConnection:
    """The `Connection` on a PostgreSQL.

    Args:
        connection: psycopg's.
        locks: whether `select_for_update` locks the row; a reader takes what has been committed.
    """

    def __init__(self, connection: PsycopgConnection, *, locks: bool = True) -> None:
        self._cursor = connection.cursor()
        self._locks = locks

    def fetchone(self, statement: str, values: Sequence[object] = ()) -> Row | None:
        """Return the first row, or None."""
        return self._cursor.execute(_placeholders(statement), values).fetchone()

    def select_for_update(
        self, statement: str, values: Sequence[object], *, table: str, share: bool = False
    ) -> Row | None:
        """Return the first row and lock it; see `Connection.select_for_update`."""
        lock = f" FOR {'KEY SHARE' if share else 'NO KEY UPDATE'} OF {table}" if self._locks else ""
        return self.fetchone(statement + lock, values)

    def fetchall(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Return every row."""
        return self._cursor.execute(_placeholders(statement), values).fetchall()

    def execute(self, statement: str, values: Sequence[object] = ()) -> int:
        """Change rows; return how many were changed."""
        return self._cursor.execute(_placeholders(statement), values).rowcount

    def insert(self, statement: str, values: Sequence[object] = ()) -> int:
        """Insert a row; return its id."""
        row = self.fetchone(f"{statement} RETURNING id", values)
        return row[0] if row else 0


def parse_address(address: str) -> dict[str, Any]:
    """Return the connection parameters in an address, with defaults for what it leaves open.

    Raises:
        ValueError: the address is malformed. The message does not quote it, as it may hold a password.
    """
    try:
        return {**DEFAULTS, **conninfo_to_dict(address)}
    except psycopg.Error:
        raise ValueError("database must be postgresql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE") from None


def connect(parameters: dict[str, Any]) -> PsycopgConnection:
    """Open a connection.

    Raises:
        StorageUnavailable: PostgreSQL cannot be reached, refuses the login, or is behind a statement pooler.
    """
    try:
        connection = PsycopgConnection.connect(**parameters, autocommit=True, prepare_threshold=None)
        served_by = connection.execute("SELECT pg_backend_pid()").fetchone()
        if served_by == (connection.info.backend_pid,):  # else there is a pooler, which may change the session
            connection.prepare_threshold = 0
        connection.adapters.register_dumper(str, TextDumper)
        connection.adapters.register_dumper(bool, FlagDumper)
        connection.adapters.register_loader("text", TextLoader)
    except psycopg.Error as error:
        raise unusable(error) from None
    return connection


def unusable(error: psycopg.Error, hint: str = "") -> StorageUnavailable:
    """Return the error for a database that cannot be used at the start."""
    return StorageUnavailable(f"This PostgreSQL cannot be used: {first_line(error)}", hint=hint)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text: the following ones may quote a row."""
    return next(iter(str(error).strip().splitlines()), "the connection is lost")


class TextDumper(Dumper):
    """Escape NUL and lone surrogates, which clients may send and PostgreSQL cannot store."""

    def dump(self, obj: str) -> bytes:
        """Return a string as it is sent."""
        try:
            plain = obj.encode()
        except UnicodeEncodeError:
            plain = b"\0"
        if b"\0" not in plain and ESCAPE not in obj:
            return plain
        return UNSTORABLE.sub(lambda found: f"{ESCAPE}{ord(found[0]):06x}", obj).encode()


class FlagDumper(Dumper):
    """Write a flag as a number, as SQLite has it."""

    oid = psycopg.postgres.types["int8"].oid

    def dump(self, obj: bool) -> bytes:  # noqa: FBT001 - a value, not a switch
        """Return a flag as it is sent."""
        return b"1" if obj else b"0"


class TextLoader(Loader):
    """Reverse `TextDumper`."""

    def load(self, data: Buffer) -> str:
        """Return a string as it was."""
        value = bytes(data).decode()
        return ESCAPED.sub(lambda found: chr(int(found[1], 16)), value) if ESCAPE in value else value


@cache
def _placeholders(statement: str) -> bytes:
    return statement.replace("%", "%%").replace("?", "%s").encode()


def _limit_wait(gen: Generator[Any, Any, Any], until: float) -> Generator[Any, Any, Any]:
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > until:
                raise ResponseTimeout(f"no response within {TIMEOUT_SECONDS:.0f} s")
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value
