"""Approves the device codes of programs in the sandbox, as a user would at a browser."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.sandbox.exchanges import Exchange

DEVICE_CODES = frozenset(("/oauth/device/code", "/api/auth/device/code"))
DEVICE_POLLS = frozenset(("/oauth/device/token", "/api/auth/device/token"))
PENDING = 400


class DeviceApproval:
    """Approves each device code after its first pending poll.

    Args:
        approve: approves a user code, for a user.
        username: the user.
    """

    def __init__(self, approve: Callable[[str, str], None], username: str) -> None:
        self._approve = approve
        self._username = username
        self._user_codes: dict[str, str] = {}

    async def on_response(self, exchange: Exchange) -> None:
        """Note a new device code, or approve one that a program polls for."""
        if exchange.path in DEVICE_CODES:
            device, user = exchange.response.get("device_code"), exchange.response.get("user_code")
            if isinstance(device, str) and isinstance(user, str):
                self._user_codes[device] = user
        elif exchange.path in DEVICE_POLLS and exchange.status == PENDING:
            code = exchange.request.get("code") or exchange.request.get("device_code") or ""
            user_code = self._user_codes.pop(code, None)
            if user_code is not None:
                await asyncio.to_thread(self._approve, user_code, self._username)
