"""Look at a PostgreSQL without making anything there."""

from __future__ import annotations

import asyncio
from functools import partial

from traktauth.server.storage.base import StorageDown
from traktauth.server.storage.postgres.driver import Cut, Rejected, connected, settings_of
from traktauth.server.storage.postgres.lane import Lane
from traktauth.server.storage.postgres.schema import FOUND, KNOWN
from traktauth.server.storage.schema import judge


def looked_at(address: str) -> bool:
    """Whether the tables are there already.

    Raises:
        ValueError: the address is none.
        StorageDown: the database cannot be used, was made by a newer version, or is another program's.
    """
    connect = partial(connected, settings_of(address))

    async def looked() -> bool:
        lane = Lane(connect)
        try:
            has_meta, has_pairs = (await lane.ask(KNOWN))[0].rows[0]
            version = (await lane.ask(FOUND))[0].rows if has_meta else []
            return judge(version[0][0] if version else None, foreign=bool(has_meta or has_pairs))
        finally:
            lane.close()

    try:
        return asyncio.run(looked())
    except (Rejected, Cut) as error:
        raise StorageDown(f"This PostgreSQL cannot be used: {error}") from error
