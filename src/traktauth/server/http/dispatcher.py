"""The outermost ASGI application: checks and faults that apply to every request."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from traktauth.server.errors import StorageUnavailable
from traktauth.server.http.context import ServerContext
from traktauth.server.http.exchange import APP, OTHER, Exchange
from traktauth.server.http.faults import Fault, take_fault
from traktauth.server.messages import MAX_FIELDS, METHODS, Handler, json_response
from traktauth.server.settings import is_loopback, name_in

log = logging.getLogger(__name__)
DOUBLED = re.compile("/{2,}")
FOREIGN = (
    "This local Trakt is on loopback: it answers under the name 127.0.0.1, [::1] or localhost alone. "
    "To give it another name, start it with --public-url."
)


class Dispatcher:
    """The outermost ASGI application.

    It makes the record of each request, refuses foreign hosts, joins doubled slashes in the path (some clients send
    them), counts requests, applies faults, and answers an unexpected exception with a 500 that says nothing and a log
    entry.

    Args:
        context: the server.
        direct: endpoints by exact path, called without a router; their requests are counted.
        routes: all other addresses.
        default: the application for any path that the server does not have.
    """

    def __init__(
        self, context: ServerContext, direct: Mapping[str, Handler], routes: Sequence[Route], default: ASGIApp
    ) -> None:
        self._context = context
        self._direct = direct
        self._inner = Router(routes, redirect_slashes=False, default=default)
        self._patterns: dict[object, str] = {route.endpoint: route.path_format for route in routes}
        self._known = frozenset([*direct, *self._patterns.values()])
        self._is_loopback = context.settings.loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        began, method, path = time.perf_counter(), scope["method"], scope["path"]
        if "//" in path:
            path = scope["path"] = DOUBLED.sub("/", path)
        exchange = scope["exchange"] = Exchange(
            method if method in METHODS else OTHER,
            path,
            at=self._context.clock(),
            route=path if path in self._known else OTHER,
            client=(scope.get("client") or ("",))[0],
        )
        exchanges, faults = self._context.exchanges, self._context.faults
        try:
            refusal = self._refusal(scope["headers"])
            if refusal is not None:
                await self._record(exchange, refusal)(scope, receive, send)
                return
            if path in self._direct:
                exchanges.count(exchange)
            exchange.fault = take_fault(faults, method, path, now=exchange.at) if faults else None
            if exchange.fault is None:
                await self._respond(exchange, scope, receive, send)
            else:
                await self._apply(exchange.fault, exchange, scope, receive, send)
        except (ClientDisconnect, asyncio.CancelledError):
            return  # the client has gone, or the server ends
        finally:
            exchanges.end(exchange, began)

    def _refusal(self, fields: list[tuple[bytes, bytes]]) -> Response | None:
        """Return the response that refuses a request before anything else, or None.

        On loopback a foreign `Host` is refused: a web page whose name was made to lead to this machine (DNS rebinding)
        would be of one origin with the pages.
        """
        if len(fields) > MAX_FIELDS:
            return Response(status_code=431)
        for name, value in fields:
            if name == b"host" and self._is_loopback and not _is_local(value):
                headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
                return PlainTextResponse(f"{FOREIGN}\n", 403, headers)
        return None

    async def _apply(self, fault: Fault, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request to which a fault applies."""
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if exchange.is_replaced:
            exchange.source = APP  # unless the endpoint knows better
        if fault.drop == "before":
            self._context.exchanges.add(exchange)
            await self._drop(fault.drop, scope, receive)
        elif fault.drop is not None:
            await self._respond(exchange, scope, receive, _discard)
            exchange.status = exchange.length = 0
            await self._drop(fault.drop, scope, receive)
        elif fault.status is None:
            await self._respond(exchange, scope, receive, send)
        else:
            response = Response(fault.content, fault.status, fault.fields)
            await self._record(exchange, response)(scope, receive, send)

    async def _drop(self, how: str, scope: Scope, receive: Receive) -> None:
        if how != "hang":
            self._context.cut(scope, reset=how == "reset")
        while (await receive())["type"] != "http.disconnect":  # else uvicorn would log a missing response
            pass

    def _record(self, exchange: Exchange, response: Response) -> Response:
        """Record a response that is about to be sent, and return it."""
        exchange.status = response.status_code
        exchange.length = len(response.body) if exchange.method != "HEAD" else 0
        self._context.exchanges.add(exchange)
        return response

    async def _respond(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                exchange.location = Headers(raw=message["headers"]).get("location", "")
                if exchange.route == OTHER:
                    exchange.route = self._patterns.get(scope.get("endpoint"), OTHER)
                self._context.exchanges.add(exchange)
            elif exchange.method != "HEAD":
                exchange.length += len(message.get("body", b""))
            await send(message)

        direct = self._direct.get(scope["path"])
        try:
            if direct is None:
                await self._inner(scope, receive, send_recorded)
                return
            response = await direct(Request(scope, receive))
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, it is logged, and the response is a 500
            response = _log_failure(scope, error)
            if exchange.status:  # a response has begun
                return
        await self._record(exchange, response)(scope, receive, send)


async def _discard(message: Message) -> None:
    """Discard a response."""


@lru_cache(maxsize=16)  # clients send the same one with each request
def _is_local(host: bytes) -> bool:
    return is_loopback(name_in(host.decode("latin-1")))


def _log_failure(scope: Scope, error: Exception) -> Response:
    """Log an exception; the response says nothing of it. A database that is gone is a 503."""
    if isinstance(error, StorageUnavailable):
        body = {"error": "temporarily_unavailable", "error_description": "The database cannot be used at the moment"}
        return json_response(503, body, {"retry-after": "5", "cache-control": "no-store"})
    log.error("A request to %s failed", scope["path"], exc_info=error)
    return json_response(500, {"error": "server_error"})
