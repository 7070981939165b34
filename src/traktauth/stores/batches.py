"""Many changes at once: what is read, what is swapped, and what has to be looked at again. It does nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed
from traktauth.stores.commands import Swap
from traktauth.stores.rows import to_row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from traktauth.models import Login, Record
    from traktauth.stores.reading import Reading
    from traktauth.stores.rows import Row
    from traktauth.stores.sealing import Sealer

    Step = Callable[[Record], Record | None]


class Batch:
    """Steps from record to record, each of one login.

    Args:
        steps: whose record, and the step; of two steps of one login the second waits for the first.
        known: rows as they were a moment ago; where they are not any more, they are read.
        reading: from rows to records.
        sealer: encrypts.
    """

    def __init__(
        self,
        steps: Sequence[tuple[Login, Step]],
        known: dict[Login, Row],
        *,
        reading: Reading,
        sealer: Sealer | None,
    ) -> None:
        self._steps, self._known, self._reading, self._sealer = steps, known, reading, sealer
        self.answers = [False] * len(steps)
        self._pending = list(range(len(steps)))
        self._now: dict[Login, int] = {}
        self._written: dict[int, tuple[Row, Record]] = {}

    def unread(self) -> tuple[Login, ...]:
        """Begin a round; returns whose rows have to be read."""
        self._now = {}
        for number in self._pending:
            self._now.setdefault(self._steps[number][0], number)
        return tuple(login for login in self._now if login not in self._known)

    def swaps(self, rows: dict[Login, Row]) -> tuple[Swap, ...]:
        """Return the changes of this round, from what was read."""
        found = (self._swap(login, number, rows) for login, number in self._now.items())
        return tuple(swap for swap in found if swap is not None)

    def settle(self, done: set[Login]) -> dict[Login, Row]:
        """End a round; returns the rows that are there now. The batch is finished when nothing is left."""
        there: dict[Login, Row] = {}
        for login, number in self._now.items():
            self._known.pop(login, None)
            if login in done:
                self._finish(number, answer=True)
                there[login], record = self._written[number]
                self._reading.learn(login, there[login], record)
        return there

    @property
    def finished(self) -> bool:
        """Tell whether every step is taken, or was none to take."""
        return not self._pending

    def _swap(self, login: Login, number: int, rows: dict[Login, Row]) -> Swap | None:
        hint = self._known.get(login)
        row = rows.get(login) if hint is None else hint
        written = self._written.get(number)
        if row is not None and written is not None and row.revision == written[0].revision:
            self._finish(number, answer=True)  # it was done, and the answer to it lost
            return None
        try:
            record = self._steps[number][1](self._reading.record(login, row, known=False))
        except StoreFailed:
            self._finish(number, answer=False)  # a damaged record is no reason to leave the others alone
            return None
        if record is None:
            if hint is None:
                self._finish(number, answer=False)
            return None
        new = to_row(login, record, self._sealer, before=row)
        self._written[number] = new, record
        return Swap(login, row.revision if row else None, new)

    def _finish(self, number: int, *, answer: bool) -> None:
        self.answers[number] = answer
        self._pending.remove(number)
