"""The one place that names psycopg: how it is connected, how long it waits, and what its errors mean."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from traktauth.errors import StoreFailed
from traktauth.stores.extras import missing

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
except ImportError as error:
    raise missing("postgres", error) from error

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = [
    "AsyncConnection",
    "Connection",
    "connect",
    "connect_async",
    "died",
    "failures",
    "returns_rows",
    "settings_of",
]

LIMIT = 6.0  # seconds for an answer, on our side; the server gives up a little sooner
_HINT = "See what is wrong with it: traktauth doctor"
_SESSION = """
SELECT set_config('statement_timeout', '5000', false), set_config('lock_timeout', '5000', false),
    set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') = 'off' THEN 'on'
        ELSE current_setting('synchronous_commit') END, false)"""
_ENDED = ("08", "57P")  # what PostgreSQL says of connections that it loses, or ends when it goes down
_DEFAULTS = {"connect_timeout": "5", "tcp_user_timeout": "6000", "application_name": "traktauth"}


class Overdue(psycopg.OperationalError):
    """No answer came in time."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that waits no longer than `LIMIT`."""

    def wait(self, gen: Any, *more: Any, **named: Any) -> Any:  # noqa: ANN401 - as psycopg has it
        """Return what `gen` does."""
        return super().wait(_bounded(gen, LIMIT), *more, **named)


class AsyncConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """The same, awaited."""

    async def wait(self, gen: Any, *more: Any, **named: Any) -> Any:  # noqa: ANN401 - as psycopg has it
        """Return what `gen` does."""
        return await super().wait(_bounded(gen, LIMIT), *more, **named)


def connect(settings: dict[str, Any]) -> Connection:
    """Return a new connection, each statement of which is a transaction."""
    connection = Connection.connect(**settings, autocommit=True)
    connection.execute(_SESSION)
    return connection


async def connect_async(settings: dict[str, Any]) -> AsyncConnection:
    """Return a new connection, each statement of which is a transaction."""
    connection = await AsyncConnection.connect(**settings, autocommit=True)
    await connection.execute(_SESSION)
    return connection


def settings_of(url: str) -> dict[str, Any]:
    """Return an address's parts as the driver names them, with what it leaves open.

    Raises:
        ValueError: it is no address of a PostgreSQL.
    """
    try:
        return {**_DEFAULTS, **conninfo_to_dict(url)}
    except psycopg.Error:
        # What is wrong with it is not said, as the password may be part of that.
        form = "postgresql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE"
        raise ValueError(f"The store's address is none of a PostgreSQL: {form}") from None


def died(error: BaseException) -> bool:
    """Tell whether an error is that of a connection alone, so that another one may do."""
    if isinstance(error, Overdue) or not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_ENDED)


def returns_rows(cursor: psycopg.Cursor[Any] | psycopg.AsyncCursor[Any]) -> bool:
    """Tell whether a statement returns rows, be it none; `description` would describe each column for that."""
    return cursor.pgresult is not None and cursor.pgresult.nfields > 0


@contextmanager
def failures(address: str) -> Generator[None]:
    """Turn what PostgreSQL and the network say into StoreFailed."""
    try:
        yield
    except (psycopg.Error, OSError) as error:
        # The first line only: further ones may show a row.
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise StoreFailed(f"{address} cannot be used: {said}", hint=_HINT) from error


def _bounded(gen: Generator[Any, Any, Any], seconds: float) -> Generator[Any, Any, Any]:
    """Give a wait an end: a server that was stopped, or cut off, must not stop us too."""
    until = time.monotonic() + seconds
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > until:
                raise Overdue(f"no answer within {seconds:.0f} s")
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value
