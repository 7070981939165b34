"""The tables, in statements that every supported database understands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.tables.apps import Apps
from traktauth.server.storage.tables.codes import Codes
from traktauth.server.storage.tables.devices import Devices
from traktauth.server.storage.tables.pairs import Pairs
from traktauth.server.storage.tables.people import People
from traktauth.server.storage.tables.upkeep import Upkeep

if TYPE_CHECKING:
    from traktauth.server.storage.base import Connection


class Tables:
    """Every table, on one connection, until the end of one transaction: what has been read stays right until then.

    Attributes:
        events: what a piece of work has to tell the ledger once it is committed (`rotations`, `replays`, …).
    """

    __slots__ = ("apps", "codes", "devices", "events", "pairs", "people", "upkeep")

    def __init__(self, connection: Connection) -> None:
        self.apps = Apps(connection)
        self.people = People(connection)
        self.codes = Codes(connection)
        self.devices = Devices(connection)
        self.pairs = Pairs(connection)
        self.upkeep = Upkeep(connection)
        self.events: list[str] = []
