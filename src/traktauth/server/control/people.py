"""Stand in for the person at the browser: authorize, answer a device code, sign out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from traktauth.server.authorization.wish import AtClient, ConsentFirst, Ending, OnPage
from traktauth.server.control.door import BadCall, text
from traktauth.server.devices.answering import answer_device
from traktauth.server.endpoints.authorize import Visitor, judged, location_of, own_page
from traktauth.server.refusals import Invalid
from traktauth.server.strings import fresh

if TYPE_CHECKING:
    from traktauth.server.realm import Realm
    from traktauth.server.storage.tables import Tables

OURS = frozenset(("username", "decision", "via"))
DECISIONS = ("approve", "deny")


async def authorize(realm: Realm, said: dict[str, Any]) -> dict[str, Any]:
    """Say where the browser would end: `location`, `code`, `state`, `status`.

    `via: native` takes the other members to the letter. Otherwise `response_type` is `code` where it is left out, save
    that a profile without a native address takes a request with an explicit decision to the letter, too.

    Raises:
        BadCall: `username` is missing, or a member is unknown.
    """
    username, decision, via = text(said, "username"), said.get("decision") or "approve", said.get("via")
    if decision not in DECISIONS or via not in (None, "shim", "native"):
        raise BadCall('"decision" must be approve or deny, "via" shim or native')
    parameters = {name: str(value) for name, value in said.items() if name not in OURS and value is not None}
    native = via == "native"
    if not native and (realm.profile.native_authorize or "decision" not in said):
        parameters.setdefault("response_type", "code")
    rules, pairs = realm.profile.authorize, list(parameters.items())
    try:
        query = rules.read(pairs if native else rules.prepare(pairs, realm.terms))
    except Invalid as error:
        return _told(None, 400, parameters) | {"message": error.message}
    query = without_prompts(query, "login", "create")

    def work(tables: Tables) -> Ending:
        visitor = signed_in(realm, tables, username)
        if decision == "deny":
            return judged(realm, tables, query, visitor, decision="deny").ending
        end = judged(realm, tables, query, visitor).ending
        if isinstance(end, ConsentFirst):
            query_again = without_prompts(query, "consent")
            return judged(realm, tables, query_again, visitor, decision="approve").ending
        return end

    return where(realm, await realm.storage.write(work), parameters, native=native)


def where(realm: Realm, end: Ending, parameters: dict[str, str], *, native: bool) -> dict[str, Any]:
    """Say where a browser is after an ending."""
    if isinstance(end, AtClient):
        location = location_of(realm, end, native=native)
        told = _told(location, 302 if location else 200, end.parameters)
        return told | {"code": end.parameters.get("code")}
    if isinstance(end, OnPage):
        return _told(None, 400, parameters) | {"error": end.error, "message": end.description}
    return _told(own_page(end, parameters), 302, parameters)


def signed_in(realm: Realm, tables: Tables, username: str) -> Visitor:
    """Sign a user in, made if there was none of that name."""
    now = realm.clock()
    person = tables.people.named_or_made(username, now=now)
    row = tables.people.sign_in(person.id, digest=fresh().hash, now=now, life=realm.terms.lives.session)
    session = tables.people.session(row)
    if session is None:
        raise RuntimeError("a session that was just begun is gone")
    return Visitor(session, person)


def without_prompts(query: dict[str, str], *words: str) -> dict[str, str]:
    """Take words out of `prompt`, once they have been heeded."""
    if "prompt" not in query:
        return query
    left = [word for word in query["prompt"].split() if word not in words]
    rest = {name: value for name, value in query.items() if name != "prompt"}
    return {**rest, "prompt": " ".join(left)} if left else rest


async def device(realm: Realm, said: dict[str, Any]) -> dict[str, Any]:
    """Answer a device code.

    Raises:
        BadCall: a member is missing, or no such code waits for an answer.
    """
    shown, username, decision = text(said, "user_code"), text(said, "username"), text(said, "decision")
    if decision not in DECISIONS:
        raise BadCall('"decision" must be approve or deny')

    def work(tables: Tables) -> bool:
        person = tables.people.named_or_made(username, now=realm.clock())
        return answer_device(tables, shown, person=person.id, decision=decision, now=realm.clock())

    if not await realm.storage.write(work):
        raise BadCall("no such code waits for an answer", status=404)
    return {"user_code": shown, "decision": decision}


async def sign_out(realm: Realm, said: object) -> dict[str, Any]:  # noqa: ARG001 - as every call is made
    """Sign everyone out on the web."""
    await realm.storage.write(lambda tables: tables.people.sign_everyone_out())
    return {}


def _told(location: str | None, status: int, parameters: dict[str, str]) -> dict[str, Any]:
    query = urlsplit(location).query if location else ""
    state = parse_qs(query).get("state", [None])[0] or parameters.get("state")
    return {"location": location, "code": None, "state": state, "status": status}
