"""The authorization endpoint: evaluate a request for the user at the browser, and say where the browser goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from traktauth.protocol import OUT_OF_BAND
from traktauth.server.messages import HttpResponse, json_response, redirect
from traktauth.server.oauth.authorization import (
    AskToSignIn,
    AuthorizationResult,
    ConsentRequired,
    ErrorPage,
    RedirectToClient,
    evaluate,
)
from traktauth.server.oauth.redirect_uri import with_fragment, with_query
from traktauth.server.oauth.request import AuthorizationRequest

if TYPE_CHECKING:
    from traktauth.server.http.context import ServerContext
    from traktauth.server.storage.models import Client, Session, User
    from traktauth.server.storage.repositories import Repositories

NATIVE_PAGE = "/oauth/authorize/native"


class Visitor(NamedTuple):
    """The user at the browser, and the session."""

    session: Session
    user: User


class Evaluation(NamedTuple):
    """How a request ends.

    Attributes:
        result: how it ends.
        request: the request, with its scope.
        client: the client, if it is known.
    """

    result: AuthorizationResult
    request: AuthorizationRequest
    client: Client | None


def evaluate_query(
    context: ServerContext,
    db: Repositories,
    query: dict[str, str],
    visitor: Visitor | None,
    *,
    decision: str | None = None,
) -> Evaluation:
    """Return how an authorization request ends for a visitor."""
    session, user = visitor or (None, None)
    request = AuthorizationRequest(db, context.policy, context.clock(), query, session, user)
    result = evaluate(context.profile.authorize, request, decision=decision)
    return Evaluation(result, request, db.clients.by_client_id(request.client_id))


def client_url(context: ServerContext, result: RedirectToClient, *, native: bool) -> str | None:
    """Return the URL that a response to the client is sent to, None if it is shown on a page of this server.

    Trakt shows an out-of-band code on a page; the engine itself redirects the browser to the `urn:`.
    """
    if result.redirect_uri == OUT_OF_BAND and not native:
        code = result.parameters.get("code")
        return f"{context.policy.issuer}{NATIVE_PAGE}?{urlencode({'code': code})}" if code else None
    if result.mode == "form_post":
        return None
    return (with_fragment if result.mode == "fragment" else with_query)(result.redirect_uri, result.parameters)


def native_response(
    context: ServerContext, result: AuthorizationResult, query: dict[str, str], *, wants_json: bool
) -> HttpResponse:
    """Return the response of the engine's own path: a redirect, or JSON that names its target."""
    if isinstance(result, RedirectToClient):
        location = client_url(context, result, native=True) or ""
    elif isinstance(result, ErrorPage):
        location = f"{context.policy.issuer}/api/auth/error?" + urlencode(
            {"error": result.error, "error_description": result.description}
        )
    else:
        location = page_url(result, query)
    return json_response(200, {"redirect": True, "url": location}) if wants_json else redirect(location)


def page_url(result: AskToSignIn | ConsentRequired, query: dict[str, str]) -> str:
    """Return the path of the page where the user is asked, with the request in its query."""
    if isinstance(result, ConsentRequired):
        return f"/consent?{urlencode(query)}"
    return f"/{'sign-up' if result.new else 'sign-in'}?{urlencode(query)}"
