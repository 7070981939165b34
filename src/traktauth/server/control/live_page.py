"""The control page: what happens now, the tokens of each login, and buttons for what the control API can do."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.responses import StreamingResponse
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
from traktauth.server.control.sequence import PARTIES, Names, Row, client_id_of, row_of, select_exchanges
from traktauth.server.control.token_tree import (
    Replay,
    Tree,
    build_tree,
    newest_logins,
    replays_by_pair,
    select_pairs,
    token_origins,
)
from traktauth.server.http.exchange import TOKEN_PATHS
from traktauth.server.messages import Application, HttpResponse, json_response, read_request
from traktauth.server.pages.html_response import add_security_headers
from traktauth.server.pages.page_request import PageRequest, confirmation_page, message, page_endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

    from starlette.types import Receive, Scope, Send

    from traktauth.server.http.context import ServerContext
    from traktauth.server.http.exchange import Exchange
    from traktauth.server.storage.repositories import Repositories
    from traktauth.server.storage.schema import Client, TokenPair, User

    Handler = Callable[[PageRequest], Awaitable[HttpResponse]]

PAGE = "/_control"
MOST_ROWS, MOST_LOGINS, MOST_PAIRS = 150, 20, 12
MOST_READ = MOST_LOGINS * MOST_PAIRS
HEARTBEAT_SECONDS = 15.0
PAUSE_SECONDS = 0.2
"""Between two events of the stream, so that many requests together are one change."""
CLOCK_STEPS = {"60": "1 minute", "3600": "1 hour", "86400": "1 day", "604800": "7 days", "7776000": "90 days"}
OUTAGE_SECONDS = 120
DATE = len("2026-01-31")


class Stored(NamedTuple):
    """What the database knows of the tokens and apps that are shown."""

    pairs: dict[int, TokenPair]
    victims: dict[tuple[int, int], list[TokenPair]]
    apps: dict[str, str]
    owners: dict[int, tuple[Client | None, User | None]]


class LiveView(NamedTuple):
    """What the page shows.

    Attributes:
        rows: the arrows of the diagram, the newest first.
        trees: the logins, the newest first.
        total: how many requests are kept.
        hidden: how many of them have no arrow of their own nor are polls of one that has.
        now: the time of the server's clock.
        metrics: the totals since the last reset.
        faults: how many faults wait for their turn.
    """

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
    routes = [Route(path, add_security_headers(page_endpoint(context, handlers))) for path, handlers in pages.items()]
    return [*routes, Route(f"{PAGE}/events", _events(context))]


def _require_access(handler: Handler) -> Handler:
    """Return a handler that first checks who asks, as every control call does."""

    async def run(visit: PageRequest) -> HttpResponse:
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


async def show(visit: PageRequest) -> HttpResponse:
    """Show the page."""
    done, _ = BUTTONS.get(visit.query_parameters.get("done", ""), ("", None))
    return visit.show(
        "live",
        title="Control page",
        done=done,
        steps=CLOCK_STEPS,
        **_template_values(await live_view(visit.context)),
    )


async def show_live_part(visit: PageRequest) -> HttpResponse:
    """Show the part of the page that changes, for the page's script."""
    return visit.show("_live", **_template_values(await live_view(visit.context)))


def _template_values(view: LiveView) -> dict[str, Any]:
    today = format_time(view.now)[:DATE]

    def moment(at: float) -> str:
        text = format_time(at)
        return text[DATE + 1 :] if text.startswith(today) else text

    return {"view": view, "parties": PARTIES, "clock": format_time, "moment": moment}


async def live_view(context: ServerContext) -> LiveView:
    """Read the log and the database."""
    exchanges = context.exchanges.kept
    shown = select_exchanges(exchanges, MOST_ROWS)
    origins, replays = token_origins(exchanges), replays_by_pair(exchanges)
    logins = [(login, select_pairs(login, MOST_PAIRS)) for login in newest_logins(origins, MOST_LOGINS)]
    numbers = {origin.number for _, pairs in logins for origin in pairs} | set(list(replays)[-MOST_ROWS:])
    ids = {client_id_of(exchange) for exchange, _ in shown} - {""}
    stored = context.database.read(lambda db: _load(db, numbers, ids, list(origins)[-MOST_READ:]))
    now = context.clock()
    kills = _kills(stored, replays)
    names = _names(stored, exchanges, replays, kills)._replace(has_more=len(origins) > MOST_READ)
    trees: list[Tree] = []
    for login, pairs in logins:
        root = build_tree(pairs, stored.pairs, replays, kills, now=now)
        if root is not None:
            app, user = stored.owners[root.origin.number]
            hidden = len(login) - len(pairs)
            trees.append(Tree(user.username if user else "", app.name if app else "a deleted app", root, hidden))
    rows = [row_of(exchange, count, names) for exchange, count in reversed(shown)]
    hidden = len(exchanges) - sum(count for _, count in shown)
    return LiveView(rows, trees, len(exchanges), hidden, now, context.exchanges.ledger(), len(context.faults))


