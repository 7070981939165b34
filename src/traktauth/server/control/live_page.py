"""The control page: what happens now, the tokens of each login, and buttons for what the control API can do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from traktauth.server.control.api import check_access
from traktauth.server.control.calls import (
    AddFaults,
    Call,
    ClearFaults,
    ControlError,
    ExpirePair,
    MoveClock,
    Reset,
    SignEveryoneOut,
    run_call,
)
from traktauth.server.control.sequence import PARTIES, Row, row_of, select_exchanges
from traktauth.server.control.token_tree import Lookup, Tree, newest_logins
from traktauth.server.http.context import ServerContext
from traktauth.server.http.exchange import TOKEN_PATHS
from traktauth.server.messages import json_response, read_body
from traktauth.server.pages.page_request import PageRequest, confirmation_page, message, page_endpoint
from traktauth.server.storage.repositories import Repositories

Handler = Callable[[PageRequest], Awaitable[Response]]

PAGE = "/_control"
MAX_ROWS, MAX_LOGINS = 150, 20
HEARTBEAT_SECONDS = 15.0
PAUSE_SECONDS = 0.2
"""Between two events of the stream, so that many requests together are one change."""
CLOCK_STEPS = {"60": "1 minute", "3600": "1 hour", "86400": "1 day", "604800": "7 days", "7776000": "90 days"}
OUTAGE_SECONDS = 120
DIGITS = 18
"""Of the longest number of a row."""
DATE = len("2026-01-31")


class LiveView(NamedTuple):
    """What the page shows: the newest arrows and logins first, and how many requests have no arrow (`hidden`)."""

    rows: list[Row]
    trees: list[Tree]
    total: int
    hidden: int
    now: float
    metrics: dict[str, Any]
    faults: int


def live_page_routes(context: ServerContext) -> list[Route]:
    """Return the routes of the page."""
    pages: dict[str, dict[str, Handler]] = {
        PAGE: {"GET": _require_access(show)},
        f"{PAGE}/live": {"GET": _require_access(show_live_part)},
        f"{PAGE}/act": {"POST": _require_access(act)},
    }
    routes = [Route(path, page_endpoint(context, page), methods=["GET", "POST"]) for path, page in pages.items()]
    return [*routes, Route(f"{PAGE}/events", _events(context))]


def _require_access(handler: Handler) -> Handler:
    """Return a handler that first checks who asks, as every control call does."""

    async def run(visit: PageRequest) -> Response:
        try:
            check_access(visit.context, visit.request)
        except ControlError as error:
            return message(visit, "Access denied", _sentence(error), error.status)
        response = await handler(visit)
        response.headers["referrer-policy"] = "same-origin"  # otherwise browsers send the forms with `Origin: null`
        return response

    return run


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


async def show(visit: PageRequest) -> Response:
    """Show the page."""
    done, _ = BUTTONS.get(visit.query_parameters.get("done", ""), ("", None))
    return visit.show(
        "live",
        title="Control page",
        done=done,
        steps=CLOCK_STEPS,
        **_template_values(visit.context),
    )


async def show_live_part(visit: PageRequest) -> Response:
    """Show the part of the page that changes, for the page's script."""
    return visit.show("_live", **_template_values(visit.context))


def _template_values(context: ServerContext) -> dict[str, Any]:
    view = context.database.read(partial(live_view, context))
    today = format_time(view.now)[:DATE]

    def moment(at: float) -> str:
        text = format_time(at)
        return text[DATE + 1 :] if text.startswith(today) else text

    return {"view": view, "parties": PARTIES, "clock": format_time, "moment": moment}


def live_view(context: ServerContext, db: Repositories) -> LiveView:
    """Read the log and the database."""
    exchanges, now = context.exchanges.kept, context.clock()
    lookup, shown = Lookup(db, exchanges), select_exchanges(exchanges, MAX_ROWS)
    rows = [row_of(exchange, count, lookup) for exchange, count in reversed(shown)]
    trees = [lookup.tree(login, now=now) for login in newest_logins(lookup.origins, MAX_LOGINS)]
    hidden = len(exchanges) - sum(count for _, count in shown)
    return LiveView(
        rows, [tree for tree in trees if tree], len(exchanges), hidden, now,
        context.exchanges.ledger(), len(context.faults),
    )  # fmt: skip


