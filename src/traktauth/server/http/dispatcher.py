"""The outermost ASGI application: checks and faults that apply to every request."""

from __future__ import annotations

import asyncio
import logging
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from traktauth.server.http.faults import take_fault
from traktauth.server.http.request_log import Failure
from traktauth.server.messages import MOST_FIELDS, HttpResponse, json_response
from traktauth.server.settings import is_loopback, name_in
from traktauth.server.storage.base import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from traktauth.server.http.context import ServerContext
    from traktauth.server.http.faults import Fault
    from traktauth.server.messages import Handler


log = logging.getLogger(__name__)
DOUBLED = re.compile("/{2,}")
FOREIGN = (
    "This local Trakt is on loopback: it answers under the name 127.0.0.1, [::1] or localhost alone. "
    "To give it another name, start it with --public-url."
)


class Dispatcher:
    """The outermost ASGI application.

    It refuses foreign hosts, joins doubled slashes in the path (some clients send them), counts requests, applies
    faults, and answers an unexpected exception with a 500 that says nothing and a log entry.

    Args:
        context: the server.
        direct: endpoints by exact path, called without a router; their requests are counted.
        inner: the application for all other paths.
    """

    def __init__(self, context: ServerContext, direct: Mapping[str, Handler], inner: ASGIApp) -> None:
        self._context = context
        self._direct = direct
        self._inner = inner
        self._is_loopback = context.settings.loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        try:
            refusal = self._refusal(scope)
            if refusal is not None:
                await refusal(scope, receive, send)
                return
            fault = self._matching_fault(scope)
            if fault is None:
                await self._respond(scope, receive, send)
            else:
                await apply_fault(fault, self._context, self._respond, scope, receive, send)
        except (ClientDisconnect, asyncio.CancelledError):
            return  # the client has gone, or the server ends

    def _refusal(self, scope: Scope) -> HttpResponse | None:
        """Return the response that refuses a request before anything else, or None.

        On loopback a foreign `Host` is refused: a web page whose name was made to lead to this machine (DNS rebinding)
        would be of one origin with the pages.
        """
        fields = scope["headers"]
        if len(fields) > MOST_FIELDS:
            return HttpResponse(431)
        for name, value in fields:
            if name == b"host" and self._is_loopback and not _is_local(value):
                return _in_text(403, FOREIGN)
        return None

    def _matching_fault(self, scope: Scope) -> Fault | None:
        """Normalize a request's path and count it; return the fault that applies to it."""
        path: str = scope["path"]
        if "//" in path:
            path = scope["path"] = DOUBLED.sub("/", path)
        context, method = self._context, scope["method"]
        if path in self._direct:
            context.metrics.request(method, path)
        return take_fault(context.faults, method, path, now=context.clock()) if context.faults else None

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        direct = self._direct.get(scope["path"])
        if direct is None:
            await self._route(scope, receive, send)
            return
        try:
            response = await direct(scope, receive)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, it is logged and told as a 500
            response = _log_failure(scope, error)
        await response(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def send_noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._inner(scope, receive, send_noted)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, it is logged and told as a 500
            response = _log_failure(scope, error)
            if not begun:
                await response(scope, receive, send)


async def apply_fault(
    fault: Fault, context: ServerContext, respond: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve a request to which a fault applies; *respond* serves it without one."""
    client = scope.get("client")

    def note(how: str) -> None:
        context.request_log.add(context.clock(), scope["method"], scope["path"]).finish(Failure(how))

    if fault.delay:
        await asyncio.sleep(fault.delay)
    if fault.drop == "before":
        note("cut, a fault, before it was done")
        await _cut(context, client)
    elif fault.drop == "after":
        await respond(scope, receive, _discard)
        note("cut, a fault, after it was done")
        await _cut(context, client)
    elif fault.status is None:
        await respond(scope, receive, send)
    else:
        note(f"{fault.status}, a fault")
        await HttpResponse(fault.status, fault.body, fault.headers)(scope, receive, send)


async def _cut(context: ServerContext, client: tuple[str, int] | None) -> None:
    context.connections.abort(client)
    await asyncio.sleep(0)  # so that uvicorn sees connection_lost and does not log a missing response


async def _discard(message: Message) -> None:
    """Discard a response."""


@lru_cache(maxsize=16)  # clients send the same one with each request
def _is_local(host: bytes) -> bool:
    return is_loopback(name_in(host.decode("latin-1")))


def _in_text(status: int, text: str) -> HttpResponse:
    headers = {
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return HttpResponse(status, f"{text}\n".encode(), headers)


def _log_failure(scope: Scope, error: Exception) -> HttpResponse:
    """Log an exception; the response says nothing of it. A database that is gone is a 503."""
    if isinstance(error, StorageUnavailable):
        body = {"error": "temporarily_unavailable", "error_description": "The database cannot be used at the moment"}
        return json_response(503, body, {"retry-after": "5", "cache-control": "no-store"})
    log.error("A request to %s failed", scope["path"], exc_info=error)
    return json_response(500, {"error": "server_error"})
