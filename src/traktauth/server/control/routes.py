"""The addresses of the control API and its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from traktauth.server.control.auth import control
from traktauth.server.control.calls import CALLS
from traktauth.server.control.live_page import live_page_routes

if TYPE_CHECKING:
    from traktauth.server.http.context import ServerContext


def control_routes(context: ServerContext) -> list[Route]:
    """Return the routes of the control API, which a server has that was started with `--control`."""
    calls = [Route(f"/_control/{name}", control(context, methods)) for name, methods in CALLS.items()]
    return [*calls, *live_page_routes(context)]
