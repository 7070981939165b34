"""The one module of the server that names psycopg: a connection over which many statements travel together.

psycopg's wrapper of libpq is used as it is: its cursors, made for one statement after the other, would cost more than
the database does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import ConnStatus, ExecStatus

from traktauth.server.storage.postgres.dialect import AS_IT_IS, Said, decoder, said

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg.pq.abc import PGconn, PGresult

    from traktauth.server.storage.base import Row

    Decoders = list[tuple[int, Callable[[bytes], object]]]

LIMIT_SECONDS = 8.0  # for the answers to one round, on our side; the server gives up a little sooner
DEFAULTS = {"connect_timeout": "3", "tcp_user_timeout": "8000", "application_name": "traktauth serve"}
# `off` would answer before the commit is on disk; whatever is stricter than `on` stays.
SESSION = said("""
SELECT set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN 'on'
           ELSE current_setting('synchronous_commit') END, false),
       set_config('statement_timeout', '6000', false),
       set_config('idle_in_transaction_session_timeout', '30000', false)""")
ENDED = ("08", "57P")  # connections that are lost, or ended when the server goes down
AGAIN = ("40001", "40P01", "55P03", "23505")  # lost a race; done again it sees what the winner did


class Cut(Exception):
    """The connection is gone, or could not be made."""


class Rejected(Exception):
    """PostgreSQL rejects a statement; nothing of its transaction will be kept.

    Attributes:
        state: PostgreSQL's code for the reason.
        again: whether another attempt may do.
    """

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        self.state = state
        self.again = state in AGAIN


class Reply(NamedTuple):
    """What a statement gave: its rows, and how many it touched."""

    rows: list[Row]
    touched: int


def settings_of(address: str) -> dict[str, Any]:
    """Take an address apart, with what it leaves open.

    Raises:
        ValueError: it is none; what is wrong is not said, as the password may be part of that.
    """
    try:
        return {**DEFAULTS, **conninfo_to_dict(address)}
    except psycopg.Error:
        raise ValueError("database is no postgresql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE") from None


async def connected(settings: dict[str, Any]) -> Line:
    """Connect.

    Raises:
        Cut: that is not possible at the moment.
    """
    try:
        line = Line(await psycopg.AsyncConnection.connect(**settings, autocommit=True))
    except (psycopg.Error, OSError) as error:
        raise Cut(_first_line(str(error))) from error
    await line.exchange([SESSION])
    return line


class Line:
    """A connection in pipeline mode; use it within one event loop."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection  # closes the one below when it is forgotten
        self._raw: PGconn = connection.pgconn
        self._raw.nonblocking = 1
        self._raw.enter_pipeline_mode()
        self._names: dict[bytes, bytes] = {}
        self._decoders: dict[bytes, Decoders] = {}

    def close(self) -> None:
        """Hang up; an open transaction is undone."""
        self._raw.finish()

    async def exchange(self, batch: Sequence[Said]) -> list[Reply]:
        """Send statements together, hear all answers.

        Raises:
            Rejected: one of them was refused; those after it were not looked at.
            Cut: the connection broke, or no answer came in time. Nobody knows what was done.
        """
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                fresh = self._send(batch)
                await self._flush()
                results = await self._heard()
        except (psycopg.Error, OSError) as error:
            self.close()
            raise Cut(_first_line(str(error)) or "the connection is lost") from error
        except BaseException:  # in the middle of an exchange: what comes next on this line answers something else
            self.close()
            raise
        return self._replies(batch, fresh, results)

    def _send(self, batch: Sequence[Said]) -> list[bytes | None]:
        """Queue statements; give for each result that will come the statement it prepares, None where it runs one."""
        raw, names = self._raw, self._names
        expected: list[bytes | None] = []
        for one in batch:
            name = names.get(one.text)
            if name is None:
                name = names[one.text] = f"s{len(names)}".encode()
                raw.send_prepare(name, one.text)
                expected.append(one.text)
            raw.send_query_prepared(name, one.values, one.formats, AS_IT_IS)
            expected.append(None)
        raw.pipeline_sync()
        return expected

    async def _flush(self) -> None:
        while self._raw.flush():
            await self._ready(writing=True)
            self._raw.consume_input()  # or both sides could wait for the other to read

    async def _heard(self) -> list[PGresult]:
        raw, found = self._raw, list[Any]()
        while True:
            while raw.is_busy():
                await self._ready()
                raw.consume_input()
            result = raw.get_result()
            if result is None:  # between two results; or the end of all
                if raw.status == ConnStatus.BAD:
                    raise psycopg.OperationalError(raw.get_error_message())
            elif result.status == ExecStatus.PIPELINE_SYNC:
                return found
            else:
                found.append(result)

    async def _ready(self, *, writing: bool = False) -> None:
        loop, socket = asyncio.get_running_loop(), self._raw.socket
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(socket, _wake, ready)
        if writing:
            loop.add_writer(socket, _wake, ready)
        try:
            await ready
        finally:
            loop.remove_reader(socket)
            if writing:
                loop.remove_writer(socket)

    def _replies(self, batch: Sequence[Said], expected: list[bytes | None], results: list[PGresult]) -> list[Reply]:
        failed: PGresult | None = None
        replies: list[Reply] = []
        asked = iter(batch)
        for prepares, result in zip(expected, results, strict=True):
            if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
                failed = failed or result
                if prepares is not None:
                    del self._names[prepares]
            elif prepares is None:
                replies.append(self._reply(next(asked).text, result))
        if failed is not None:
            raise self._fault(failed)
        return replies

    def _reply(self, text: bytes, result: PGresult) -> Reply:
        width = result.nfields
        if not width:
            return Reply([], result.command_tuples or 0)
        decoders = self._decoders.get(text)
        if decoders is None:
            columns = range(width)
            decoders = self._decoders[text] = [(column, decoder(result.ftype(column))) for column in columns]
        rows = [_row(result, at, decoders) for at in range(result.ntuples)]
        return Reply(rows, len(rows))

    def _fault(self, result: PGresult) -> Exception:
        state = (result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) or b"").decode()
        message = _first_line((result.error_field(psycopg.pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode())
        if not state or state.startswith(ENDED):
            self.close()
            return Cut(message or "the connection is lost")
        return Rejected(state, message)


def _row(result: PGresult, at: int, decoders: Decoders) -> Row:
    value = result.get_value
    return tuple([None if (data := value(at, column)) is None else read(data) for column, read in decoders])


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _first_line(text: str) -> str:
    """Give what may be said of an error: further lines may show a row."""
    return next(iter(text.strip().splitlines()), "")
