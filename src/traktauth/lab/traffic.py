"""What a program under test sends to its local Trakt: counted, held, or broken off."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import Scope

from traktauth.server.http.exchange import TOKEN_PATHS, Exchange
from traktauth.server.messages import bearer_token

OK = 200


class Traffic:
    """Counts what the program sends, and holds or breaks it off; called in the local Trakt's event loop.

    Attributes:
        refreshes: how often each refresh token was sent; under an empty text those that a fault answered unread.
        answered_by_api: how many requests with an access token were answered with 200.
        waiting: how many requests for tokens are held.
    """

    def __init__(self) -> None:
        self.refreshes: Counter[str] = Counter()
        self.answered_by_api = 0
        self.waiting = 0
        self._kill: Callable[[], None] | None = None
        self._is_killed_at_use = False
        self._issued: set[str] = set()
        self._gate, self._end = asyncio.Event(), asyncio.Event()
        self._gate.set()

    async def begin_run(
        self, *, together: bool = False, kill: Callable[[], None] | None = None, at_use: bool = False
    ) -> None:
        """Begin a run.

        Args:
            together: whether requests for tokens are held until `open_gate`.
            kill: kills the program once it has refreshed, before the response reaches it.
            at_use: whether it is killed later, when it first uses the new access token.
        """
        self._kill, self._is_killed_at_use = kill, at_use
        self._issued.clear()
        self._end.clear()
        if together:
            self._gate.clear()

    async def open_gate(self) -> None:
        """Let go of the requests that are held."""
        self._gate.set()

    async def end_run(self) -> None:
        """End a run: nothing is held any more."""
        self._kill = None
        self._gate.set()
        self._end.set()

    async def on_request(self, scope: Scope) -> None:
        """Hold a request for tokens while the gate is closed; kill the program if it uses a new token, if wanted."""
        if self._is_killed_at_use and bearer_token(Headers(scope=scope)) in self._issued:
            await self._kill_now()
        if scope["method"] == "POST" and scope["path"] in TOKEN_PATHS:
            self.waiting += 1
            try:
                await self._gate.wait()
            finally:
                self.waiting -= 1

    async def on_response(self, exchange: Exchange) -> None:
        """Count a refresh or an answer of the API; kill the program before a refresh's response, if that is wanted."""
        sent = exchange.request
        if exchange.path not in TOKEN_PATHS:
            self.answered_by_api += exchange.status == OK and bool(sent.bearer)
            return
        is_unread = exchange.method == "POST" and not sent.parameters
        if not is_unread and sent.parameters.get("grant_type") != "refresh_token":
            return
        self.refreshes[sent.parameters.get("refresh_token", "")] += 1
        self._issued.update(tokens.access_token for tokens in exchange.issued)
        if exchange.issued and not self._is_killed_at_use:
            await self._kill_now()

    async def _kill_now(self) -> None:
        if self._kill is not None:
            kill, self._kill = self._kill, None
            kill()
            await self._end.wait()
