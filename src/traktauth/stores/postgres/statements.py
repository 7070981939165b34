"""Commands as PostgreSQL takes them: those of `traktauth.stores.database.sql`, with limits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from traktauth.stores.database.commands import (
    CountLogins,
    CountStates,
    ListLogins,
    ListUpcoming,
    ReadLease,
    ReadRow,
)
from traktauth.stores.database.schema import TABLE
from traktauth.stores.database.sql import Dialect

if TYPE_CHECKING:
    from traktauth.stores.database.commands import Command
    from traktauth.stores.database.sql import Parameters

NOW = "CAST(extract(epoch FROM statement_timestamp()) AS double precision)"
_DIALECT = Dialect(
    now=NOW,
    skip=f"FOR UPDATE OF {TABLE} SKIP LOCKED",
    materialized="MATERIALIZED",
    most="greatest",
    least="least",
)

# Comes before each statement that writes, in the same message and so in the same transaction: a session may be shared
# with other programs, behind a pooler that hands one out for each transaction.
LIMITS = """SELECT set_config('statement_timeout', '5000', true), set_config('lock_timeout', '5000', true),
    set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') = 'off' THEN 'on'
        ELSE current_setting('synchronous_commit') END, true);
"""
_READS = (ReadLease, ReadRow, ListLogins, CountLogins, CountStates, ListUpcoming)


def statement(command: Command[Any]) -> tuple[bytes, Parameters]:
    """Return the statement that does a command, and its parameters."""
    text, values = _DIALECT.statement(command)
    return _psycopgs(text if isinstance(command, _READS) else LIMITS + text), values


_worded: dict[str, bytes] = {}


def _psycopgs(text: str) -> bytes:
    """Return a statement with its parameters as psycopg writes them."""
    if text not in _worded:
        _worded[text] = re.sub(r":(\w+)", r"%(\1)s", text).encode()
    return _worded[text]
