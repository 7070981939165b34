"""The tables."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from traktauth.server.storage.repositories.clients import ClientRepository
from traktauth.server.storage.repositories.codes import CodeRepository, DeviceCodeRepository
from traktauth.server.storage.repositories.maintenance import MaintenanceRepository, SettingRepository
from traktauth.server.storage.repositories.tokens import TokenRepository
from traktauth.server.storage.repositories.users import UserRepository

if TYPE_CHECKING:
    from sqlite3 import Connection


class Repositories:
    """Every table, until the end of one transaction.

    Attributes:
        events: what is counted once the transaction has been committed (`rotations`, `replays`, `families_killed`).
        replayed_pair: the row id of the pair whose used refresh token was sent again, 0 if none was.
    """

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self.events: list[str] = []
        self.replayed_pair = 0
        self.clients = ClientRepository(connection)
        self.tokens = TokenRepository(connection)

    @cached_property
    def users(self) -> UserRepository:
        """Users and sessions."""
        return UserRepository(self._db)

    @cached_property
    def codes(self) -> CodeRepository:
        """Authorization codes."""
        return CodeRepository(self._db)

    @cached_property
    def device_codes(self) -> DeviceCodeRepository:
        """Device codes."""
        return DeviceCodeRepository(self._db)

    @cached_property
    def settings(self) -> SettingRepository:
        """The server's own settings."""
        return SettingRepository(self._db)

    @cached_property
    def maintenance(self) -> MaintenanceRepository:
        """Clean-up."""
        return MaintenanceRepository(self._db)
