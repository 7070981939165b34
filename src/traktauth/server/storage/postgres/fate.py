"""Whether a transaction whose commit was not answered has been committed.

PostgreSQL knows that by a transaction's number; but where it has crashed and had not written anything of that number
down, it gives the same number to another one. So each transaction leaves a mark, too: in a row of its lane's own.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from traktauth.server.storage.postgres.dialect import Said, said

if TYPE_CHECKING:
    from traktauth.server.storage.postgres.driver import Reply

STATUS = "SELECT pg_xact_status(CAST(? AS text)::xid8)"
MARKED = "SELECT value FROM meta WHERE name = ?"
MARK = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
FORGET = "DELETE FROM meta WHERE name LIKE 'lane %' AND split_part(value, ' ', 2)::bigint < CAST(? AS text)::bigint"
NO_SUCH_NUMBER = "22023"
"""What it says of a number that it has not given yet, or not again since it crashed."""
KEPT_SECONDS = 3600
IN_PROGRESS = "in progress"


class Marks:
    """The marks of one lane."""

    def __init__(self) -> None:
        self._name = f"lane {secrets.token_hex(12)}"
        self._mark = ""

    def mark(self, number: str) -> Said:
        """Say what marks the transaction that is about to be committed."""
        self._mark = f"{secrets.token_hex(8)} {time.time():.0f} {number}"
        return said(MARK, (self._name, self._mark))

    def asked(self, number: str) -> tuple[Said, Said]:
        """Ask for a fate; the mark is looked for later than the number, so that it is seen where that is done."""
        return said(STATUS, (number,)), said(MARKED, (self._name,))

    def committed(self, status: Reply, marked: Reply) -> bool | None:
        """Tell from the answers whether the last transaction was committed; None where that is not decided yet."""
        if status.rows[0][0] == IN_PROGRESS:
            return None
        return bool(marked.rows) and marked.rows[0][0] == self._mark


def forgetting() -> Said:
    """Say what forgets the marks of lanes that are long gone."""
    return said(FORGET, (f"{time.time() - KEPT_SECONDS:.0f}",))
