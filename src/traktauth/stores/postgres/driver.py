"""The one place that names psycopg: how it is connected, how long it waits, and what its errors mean."""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from traktauth.errors import StoreFailed
from traktauth.hints import Hint, ShellCommand
from traktauth.stores.errors import missing
from traktauth.stores.open import find_warnings

try:
    import psycopg
    from psycopg.abc import RV, PQGen
    from psycopg.conninfo import conninfo_to_dict
except ImportError as error:
    raise missing("postgres", error) from error


__all__ = [
    "ERRORS",
    "Connection",
    "connect",
    "exposure",
    "failure",
    "is_connection_lost",
    "rows_of",
    "settings_of",
]

ERRORS = (psycopg.Error, OSError)
LIMIT = 6.0  # seconds for a response, on our side; the server gives up a little sooner
_ENDED = ("08", "57P")  # what PostgreSQL says of connections that it loses, or ends when it goes down
_DEFAULTS = {"connect_timeout": "5", "tcp_user_timeout": "6000", "application_name": "traktauth"}


class QueryTimeout(psycopg.OperationalError):
    """No answer came in time."""


_TIMEOUTS = (QueryTimeout, psycopg.errors.ConnectionTimeout)
_TLS = {"require", "verify-ca", "verify-full"}
_READ_ONLY = "Name the primary, or end `default_transaction_read_only`"
_HINTS = {
    "25006": _READ_ONLY,
    "42501": "Let a database administrator make the tables and grant the rights",
    "53300": "Repeat it in a moment; raise max_connections, or name fewer: postgresql://…?connections=4",
}
# Lost connections, transactions that collided, resources that ran out, a standby or read-only, limits, shutdowns.
_PASSING = ("08", "25006", "40", "53", "55P03", "57014", "57P01", "57P02", "57P03", "57P05", "58")
_PASSING_WORDS = re.compile(
    r"too many|slots|starting up|shutting down|recovery|terminating|try again|not accepting|no more connections"
    r"|timeout|timed out|in progress|server_login_retry|paus",
    re.IGNORECASE,
)
_LASTING_WORDS = re.compile(
    r"password|authentication|certificate|not support|resolve host|translate host|service not known|invalid"
    r"|does not exist|Permission denied|No such file",
    re.IGNORECASE,
)


class Refused(psycopg.OperationalError):
    """No session can be had with this address, user and password; it is of no use to try again."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that waits no longer than `LIMIT`."""

    def wait(self, gen: PQGen[RV], *more: Any, **named: Any) -> RV:
        """Return what `gen` does."""
        return super().wait(_limit_wait(gen, LIMIT), *more, **named)


# Nothing is set for the session, and nothing prepared in it: behind a transaction pooler the next statement may run in
# another session, and another program's in this one. Client cursors send each statement with its values as one message.
def connect(settings: dict[str, Any]) -> Connection:
    """Return a new connection, each message on which is a transaction."""
    with _refusals():
        return Connection.connect(
            **settings, autocommit=True, prepare_threshold=None, cursor_factory=psycopg.ClientCursor
        )


def settings_of(url: str) -> dict[str, Any]:
    """Return an address's parts as the driver names them, with what it leaves open.

    Raises:
        ValueError: it is not the address of a PostgreSQL.
    """
    try:
        return {**_DEFAULTS, **conninfo_to_dict(url)}
    except psycopg.Error:
        # What is wrong with it is not said, as the password may be part of that.
        form = "postgresql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE"
        raise ValueError(f"The store's address is not that of a PostgreSQL; use {form}") from None


def rows_of(connection: Connection, text: bytes, values: dict[str, Any]) -> list[Any]:
    """Return the rows of the last statement in a message."""
    cursor = connection.execute(text, values)
    while cursor.nextset():
        pass
    return cursor.fetchall() if _returns_rows(cursor) else []


def exposure(connection: Connection) -> list[str]:
    """Return a problem if what goes through a connection can be read on the way; variables such as PGHOST count too."""
    settings = {option.keyword.decode(): (option.val or b"").decode() for option in connection.pgconn.info}
    if settings.get("sslmode") in _TLS or settings.get("gssencmode") == "require":
        return []
    hosts = (settings.get("hostaddr") or settings.get("host") or "").split(",")
    return find_warnings("PostgreSQL", hosts, "add `sslmode=verify-full` to its address, or `sslmode=require`")


def is_connection_lost(error: BaseException) -> bool:
    """Return whether an error is that of a connection alone, so that another one may do."""
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    if isinstance(error, (Refused, *_TIMEOUTS)):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_ENDED)


def is_temporary(error: psycopg.Error | OSError) -> bool:
    """Return whether an error may pass by itself: away, busy, restarting, read-only; not a wrong password or name."""
    if isinstance(error, psycopg.Error) and error.sqlstate is not None:
        return error.sqlstate.startswith(_PASSING)
    return isinstance(error, OSError | psycopg.OperationalError) and not isinstance(error, Refused)


@contextmanager
def _refusals() -> Generator[None]:
    """Distinguish errors that last from those that pass, while a session begins.

    The driver has no code for them, only what the server said. Its words may be translated, so those that are not known
    count as lasting.
    """
    try:
        yield
    except psycopg.errors.ConnectionTimeout:
        raise
    except psycopg.OperationalError as error:
        text = str(error)
        lasts = not _PASSING_WORDS.search(text) if "FATAL" in text else _LASTING_WORDS.search(text)
        if lasts:
            raise Refused(_first_line(error)) from None
        raise


def failure(address: str, error: psycopg.Error | OSError) -> StoreFailed:
    """Return what PostgreSQL or the network said as StoreFailed.

    Its cause is a copy of the driver's error with the first line alone: further ones may show a row, and so may the
    values in its traceback. To keep both out, raise it outside of the `except` block.
    """
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    temporary = is_temporary(error)
    failed = StoreFailed(f"{address} cannot be used: {_first_line(error)}", hint=_HINTS.get(state or ""))
    if state == "42501":
        failed.hint_command = Hint(failed.hint, ": ", ShellCommand("traktauth store schema"))
    failed.temporary, failed.__cause__ = temporary, type(error)(_first_line(error))
    return failed


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _returns_rows(cursor: psycopg.Cursor[Any]) -> bool:
    """Return whether a statement returns rows, even an empty set; `description` would describe each column for that."""
    return cursor.pgresult is not None and cursor.pgresult.nfields > 0


def _limit_wait(gen: PQGen[RV], seconds: float) -> PQGen[RV]:
    """Limit a wait: a server that was stopped, or cut off, must not stop this program too."""
    until = time.monotonic() + seconds
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > until:
                raise QueryTimeout(f"no answer within {seconds:.0f} s")
            wanted = gen.send(ready)
    except StopIteration as end:
        value: RV = end.value
        return value
