"""Act as the user in a browser: authorize, answer a device code, sign out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from traktauth.server.control.call_body import ControlError, require_text
from traktauth.server.errors import ValidationError
from traktauth.server.http.authorize import Visitor, client_url, evaluate_query, page_url
from traktauth.server.oauth.authorization import (
    AuthorizationResult,
    ConsentRequired,
    ErrorPage,
    RedirectToClient,
    without_prompts,
)
from traktauth.server.oauth.device import decide
from traktauth.server.pages.connected import disconnect
from traktauth.server.tokens import generate_token

if TYPE_CHECKING:
    from traktauth.server.http.context import ServerContext
    from traktauth.server.storage.repositories import Repositories

OURS = frozenset(("username", "decision", "via"))
DECISIONS = ("approve", "deny")


async def authorize(context: ServerContext, members: dict[str, Any]) -> dict[str, Any]:
    """Return where the browser would end: `location`, `code`, `state`, `status`.

    `via: native` takes the other members to the letter. Otherwise `response_type` is `code` if it is left out, save
    that a profile without a native address takes a request with an explicit decision to the letter, too.

    Raises:
        ControlError: `username` is missing, or a member is unknown.
    """
    username = require_text(members, "username")
    decision, via = members.get("decision") or "approve", members.get("via")
    if decision not in DECISIONS or via not in (None, "shim", "native"):
        raise ControlError('"decision" must be approve or deny, "via" shim or native')
    parameters = {name: str(value) for name, value in members.items() if name not in OURS and value is not None}
    native = via == "native"
    if not native and (context.profile.native_authorize or "decision" not in members):
        parameters.setdefault("response_type", "code")
    rules, pairs = context.profile.authorize, list(parameters.items())
    try:
        query = rules.read(pairs if native else rules.prepare(pairs, context.policy))
    except ValidationError as error:
        return _result(None, 400, parameters) | {"message": error.message}
    query = without_prompts(query, "login", "create")

    def work(db: Repositories) -> AuthorizationResult:
        visitor = sign_user_in(context, db, username)
        if decision == "deny":
            return evaluate_query(context, db, query, visitor, decision="deny").result
        end = evaluate_query(context, db, query, visitor).result
        if isinstance(end, ConsentRequired):
            query_again = without_prompts(query, "consent")
            return evaluate_query(context, db, query_again, visitor, decision="approve").result
        return end

    end = context.database.write(work)
    if isinstance(end, RedirectToClient) and "code" in end.parameters:
        context.control_codes.append(end.parameters["code"])
    return authorization_result(context, end, parameters, native=native)


def authorization_result(
    context: ServerContext, end: AuthorizationResult, parameters: dict[str, str], *, native: bool
) -> dict[str, Any]:
    """Return where a browser is after an authorization request."""
    if isinstance(end, RedirectToClient):
        location = client_url(context, end, native=native)
        told = _result(location, 302 if location else 200, end.parameters)
        return told | {"code": end.parameters.get("code")}
    if isinstance(end, ErrorPage):
        return _result(None, 400, parameters) | {"error": end.error, "message": end.description}
    return _result(page_url(end, parameters), 302, parameters)


def sign_user_in(context: ServerContext, db: Repositories, username: str) -> Visitor:
    """Sign a user in, made if there was none of that name."""
    now = context.clock()
    user = db.users.get_or_create(username, now=now)
    session = db.users.create_session(user.id, generate_token(), now=now, lifetime=context.policy.lifetimes.session)
    return Visitor(session, user)


async def device(context: ServerContext, members: dict[str, Any]) -> dict[str, Any]:
    """Answer a device code.

    Raises:
        ControlError: a member is missing, or no such code waits for an answer.
    """
    shown, username, decision = (require_text(members, name) for name in ("user_code", "username", "decision"))
    if decision not in DECISIONS:
        raise ControlError('"decision" must be approve or deny')

    def work(db: Repositories) -> bool:
        user = db.users.get_or_create(username, now=context.clock())
        return decide(db, shown, user=user.id, decision=decision, now=context.clock())

    if not context.database.write(work):
        raise ControlError("no such code waits for an answer", status=404)
    return {"user_code": shown, "decision": decision}


async def sign_user_out(context: ServerContext, members: dict[str, Any]) -> dict[str, Any]:
    """End a user's sessions on the web.

    Raises:
        ControlError: the user is unknown.
    """
    username = require_text(members, "username")

    def work(db: Repositories) -> bool:
        user = db.users.by_username(username)
        if user is not None:
            db.users.sign_user_out(user.id)
        return user is not None

    if not context.database.write(work):
        raise ControlError(f"no user is called {username!r}", status=404)
    return {}


async def disconnect_user(context: ServerContext, members: dict[str, Any]) -> dict[str, Any]:
    """Disconnect every app from a user's account, as they do on the page of connected apps.

    Raises:
        ControlError: the user is unknown.
    """
    username = require_text(members, "username")

    def work(db: Repositories) -> bool:
        user = db.users.by_username(username)
        if user is None:
            return False
        for app in db.clients.all():
            disconnect(db, app.id, user.id)
        return True

    if not context.database.write(work):
        raise ControlError(f"no user is called {username!r}", status=404)
    return {}


async def sign_out(context: ServerContext, members: object) -> dict[str, Any]:  # noqa: ARG001 - as every call is made
    """Sign everyone out on the web."""
    context.database.write(lambda db: db.users.delete_all_sessions())
    return {}


def _result(location: str | None, status: int, parameters: dict[str, str]) -> dict[str, Any]:
    query = urlsplit(location).query if location else ""
    state = parse_qs(query).get("state", [None])[0] or parameters.get("state")
    return {"location": location, "code": None, "state": state, "status": status}
