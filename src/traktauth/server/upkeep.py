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
    sweeping = asyncio.create_task(_sweep(realm))
    try:
        yield
    finally:
        sweeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeping


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


def _step(realm: Realm, above: int, tables: Tables) -> int:
    now = realm.clock()
    tables.pairs.drop_kept(now=now)
    return tables.upkeep.sweep(now=now, above=above, rows=ROWS)
