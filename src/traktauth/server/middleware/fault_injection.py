"""Faults applied to a request: its response is replaced or delayed, or its connection is cut."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from traktauth.server.http.messages import HttpResponse
from traktauth.server.simulation.request_log import Failure

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from traktauth.server.context import ServerContext
    from traktauth.server.simulation.faults import Fault


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
