"""The tables, in statements that every supported database understands."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from traktauth.server.storage.repositories.clients import ClientRepository
from traktauth.server.storage.repositories.codes import CodeRepository
from traktauth.server.storage.repositories.device_codes import DeviceCodeRepository
from traktauth.server.storage.repositories.maintenance import MaintenanceRepository
from traktauth.server.storage.repositories.settings import SettingRepository
from traktauth.server.storage.repositories.tokens import TokenRepository
from traktauth.server.storage.repositories.users import UserRepository

if TYPE_CHECKING:
    from traktauth.server.storage.base import Connection


class Repositories:
    """Every table, on one connection, until the end of one transaction: what was read stays valid until then.

    Attributes:
        events: what is counted once the transaction has been committed (`rotations`, `replays`, …).
    """

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self.events: list[str] = []
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
        """Counts and clean-up."""
        return MaintenanceRepository(self._db)
