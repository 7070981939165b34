"""Statements as PostgreSQL takes them, with limits; and what about a PostgreSQL may lose a login."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from traktauth.stores.database.sql import TABLE, Dialect, is_read
from traktauth.stores.errors import DurabilityWarning

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


# As a writing statement of ours would find them, in one message with what is set for it.
QUESTION = (
    LIMITS
    + """SELECT current_setting('fsync'), current_setting('full_page_writes'), pg_is_in_recovery(),
    current_setting('transaction_read_only'), current_setting('synchronous_commit')"""
).encode()


def find_warnings(answer: Sequence[Any]) -> list[str]:
    """Return what may lose a login, each with the setting that fixes it."""
    fsync, full_page_writes, in_recovery, read_only, synchronous_commit = answer
    found: list[str] = []
    if fsync != "on":
        found.append(DurabilityWarning("A crash of this PostgreSQL loses logins", "set `fsync = on`"))
    if full_page_writes != "on":
        found.append(DurabilityWarning("A crash of this PostgreSQL may damage logins", "set `full_page_writes = on`"))
    if synchronous_commit == "off":  # we set another one, which something between us and the server has dropped
        found.append(
            DurabilityWarning("A crash of this PostgreSQL loses the last logins", "set `synchronous_commit = on`")
        )
    if in_recovery:
        found.append(DurabilityWarning("This PostgreSQL is a standby and takes no writes", "name the primary"))
    elif read_only == "on":
        found.append(DurabilityWarning("This PostgreSQL takes no writes", "end `default_transaction_read_only`"))
    return found
