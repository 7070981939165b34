"""What about a PostgreSQL may lose a login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

QUESTION = b"SELECT current_setting('fsync'), current_setting('full_page_writes'), pg_is_in_recovery()"


def problems(answer: Sequence[Any]) -> list[str]:
    """Return what may lose a login, each with the setting that mends it; `synchronous_commit` is set by ourselves."""
    fsync, full_page_writes, in_recovery = answer
    found: list[str] = []
    if fsync != "on":
        found.append("A crash of this PostgreSQL loses logins: set `fsync = on`")
    if full_page_writes != "on":
        found.append("A crash of this PostgreSQL may damage logins: set `full_page_writes = on`")
    if in_recovery:
        found.append("This PostgreSQL is a standby and takes no writes: name the primary")
    return found
