"""What a local Trakt is asked by programs in a sandbox: noted, shown, and device codes approved."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter, deque
from collections.abc import Callable
from typing import Protocol

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from traktauth.server.http.exchange import Exchange
from traktauth.server.process.embedded import EmbeddedServer

DEVICE_POLLS = frozenset(("/oauth/device/token", "/api/auth/device/token"))
PENDING = 400
LONGEST_LOG = 10_000
DOUBLED = re.compile("//+")  # the local Trakt takes them for one slash, as Trakt does


class Hooks(Protocol):
    """Called around each request of a program, and awaited, in the local Trakt's event loop."""

    async def on_request(self, scope: Scope) -> None:
        """Take note of a request whose head has come; it is handled afterwards."""

    async def on_response(self, exchange: Exchange) -> None:
        """Take note of a request that has been handled; its response, if it gets one, is sent afterwards."""


class Watcher:
    """Watches the requests of programs.

    Args:
        local_trakt: what they are sent to.
        approve_as: the user who approves device codes, after the first poll; None: they wait.
        show: called with each request before its response is sent.
        hooks: called around each request.

    Attributes:
        exchanges: the last requests, the oldest first.
        reached: how many requests each host was sent.
        unknown_apps: client ids that the local Trakt does not know.
    """

    def __init__(
        self,
        local_trakt: EmbeddedServer,
        *,
        approve_as: str | None,
        show: Callable[[Exchange], None] | None,
        hooks: Hooks | None,
    ) -> None:
        self._local_trakt = local_trakt
        self._approve_as = approve_as
        self._show = show
        self._hooks = hooks
        self.exchanges: deque[Exchange] = deque(maxlen=LONGEST_LOG)
        self.reached: Counter[str] = Counter()
        self.unknown_apps: set[str] = set()

    def wrap(self, application: ASGIApp) -> ASGIApp:
        """Return a local Trakt's application with this around it."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            is_noted = False

            async def send_noted(message: Message) -> None:
                nonlocal is_noted
                if not is_noted:
                    is_noted = True
                    await self._note(scope)
                await send(message)

            scope["path"] = DOUBLED.sub("/", scope["path"])
            with contextlib.suppress(asyncio.CancelledError):  # the local Trakt ends
                if self._hooks is not None:
                    await self._hooks.on_request(scope)
                await application(scope, receive, send_noted)
                if not is_noted:  # it gets no response
                    await self._note(scope)

        return serve

    async def _note(self, scope: Scope) -> None:
        exchange: Exchange = scope["exchange"]
        fields = Headers(scope=scope)
        exchange.host = fields.get("host", "").partition(":")[0].rstrip(".").lower()
        self.reached[exchange.host] += 1
        self.exchanges.append(exchange)
        app = fields.get("trakt-api-key") or exchange.request.client_id
        if app and not self._local_trakt.knows_app(app):
            self.unknown_apps.add(app)
        if self._hooks is not None:
            await self._hooks.on_response(exchange)
        if self._show is not None:
            self._show(exchange)
        if self._approve_as is not None and exchange.path in DEVICE_POLLS and exchange.status == PENDING:
            await self._local_trakt.approve_polled(exchange.request.parameters.get("code", ""), self._approve_as)
