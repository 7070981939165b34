"""What a local Trakt is asked by programs in a sandbox: noted, shown, and device codes approved."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter, deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from traktauth.sandbox.browser import USER_AGENT
from traktauth.server.http.exchange import Exchange
from traktauth.server.process.embedded import EmbeddedServer

DEVICE_POLLS = frozenset(("/oauth/device/token", "/api/auth/device/token"))
AUTHORIZE = frozenset(("/oauth/authorize", "/api/auth/oauth2/authorize"))
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
        approve_as: the user who approves device codes, after the first poll, and sign-ins that a program opens in the
            browser of the sandbox; None: they wait.
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
                if self._approve_as is not None and _is_from_browser(scope):
                    await (await self._approve(scope, self._approve_as))(scope, receive, send)
                    return
                if self._hooks is not None:
                    await self._hooks.on_request(scope)
                await application(scope, receive, send_noted)
                if not is_noted:  # it gets no response
                    await self._note(scope)

        return serve

    async def _approve(self, scope: Scope, username: str) -> Response:
        """Approve a sign-in that a program has opened in the browser: lead back to the program at once."""
        url = f"{self._local_trakt.announcement['url']}{scope['path']}?{scope['query_string'].decode('latin-1')}"
        try:
            return RedirectResponse(await self._local_trakt.browse_async(url, username), HTTPStatus.FOUND)
        except ValueError as error:
            return PlainTextResponse(str(error), HTTPStatus.BAD_REQUEST)

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


def _is_from_browser(scope: Scope) -> bool:
    """Return whether a request opens a sign-in and comes from the sandbox's browser."""
    return scope["path"] in AUTHORIZE and Headers(scope=scope).get("user-agent") == USER_AGENT
