"""Many pieces of work in step: each runs until it asks the database, then all that they ask is sent together.

The rules are plain functions that ask and go on with the answer. For a group of them to share its round trips each
runs on a greenlet, which can be left in the middle of a function: this is the one module that knows of those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from greenlet import getcurrent, greenlet

from traktauth.server.refusals import OUTCOMES
from traktauth.server.storage.postgres.dialect import Said, said
from traktauth.server.storage.postgres.driver import Rejected, Reply
from traktauth.server.storage.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from traktauth.server.storage.base import Connection, Row
    from traktauth.server.storage.postgres.driver import Line

    Work = Callable[[Tables], Any]

DEADLOCK = "40P01"


class Asked(NamedTuple):
    """What a piece of work waits for.

    Attributes:
        said: its statement.
        reads: whether it only reads, so that others who ask the same may share the answer.
        holds: whether nobody else may have that row until the piece is done.
    """

    said: Said
    reads: bool = False
    holds: bool = False


class Writing:
    """A `Connection` for work that runs in step, in a transaction."""

    def one(self, statement: str, values: Sequence[object] = ()) -> Row | None:
        """Give the first row, or None."""
        return _first(_ask(Asked(said(statement, values), reads=statement.startswith("SELECT"))))

    def held(self, statement: str, values: Sequence[object], *, table: str, shared: bool = False) -> Row | None:
        """Give the first row, or None, and keep others from changing it; *shared*: from deleting it."""
        ending = f" FOR KEY SHARE OF {table}" if shared else f" FOR NO KEY UPDATE OF {table}"
        return _first(_ask(Asked(said(statement, values, ending), reads=shared, holds=not shared)))

    def all(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Give every row."""
        return _ask(Asked(said(statement, values), reads=True)).rows

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        """Change something; give how many rows it touched."""
        return _ask(Asked(said(statement, values))).touched

    def add(self, statement: str, values: Sequence[object] = ()) -> int:
        """Insert a row; give its number."""
        number: int = _ask(Asked(said(statement, values, " RETURNING id"))).rows[0][0]
        return number


class Reading(Writing):
    """A `Connection` for work that only looks."""

    def held(self, statement: str, values: Sequence[object], *, table: str, shared: bool = False) -> Row | None:  # noqa: ARG002 - nothing is decided
        """Give the first row, or None."""
        return self.one(statement, values)


class Running:
    """A piece of work under way, then its outcome.

    Attributes:
        asked: what it waits for.
        result: what it returned.
        error: what it raised.
        failed: whether that undoes what it wrote.
        tables: what it works on; its events are to be told.
    """

    __slots__ = ("_greenlet", "_work", "asked", "error", "failed", "result", "tables")

    def __init__(self, work: Work, connection: Connection) -> None:
        self._work = work
        self._greenlet = greenlet(self._run)
        self.tables = Tables(connection)
        self.asked: Asked | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.failed = False

    def go(self, reply: Reply | None = None) -> bool:
        """Let it run on; whether it asks again."""
        self.asked = self._greenlet.switch(reply)
        return self.asked is not None

    def abandon(self) -> None:
        """End it where it waits."""
        self._greenlet.throw()

    def _run(self, nothing: None) -> None:  # noqa: ARG002 - what the first switch brings
        try:
            self.result = self._work(self.tables)
        except OUTCOMES as outcome:
            self.error = outcome
        except Exception as error:  # noqa: BLE001 - handed to whoever asked for the work
            self.error, self.failed = error, True


async def in_step(
    line: Line, works: Sequence[Work], connection: Connection, *, opening: Sequence[Said] = ()
) -> tuple[list[Running], list[Reply]]:
    """Run *works* to their ends, however many fail; give them and the answers to *opening*, which is sent first.

    Raises:
        Rejected, Cut: as the line does; all of the work has been given up.
    """
    pieces = [Running(work, connection) for work in works]
    asking = [piece for piece in pieces if piece.go()]
    holders: dict[Said, Running] = {}
    opened: list[Reply] = []
    try:
        while asking:
            able = _able(asking, holders)
            batch, places = _batch(able)
            replies = await line.exchange([*opening, *batch])
            opened += replies[: len(opening)]
            answers, opening = replies[len(opening) :], ()
            served = dict(zip(able, places, strict=True))
            asking = [piece for piece in asking if piece not in served or piece.go(answers[served[piece]])]
            going = set(asking)
            holders = {what: piece for what, piece in holders.items() if piece in going}
    except BaseException:
        for piece in asking:
            piece.abandon()
        raise
    return pieces, opened


def _able(asking: list[Running], holders: dict[Said, Running]) -> list[Running]:
    """Give the pieces that may ask now; a piece holds the row that it asks to hold until it ends.

    Raises:
        Rejected: each waits for another.
    """
    able = [piece for piece in asking if _may(piece, holders)]
    if not able:
        raise Rejected(DEADLOCK, "pieces of work wait for each other")
    return able


def _may(piece: Running, holders: dict[Said, Running]) -> bool:
    asked = piece.asked
    if asked is None or not asked.holds:
        return True
    return holders.setdefault(asked.said, piece) is piece


def _batch(pieces: list[Running]) -> tuple[list[Said], list[int]]:
    """Give the statements to send and each piece's place among them; who reads the same shares the answer."""
    batch: list[Said] = []
    places: list[int] = []
    known: dict[Said, int] = {}
    for piece in pieces:
        asked = piece.asked
        if asked is None:
            continue
        at = known.get(asked.said) if asked.reads else None
        if at is None:
            at = len(batch)
            batch.append(asked.said)
            if asked.reads:
                known[asked.said] = at
        places.append(at)
    return batch, places


def _ask(asked: Asked) -> Reply:
    """Leave the work until its answer is there."""
    loop = getcurrent().parent
    if loop is None:
        raise RuntimeError("this connection is for work that runs in step")
    reply: Reply = loop.switch(asked)
    return reply


def _first(reply: Reply) -> Row | None:
    return reply.rows[0] if reply.rows else None
