"""Activate a device: type the code, or open a link with it; confirm it; decide."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from traktauth.server.oauth.device import USER_CODE_LENGTH, decide_on_page, normalize_user_code, pending_client
from traktauth.server.pages.page_request import PageRequest, message


async def show_entry(visit: PageRequest) -> Response:
    """Ask for a code; one in the query goes to its own address."""
    typed = normalize_user_code(visit.query_parameters.get("user_code", ""))
    if typed:
        return visit.go(f"/activate/{typed}")
    return visit.show("activate", title="Activate a device", problem="", typed="")


async def enter(visit: PageRequest) -> Response:
    """Handle a typed code."""
    typed = normalize_user_code(visit.form.get("user_code", ""))
    if len(typed) != USER_CODE_LENGTH:
        problem = f"A code has {USER_CODE_LENGTH} letters and digits."
        return visit.show("activate", status=400, title="Activate a device", problem=problem, typed=typed)
    return visit.go(f"/activate/{typed}")


async def confirm(visit: PageRequest) -> Response:
    """Show which app asks, and the code once more, before anything is allowed (RFC 8628 sections 3.3.1 and 5.4)."""
    typed = code_in_path(visit)
    if visit.visitor is None:
        return visit.go(f"/sign-in?{urlencode({'user_code': typed})}")
    context = visit.context
    user = str(visit.visitor.user.id)  # counted by user: others behind the same proxy are not locked out
    wait = context.user_codes.wait(user, now=context.clock())
    if wait > 0:
        return _show_blocked(visit, wait)
    app = context.database.read(lambda db: pending_client(db, typed, now=context.clock()))
    if app is None:
        context.user_codes.count(user, now=context.clock())
        return _unknown(visit)
    return visit.show("confirm", title="Is this your device?", app=app, typed=typed)


async def receive_decision(visit: PageRequest) -> Response:
    """Handle the user's decision."""
    context, typed, decision = visit.context, code_in_path(visit), visit.form.get("decision", "")
    if visit.visitor is None:
        return visit.go(f"/sign-in?{urlencode({'user_code': typed})}")
    if decision not in ("approve", "deny"):
        return message(visit, "No decision was made", "Go back and choose one of the two buttons.", 400)
    user = visit.visitor.user.id
    wait = context.user_codes.wait(str(user), now=context.clock())
    if wait > 0:
        return _show_blocked(visit, wait)
    done = context.database.write(
        lambda db: decide_on_page(db, typed, user=user, decision=decision, now=context.clock())
    )
    if not done:
        context.user_codes.count(str(user), now=context.clock())
        return _unknown(visit)
    return visit.go("/activate/done" if decision == "approve" else "/activate/denied")


async def show_done(visit: PageRequest) -> Response:
    """Show that the device is signed in."""
    text = "It will notice within a few seconds. You can close this window."
    return message(visit, "Your device is signed in", text, 200, kind="done")


async def show_denied(visit: PageRequest) -> Response:
    """Show that the device was denied."""
    text = "The device was not signed in. You can close this window."
    return message(visit, "Access denied", text, 200, kind="denied")


def code_in_path(visit: PageRequest) -> str:
    """Return the user code in the address."""
    return normalize_user_code(visit.path.removeprefix("/activate/"))[:USER_CODE_LENGTH]


def _show_blocked(visit: PageRequest, wait: float) -> Response:
    """Return the page for a user who has tried too many codes."""
    response = message(visit, "Too many wrong codes", f"Try again in {int(wait) + 1} seconds.", 429)
    response.headers["retry-after"] = str(int(wait) + 1)
    return response


def _unknown(visit: PageRequest) -> Response:
    text = "It has been used, has expired, or never existed. Start again on your device to get a new one."
    again = ("/activate", "Type another code")
    return message(visit, "This code does not work", text, 404, kind="unknown", onward=again)
