"""The front: what happens to every request before any address is looked up."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from traktauth.server.endpoints.protocol import unavailable
from traktauth.server.http.answers import Answer, in_json
from traktauth.server.storage.base import StorageDown
from traktauth.server.timeline import Failed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from traktauth.server.faults import Fault
    from traktauth.server.realm import Realm

    Direct = Callable[[Scope, Receive], Awaitable[Answer]]

log = logging.getLogger(__name__)
DOUBLED = re.compile("/{2,}")
MOST_FIELDS = 100
"""Header fields in a request; browsers send some twenty."""


class Front:
    """An ASGI application around all others.

    Clients in the field double slashes in the path; that is put right here. Faults take their turn here, requests are
    counted here, and whatever goes wrong unforeseen ends here, as a 500 that says nothing and a log entry.

    *direct* answers by exact path, without a router; those requests are counted. *inner* answers all others.
    """

    def __init__(self, realm: Realm, direct: Mapping[str, Direct], inner: ASGIApp) -> None:
        self._realm = realm
        self._direct = direct
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        try:
            if len(scope["headers"]) > MOST_FIELDS:
                await Answer(431)(scope, receive, send)
                return
            fault = self._noted(scope)
            if fault is None:
                await self._guarded(scope, receive, send)
            else:
                await self._faulty(fault, scope, receive, send)
        except (ClientDisconnect, asyncio.CancelledError):
            return  # the client has gone, or the server ends: nobody is there to be answered

    def _noted(self, scope: Scope) -> Fault | None:
        """Put a request's path right and count the request; give the fault that takes it."""
        path: str = scope["path"]
        if "//" in path:
            path = scope["path"] = DOUBLED.sub("/", path)
        realm, method = self._realm, scope["method"]
        if path in self._direct:
            realm.ledger.request(method, path)
        return realm.faults.take(method, path, now=realm.clock()) if realm.faults else None

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        direct = self._direct.get(scope["path"])
        if direct is None:
            await self._routed(scope, receive, send)
            return
        try:
            answer = await direct(scope, receive)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, it is logged and told as a 500
            answer = _failed(scope, error)
        await answer(scope, receive, send)

    async def _routed(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._inner(scope, receive, watched)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, it is logged and told as a 500
            answer = _failed(scope, error)
            if not begun:
                await answer(scope, receive, send)

    async def _faulty(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.drop == "before":
            self._note(scope, "cut, a fault, before it was done")
            await cut(send)
        elif fault.drop == "after":
            await self._guarded(scope, receive, _unheard)
            self._note(scope, "cut, a fault, after it was done")
            await cut(send)
        elif fault.status is None:
            await self._guarded(scope, receive, send)
        else:
            self._note(scope, f"{fault.status}, a fault")
            await Answer(fault.status, fault.body, fault.headers)(scope, receive, send)

    def _note(self, scope: Scope, how: str) -> None:
        realm = self._realm
        realm.timeline.add(realm.clock(), scope["method"], scope["path"]).outcome = Failed(how)


async def cut(send: Send) -> None:
    """Cut the connection without an answer.

    Raises:
        RuntimeError: the server underneath is not uvicorn, which alone lets one do this.
    """
    transport: asyncio.Transport | None = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise RuntimeError("a connection can only be cut under uvicorn")
    transport.abort()
    await asyncio.sleep(0)  # until uvicorn has heard of it, and misses no answer


def _failed(scope: Scope, error: Exception) -> Answer:
    """Log what went wrong; say nothing of it to the client. A database that is gone was nobody's fault here."""
    if isinstance(error, StorageDown):
        return unavailable()
    log.error("A request to %s failed", scope["path"], exc_info=error)
    return in_json(500, {"error": "server_error"})


async def _unheard(message: Message) -> None:
    """Take an answer that nobody will hear."""
