"""The addresses of the control API and its page; each call is logged for the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from starlette.routing import Route

from traktauth.server.control import browser_calls, state_calls
from traktauth.server.control.auth import control
from traktauth.server.control.call_body import ControlError
from traktauth.server.control.live_page import live_page_routes
from traktauth.server.http.request_log import ControlResult
from traktauth.server.messages import as_object
from traktauth.server.oauth.request import ClientRequest

if TYPE_CHECKING:
    from traktauth.server.control.auth import Call
    from traktauth.server.http.context import ServerContext

SHOWN = ("client_id", "username", "decision", "via", "advance", "kind", "disabled")
"""Members of a call that are logged; others may be secrets."""
UNLOGGED = ("ledger", "reset", "tokens")
"""Calls that change nothing, clear the log, or log themselves."""
MEMBERS: dict[str, tuple[str, ...]] = {
    "device": ("user_code", "username", "decision"),
    "tokens": ("client_id", "count", "username"),
    "clock": ("advance",),
    "expire": ("kind", "value"),
    "signout": (),
    "revoke-consent": ("client_id",),
    "disable-app": ("client_id", "disabled"),
    "reset": (),
}
"""The members of a call's body; `authorize` takes any parameter of its address, and a fault checks its own."""


def _check_members(name: str, call: Call) -> Call:
    """Return a call that refuses unknown members: a misspelt one would be taken as left out."""
    known = MEMBERS.get(name)
    if known is None:
        return call

    async def run(context: ServerContext, members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        found = {} if members is None else as_object(members)
        if found is None:
            raise ControlError("the body must be an object")
        unknown = sorted(found.keys() - set(known))
        if unknown:
            may = f"it may have {', '.join(known)}" if known else "it takes none"
            raise ControlError(f"the call has unknown members: {', '.join(unknown)}; {may}")
        return await call(context, found)

    return run


def _log_call(name: str, method: str, call: Call) -> Call:
    """Return a call that is logged once it is done."""
    if name in UNLOGGED or method == "GET":
        return call

    async def run(context: ServerContext, members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        result = await call(context, members)
        named = cast("dict[str, Any]", members) if isinstance(members, dict) else {}
        shown = {key: str(named[key]) for key in SHOWN if key in named}
        request = ClientRequest(shown, shown.get("client_id", ""), "")
        context.request_log.add(context.clock(), method, f"/_control/{name}", request).finish(ControlResult(result))
        return result

    return run


CALLS: dict[str, dict[str, Call]] = {
    name: {method: _log_call(name, method, _check_members(name, call)) for method, call in calls.items()}
    for name, calls in {
        "authorize": {"POST": browser_calls.authorize},
        "device": {"POST": browser_calls.device},
        "tokens": {"POST": state_calls.tokens},
        "clock": {"GET": state_calls.read_clock, "POST": state_calls.clock},
        "expire": {"POST": state_calls.expire},
        "faults": {"PUT": state_calls.put_faults, "DELETE": state_calls.delete_faults},
        "signout": {"POST": browser_calls.sign_out},
        "disconnect": {"POST": browser_calls.disconnect_user},
        "revoke-consent": {"POST": state_calls.revoke_consent},
        "disable-app": {"POST": state_calls.disable_app},
        "ledger": {"GET": state_calls.ledger},
        "reset": {"POST": state_calls.reset},
    }.items()
}


def control_routes(context: ServerContext) -> list[Route]:
    """Return the routes of the control API, which a server has that was started with `--control`."""
    calls = [Route(f"/_control/{name}", control(context, methods)) for name, methods in CALLS.items()]
    return [*calls, *live_page_routes(context, CALLS)]
