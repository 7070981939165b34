"""What about a PostgreSQL may lose a login."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from traktauth.stores.errors import DurabilityWarning
from traktauth.stores.postgres.statements import LIMITS

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
