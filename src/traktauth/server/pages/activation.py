"""Activate a device: type the code, or open a link with it; confirm it; decide."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from traktauth.server.devices.answering import answer_on_page, asking_app
from traktauth.server.pages.visit import message
from traktauth.server.strings import USER_CODE_LENGTH, as_typed

if TYPE_CHECKING:
    from traktauth.server.http.answers import Answer
    from traktauth.server.pages.visit import Visit


async def show_entry(visit: Visit) -> Answer:
    """Ask for a code; one in the query goes to its own address."""
    typed = as_typed(visit.said.get("user_code", ""))
    if typed:
        return visit.go(f"/activate/{typed}")
    return visit.show("activate", title="Activate a device", fault="", typed="")


async def enter(visit: Visit) -> Answer:
    """Hear a typed code."""
    typed = as_typed(visit.form.get("user_code", ""))
    if len(typed) != USER_CODE_LENGTH:
        fault = f"A code has {USER_CODE_LENGTH} letters and digits."
        return visit.show("activate", status=400, title="Activate a device", fault=fault, typed=typed)
    return visit.go(f"/activate/{typed}")


async def confirm(visit: Visit) -> Answer:
    """Show which app asks, and the code once more, before anything is allowed (RFC 8628 sections 3.3.1 and 5.4)."""
    typed = code_in_path(visit)
    if visit.visitor is None:
        return visit.go(f"/sign-in?{urlencode({'user_code': typed})}")
    blocked = _blocked(visit)
    if blocked is not None:
        return blocked
    realm = visit.realm
    app = await realm.storage.read(lambda tables: asking_app(tables, typed, now=realm.clock()))
    if app is None:
        return _unknown(visit)
    shown = f"{typed[:4]}-{typed[4:]}"
    return visit.show("confirm", title="Is this your device?", app=app, shown=shown, typed=typed)


async def answer(visit: Visit) -> Answer:
    """Hear what the person decided."""
    realm, typed, decision = visit.realm, code_in_path(visit), visit.form.get("decision", "")
    if visit.visitor is None:
        return visit.go(f"/sign-in?{urlencode({'user_code': typed})}")
    blocked = _blocked(visit)
    if blocked is not None:
        return blocked
    if decision not in ("approve", "deny"):
        return message(visit, "Nothing was decided", "Go back and choose one of the two buttons.", 400)
    person = visit.visitor.person.id
    done = await realm.storage.write(
        lambda tables: answer_on_page(tables, typed, person=person, decision=decision, now=realm.clock())
    )
    if not done:
        return _unknown(visit)
    return visit.go("/activate/done" if decision == "approve" else "/activate/denied")


async def done(visit: Visit) -> Answer:
    """Say that the device is signed in."""
    return message(visit, "Your device is signed in", "It will notice within a few seconds.", 200, kind="done")


async def denied(visit: Visit) -> Answer:
    """Say that the device was not let in."""
    return message(visit, "You said no", "The device was not let in. You can close this window.", 200, kind="denied")


def code_in_path(visit: Visit) -> str:
    """Give the user code that stands in the address."""
    return as_typed(visit.heard.path.removeprefix("/activate/"))[:USER_CODE_LENGTH]


def _blocked(visit: Visit) -> Answer | None:
    """Make an address that has tried too many codes wait."""
    wait = visit.realm.user_codes.wait(visit.heard.client, now=visit.realm.clock())
    if wait <= 0:
        return None
    answer = message(visit, "Too many wrong codes", f"Try again in {int(wait) + 1} seconds.", 429)
    answer.headers["retry-after"] = str(int(wait) + 1)
    return answer


def _unknown(visit: Visit) -> Answer:
    visit.realm.user_codes.failed(visit.heard.client, now=visit.realm.clock())
    text = "It has been used, has expired, or never was. Start again on your device to get a new one."
    again = ("/activate", "Type another code")
    return message(visit, "This code does not work", text, 404, kind="unknown", onward=again)
