"""What a program under test sends to its local Trakt: counted, held, or broken off."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.sandbox.exchanges import Exchange

TOKEN_PATHS = frozenset(("/oauth/token", "/api/auth/oauth2/token"))
OK = 200


class Traffic:
    """Counts what the program sends, and holds or breaks it off; called in the proxy's thread."""

    def __init__(self) -> None:
        self.refreshes: Counter[str] = Counter()
        self.answered_by_api = 0
        self.is_gate_open = threading.Event()
        self.is_gate_open.set()
        self.waiting = 0
        self.kill: Callable[[], None] | None = None
        self.is_killed = threading.Event()

    async def on_request(self, exchange: Exchange) -> None:
        """Count a refresh, and hold it while the gate is closed."""
        if not _is_refresh(exchange):
            return
        self.refreshes[hashlib.sha256(exchange.request["refresh_token"].encode()).hexdigest()] += 1
        self.waiting += 1
        try:
            while not self.is_gate_open.is_set():  # noqa: ASYNC110 - it is opened in another thread
                await asyncio.sleep(0.01)
        finally:
            self.waiting -= 1

    async def on_response(self, exchange: Exchange) -> None:
        """Count an answer of the API; kill the program before a refresh's response reaches it, if that is wanted."""
        if exchange.authorized and exchange.status == OK and exchange.path not in TOKEN_PATHS:
            self.answered_by_api += 1
        if self.kill is not None and exchange.status == OK and _is_refresh(exchange):
            kill, self.kill = self.kill, None
            kill()
            while not self.is_killed.is_set():  # noqa: ASYNC110 - it is set in another thread
                await asyncio.sleep(0.01)


def _is_refresh(exchange: Exchange) -> bool:
    request = exchange.request
    return exchange.path in TOKEN_PATHS and request.get("grant_type") == "refresh_token" and "refresh_token" in request
