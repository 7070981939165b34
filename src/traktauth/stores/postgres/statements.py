"""Statements as PostgreSQL takes them: those of `traktauth.stores.database.sql`, with limits."""

from __future__ import annotations

import re

from traktauth.stores.database.schema import TABLE
from traktauth.stores.database.sql import Dialect, is_read

NOW = "CAST(extract(epoch FROM statement_timestamp()) AS double precision)"
DIALECT = Dialect(
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
_worded: dict[str, bytes] = {}


def to_message(text: str) -> bytes:
    """Return a statement with its parameters as psycopg writes them, and with limits if it writes."""
    limited = text if is_read(text) else LIMITS + text
    if limited not in _worded:
        _worded[limited] = re.sub(r":(\w+)", r"%(\1)s", limited).encode()
    return _worded[limited]
