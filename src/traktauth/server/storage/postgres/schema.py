"""The tables' making: by one process at a time, and only where no newer version has been at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.base import StorageDown
from traktauth.server.storage.postgres.dialect import said, tables
from traktauth.server.storage.postgres.fate import forgetting
from traktauth.server.storage.schema import VERSION

if TYPE_CHECKING:
    from traktauth.server.storage.postgres.lane import Lane

ALONE = said("SELECT pg_advisory_xact_lock(8245111600311890796)")  # of all advisory locks in a database, ours
KNOWN = said("SELECT to_regclass('meta') IS NOT NULL, to_regclass('pair') IS NOT NULL")
FOUND = said("SELECT value FROM meta WHERE name = 'schema'")
REMEMBER = said("INSERT INTO meta (name, value) VALUES ('schema', ?)", (str(VERSION),))


async def prepare(lane: Lane) -> None:
    """Make the tables, or check that these are ones this version understands; else leave them as they are.

    Raises:
        StorageDown: the database was made by a newer version, or these tables are another program's.
        Rejected, Cut: as the line does.
    """
    # READ COMMITTED: what follows the lock sees what its last holder has committed.
    replies = await lane.ask(said("BEGIN"), ALONE, KNOWN)
    has_meta, has_pairs = replies[2].rows[0]
    version = (await lane.ask(FOUND))[0].rows if has_meta else []
    if version and int(version[0][0]) > VERSION:
        raise StorageDown("The database was made by a newer version of traktauth")
    if not version:
        if has_meta or has_pairs:
            raise StorageDown("The database has tables of another program: give it a schema of its own")
        await lane.ask(*map(said, tables()), REMEMBER)
    await lane.ask(forgetting(), said("COMMIT"))