def _load(db: Repositories, numbers: set[int], client_ids: set[str], issued: list[int]) -> Stored:
    pairs = {number: pair for number in numbers if (pair := db.tokens.get(number)) is not None}
    apps = {name: app.name for name in client_ids if (app := db.clients.by_client_id(name)) is not None}
    owners = {number: (db.clients.get(pair.client), db.users.get(pair.user_id)) for number, pair in pairs.items()}
    victims: dict[tuple[int, int], list[TokenPair]] = {}
    for number in list(issued)[-MOST_READ:] if any(not pair.in_family for pair in pairs.values()) else ():
        pair = pairs.get(number) or db.tokens.get(number)
        if pair is not None and not pair.in_family:
            victims.setdefault((pair.family, pair.epoch), []).append(pair)
    return Stored(pairs, victims, apps, owners)


def _kills(stored: Stored, replays: dict[int, list[Replay]]) -> dict[tuple[int, int], Replay]:
    """Return the replay that ended each family, by the family's number and epoch."""
    found: dict[tuple[int, int], Replay] = {}
    for number, sent in replays.items():
        pair = stored.pairs.get(number)
        for replay in sent:
            if pair is not None and replay.killed:
                found.setdefault((pair.family, pair.epoch), replay)
    return found


def _names(
    stored: Stored, exchanges: list[Exchange], replays: dict[int, list[Replay]], kills: dict[tuple[int, int], Replay]
) -> Names:
    """Return the names to show, and for each replay that killed a family how many valid tokens it ended."""
    at = {exchange.number: exchange.at for exchange in exchanges if exchange.killed_family}
    victims = {
        replay.number: sum(_valid_tokens(pair, at[replay.number]) for pair in stored.victims.get(family, ()))
        for family, replay in kills.items()
    }
    owners: dict[int, str] = {}
    for number, sent in replays.items():
        user = stored.owners[number][1] if number in stored.owners else None
        owners |= {replay.number: user.username for replay in sent if user is not None}
    return Names(stored.apps, victims, owners)


def _valid_tokens(pair: TokenPair, at: float) -> int:
    """Count the tokens of a pair that were valid at a time."""
    access = pair.access_ended is None and pair.access_expires > at
    expired = pair.refresh_expires is not None and pair.refresh_expires <= at
    return int(access) + int(pair.refreshable and pair.refresh_ended is None and not expired)


def format_time(at: float) -> str:
    """Format a time of the server's clock."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


# ---------------------------------------------------------------- buttons
async def act(visit: PageRequest) -> HttpResponse:
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


def _clock(context: ServerContext, form: Mapping[str, str]) -> MoveClock:  # noqa: ARG001 - as every button
    seconds = form.get("seconds", "")
    if seconds not in CLOCK_STEPS:
        raise ValueError("choose by how much to move the clock")
    return MoveClock(advance=int(seconds))


def _add_faults(context: ServerContext, **fault: object) -> AddFaults:
    served = [endpoint.path for endpoint in context.profile.endpoints if endpoint.path in TOKEN_PATHS]
    paths = served if "for" in fault else [TOKEN_PATHS[0]]
    return AddFaults(faults=[{"path": path, "method": "POST", **fault} for path in paths])


def _expire(context: ServerContext, form: Mapping[str, str]) -> ExpirePair:  # noqa: ARG001 - as every button
    pair, kind = form.get("pair", ""), form.get("kind", "")
    if kind not in ("access", "refresh") or not pair.isdecimal() or len(pair) > 18:  # noqa: PLR2004 - digits of a row's number
        raise ValueError("choose a token to expire")
    return ExpirePair(pair=int(pair), kind="access" if kind == "access" else "refresh")


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
def _events(context: ServerContext) -> Application:
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

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        response: HttpResponse | StreamingResponse
        if scope["method"] != "GET":
            response = HttpResponse(405, b"", {"allow": "GET"})
        else:
            try:
                check_access(context, await read_request(scope, receive))
            except ControlError as error:
                response = json_response(error.status, {"error": str(error)})
            else:
                headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
                response = StreamingResponse(stream(), media_type="text/event-stream", headers=headers)
        await response(scope, receive, send)

    return Application(serve)