def format_time(at: float) -> str:
    """Format a time of the server's clock."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


# ---------------------------------------------------------------- buttons
async def act(visit: PageRequest) -> Response:
    """Run the control call that a button of the page stands for."""
    action, form = visit.form.get("action", ""), visit.form
    if action == "back":
        return visit.go(PAGE)
    if action not in BUTTONS:
        return message(visit, "Nothing was done", "The page has no such button. Go back and reload it.", 400)
    if action == "reset" and "sure" not in form:
        text = "Tokens, codes, faults, counts and this log are removed. Apps and users stay."
        button = ("action", "reset", "Reset")
        return confirmation_page(
            visit, "Reset the server?", text, action=f"{PAGE}/act", eyebrow="Control page", button=button
        )
    try:
        await run_call(visit.context, BUTTONS[action][1](visit.context, form))
    except ValueError as error:
        return message(visit, "Nothing was done", _sentence(error), 400)
    return visit.go(f"{PAGE}?done={action}")


def _clock(_context: ServerContext, form: Mapping[str, str]) -> MoveClock:
    seconds = form.get("seconds", "")
    if seconds not in CLOCK_STEPS:
        raise ValueError("choose by how much to move the clock")
    return MoveClock(advance=int(seconds))


def _add_faults(context: ServerContext, **fault: object) -> AddFaults:
    served = [endpoint.path for endpoint in context.profile.endpoints if endpoint.path in TOKEN_PATHS]
    paths = served if "for" in fault else [TOKEN_PATHS[0]]
    return AddFaults(faults=[{"path": path, "method": "POST", **fault} for path in paths])


def _expire(_context: ServerContext, form: Mapping[str, str]) -> ExpirePair:
    pair, kind = form.get("pair", ""), form.get("kind", "")
    if kind not in ("access", "refresh") or not pair.isdecimal() or len(pair) > DIGITS:
        raise ValueError("choose a token to expire")
    return ExpirePair(kind="access" if kind == "access" else "refresh", pair=int(pair))


BUTTONS: dict[str, tuple[str, Callable[[ServerContext, Mapping[str, str]], Call]]] = {
    "clock": ("The clock was moved.", _clock),
    "outage": (
        "The token endpoint answers 503 for two minutes of the server's clock.",
        lambda context, _: _add_faults(context, status=503, **{"for": OUTAGE_SECONDS}),
    ),
    "lost": (
        "The next response of the token endpoint will be lost.",
        lambda context, _: _add_faults(context, drop="after"),
    ),
    "faults": ("The faults were removed.", lambda _, __: ClearFaults()),
    "expire": ("The token expires now.", _expire),
    "signout": ("Everyone was signed out of the browser.", lambda _, __: SignEveryoneOut()),
    "reset": ("Tokens, codes, faults and the log were removed.", lambda _, __: Reset()),
}
"""For each button what the page says afterwards, and the call that it makes of the form."""


# ---------------------------------------------------------------- events
def _events(context: ServerContext) -> Callable[[Request], Awaitable[Response]]:
    """Return the stream of server-sent events: `change`, with the number of exchanges, whenever the log changes."""

    async def stream() -> AsyncGenerator[str]:
        log = context.exchanges
        with log.watch() as changed:
            yield "retry: 1000\n\n"
            while not log.is_closed:
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield ": heartbeat\n\n"
                    continue
                changed.clear()
                yield "event: change\ndata: 1\n\n"
                await asyncio.sleep(PAUSE_SECONDS)

    async def respond(request: Request) -> Response:
        try:
            await read_body(request)
            check_access(context, request)
        except ControlError as error:
            return json_response(error.status, {"error": str(error)})
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
        return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)

    return respond
