"""Delete expired rows in the background, in steps that are short enough not to delay requests."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from traktauth.server.storage.base import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.storage.database import Database
    from traktauth.server.storage.repositories import Repositories

KEPT_SECONDS = 86_400.0  # for which an expired row is kept
ROWS = 500
PAUSE_SECONDS = 0.2
REST_SECONDS = 600.0


async def purge(database: Database, clock: Callable[[], float]) -> None:
    """Clean a database up until the task is cancelled."""
    above = 0
    await asyncio.sleep(REST_SECONDS)
    while True:
        try:
            above = database.write(partial(_purge_step, clock, above))
        except StorageUnavailable:  # which the database has logged
            above = 0
        await asyncio.sleep(PAUSE_SECONDS if above else REST_SECONDS)


def _purge_step(clock: Callable[[], float], above: int, db: Repositories) -> int:
    return db.maintenance.purge_expired(before=clock() - KEPT_SECONDS, above=above, rows=ROWS)
