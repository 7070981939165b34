"""Housekeeping: what has long been dead is deleted in small steps that stall nobody."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial
from typing import TYPE_CHECKING

from traktauth.server.storage.base import StorageDown

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from traktauth.server.realm import Realm
    from traktauth.server.storage.tables import Tables

log = logging.getLogger(__name__)
ROWS = 500
PAUSE_SECONDS = 0.2
REST_SECONDS = 600.0


@contextlib.asynccontextmanager
async def kept_tidy(realm: Realm) -> AsyncGenerator[None]:
    """Keep a realm's database tidy for as long as the block lasts."""
    tasks = [asyncio.create_task(_sweep(realm))]
    seconds = realm.terms.rotation.tidy_seconds
    if seconds is not None:
        tasks.append(asyncio.create_task(_drop_kept(realm, seconds)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _sweep(realm: Realm) -> None:
    above = 0
    await asyncio.sleep(REST_SECONDS)
    while True:
        try:
            above = await realm.storage.write(partial(_step, realm, above))
        except StorageDown:
            log.warning("Housekeeping could not use the database; it tries again later")
            above = 0
        await asyncio.sleep(PAUSE_SECONDS if above else REST_SECONDS)


async def _drop_kept(realm: Realm, seconds: float) -> None:
    """Drop sealed answers when their time is over, at most as much later."""
    while True:
        await asyncio.sleep(seconds)
        with contextlib.suppress(StorageDown):
            await realm.storage.write(lambda tables: tables.pairs.drop_kept(now=realm.clock()))


def _step(realm: Realm, above: int, tables: Tables) -> int:
    return tables.upkeep.sweep(now=realm.clock(), above=above, rows=ROWS)
