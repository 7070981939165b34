"""Delete expired rows in the background, in steps that are short enough not to delay requests."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING

from traktauth.server.storage.base import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from traktauth.server.storage.protocol import Storage
    from traktauth.server.storage.repositories import Repositories

KEPT_SECONDS = 86_400.0  # for which an expired row is kept
ROWS = 500
PAUSE_SECONDS = 0.2
REST_SECONDS = 600.0


@contextlib.asynccontextmanager
async def run_purge(
    storage: Storage, clock: Callable[[], float], *, purge_seconds: float | None
) -> AsyncGenerator[None]:
    """Clean a database up for as long as the block runs.

    Args:
        storage: the database.
        clock: the server's.
        purge_seconds: how often cached responses that have expired are deleted; None if none are cached.
    """
    tasks = [asyncio.create_task(_purge_rows(storage, clock))]
    if purge_seconds is not None:
        tasks.append(asyncio.create_task(_purge_responses(storage, clock, purge_seconds)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _purge_rows(storage: Storage, clock: Callable[[], float]) -> None:
    above = 0
    await asyncio.sleep(REST_SECONDS)
    while True:
        try:
            above = await storage.write(partial(_purge_step, clock, above))
        except StorageUnavailable:  # which the storage has logged
            above = 0
        await asyncio.sleep(PAUSE_SECONDS if above else REST_SECONDS)


def _purge_step(clock: Callable[[], float], above: int, db: Repositories) -> int:
    return db.maintenance.purge_expired(before=clock() - KEPT_SECONDS, above=above, rows=ROWS)


async def _purge_responses(storage: Storage, clock: Callable[[], float], seconds: float) -> None:
    """Delete cached responses when they expire, at most as much later."""
    while True:
        await asyncio.sleep(seconds)
        with contextlib.suppress(StorageUnavailable):
            await storage.write(lambda db: db.tokens.purge_cached_responses(now=clock()))
