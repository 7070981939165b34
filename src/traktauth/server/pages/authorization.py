"""Authorization requests at the browser: start, consent, the out-of-band code, and what goes wrong."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

from starlette.responses import Response

from traktauth.display import escape, shorten
from traktauth.protocol import OUT_OF_BAND
from traktauth.server.errors import ValidationError
from traktauth.server.http.context import ServerContext
from traktauth.server.messages import json_response, parse_form, redirect
from traktauth.server.oauth.authorization import (
    AskToSignIn,
    AuthorizationResult,
    ConsentRequired,
    ErrorPage,
    RedirectToClient,
    evaluate,
    without_prompts,
)
from traktauth.server.oauth.redirect_uri import host_of, is_registered, with_fragment, with_query
from traktauth.server.oauth.request import AuthorizationRequest
from traktauth.server.pages.page_request import PageRequest, Visitor, message
from traktauth.server.storage.repositories import Repositories
from traktauth.server.storage.schema import Client

Compared = list[tuple[str, list[str]]]

NATIVE_PAGE = "/oauth/authorize/native"
UNKNOWN_ERROR = "an error that this server does not know"
UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
PERMISSIONS = {
    "public": "See your public profile, and read and write your history, ratings, lists and collection",
    "openid": "Know who you are",
    "profile": "See your name",
    "email": "See your e-mail address",
    "offline_access": "Stay signed in until you revoke it",
}
MAX_FIELDS_SHOWN = 8
"""Apps or addresses that are listed."""
NOTHING = "nothing"


class Evaluation(NamedTuple):
    """How a request ends, the request with its scope, and its client if that is known."""

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
    request = AuthorizationRequest(
        db, context.policy, context.clock(), query, query.get("client_id", ""), session, user
    )
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
) -> Response:
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


async def authorize(visit: PageRequest) -> Response:
    """Handle Trakt's *Authorize Application* at Trakt's own address; errors are shown on a page."""
    return await end_request(visit, visit.context.profile.authorize.prepare(visit.query, visit.context.policy))


async def authorize_natively(visit: PageRequest) -> Response:
    """Handle the request at the engine's own address, as the engine does."""
    context, headers = visit.context, visit.request.headers
    try:
        query = context.profile.authorize.read(parse_form(visit.request.scope["query_string"]))
    except ValidationError as error:
        return json_response(error.status, {"message": error.message, "code": error.code})
    end = (context.database.write(lambda db: evaluate_query(context, db, query, visit.visitor))).result
    wants_json = "application/json" in headers.get("accept", "") or headers.get("sec-fetch-mode") == "cors"
    return native_response(context, end, query, wants_json=wants_json)


async def consent(visit: PageRequest) -> Response:
    """Continue a request after the sign-in; show the consent page if the user must be asked.

    The address can be opened by anyone with any query, so it is read as strictly as the one that a client sends.
    """
    return await end_request(visit, visit.query)


async def decide(visit: PageRequest) -> Response:
    """Handle the user's decision."""
    decision = visit.form.get("decision", "")
    if decision not in ("approve", "deny"):
        return message(visit, "No decision was made", "Go back and choose one of the two buttons.", 400)
    return await end_request(visit, visit.query, decision=decision)


async def end_request(visit: PageRequest, query: list[tuple[str, str]], *, decision: str | None = None) -> Response:
    """Send the browser where a request ends; with a decision, the prompt for it is answered."""
    context = visit.context
    try:
        parameters = context.profile.authorize.read(query)
    except ValidationError as error:
        return await wrong(visit, error.message)
    if decision is not None:
        parameters = without_prompts(parameters, "consent")
    outcome = context.database.write(
        lambda db: evaluate_query(context, db, parameters, visit.visitor, decision=decision)
    )
    end = outcome.result
    if isinstance(end, ErrorPage):
        return await wrong(visit, end.description)
    if isinstance(end, RedirectToClient):
        return await _at_client(visit, end, after_form=decision is not None)
    if isinstance(end, ConsentRequired) and visit.path == "/consent":
        return _ask(visit, outcome)
    return redirect(page_url(end, parameters))


async def show_code(visit: PageRequest) -> Response:
    """Show an out-of-band code that this session or the control API got; another could come from an attacker."""
    sent, session = visit.query_parameters.get("code", ""), visit.session_number
    code = visit.context.database.write(lambda db: db.codes.by_token(sent))
    ours = code is not None and (sent in visit.context.control_codes or (session and code.session == session))
    if not ours or code is None or code.spent:
        return message(visit, "This code does not exist", "Start again at the app that sent you here.", 400)
    return visit.show("code", title="Your code", code=sent, life=format_duration(visit.context.policy.lifetimes.code))


async def show_error(visit: PageRequest) -> Response:
    """Show what is wrong with a request at the engine's own address, only in the server's words."""
    error, description = visit.query_parameters.get("error", ""), visit.query_parameters.get("error_description", "")
    rules = visit.context.profile.authorize.checks
    if any((step.error, step.description) == (error, description) for step in rules):
        return await wrong(visit, description, is_request=False)
    known = any(step.error == error for step in rules)
    return await wrong(visit, error if known else UNKNOWN_ERROR, is_request=False)


async def wrong(visit: PageRequest, why: str, *, is_request: bool = True) -> Response:
    """Show why a request cannot be served; never redirect, as the address may be an attacker's.

    On loopback, where the app's developer looks at the page, what came is shown beside what is registered, if the query
    is that of the authorization request itself (*is_request*).
    """
    shows = is_request and visit.context.settings.loopback
    compared, advice = await compare(visit) if shows else ([], "")
    title = "This sign-in cannot continue"
    return visit.show("wrong", status=400, title=title, why=why, compared=compared, advice=advice)


def _ask(visit: PageRequest, outcome: Evaluation) -> Response:
    request = outcome.request
    redirect = request.parameter("redirect_uri")
    return visit.show(
        "consent",
        leads_to=redirect,
        title="Allow this app?",
        app=outcome.client,
        permissions=[PERMISSIONS[word] for word in request.scope.split() if word in PERMISSIONS],
        host=host_of(redirect),
        out_of_band=redirect == OUT_OF_BAND,
    )


async def _at_client(visit: PageRequest, end: RedirectToClient, *, after_form: bool) -> Response:
    location = client_url(visit.context, end, native=False)
    if location is not None:
        return redirect(location, 303 if after_form else 302)
    if end.mode == "form_post":
        return visit.show("form_post", leads_to=end.redirect_uri, title="Back to the app", end=end)
    if end.parameters.get("error") == "access_denied":
        text = "The app gets no access to your account. You can close this window."
        return message(visit, "Access denied", text, 200, kind="denied")
    return await wrong(visit, end.parameters.get("error_description", ""))


def format_duration(seconds: int) -> str:
    """Return a duration in the largest unit without a remainder: `ten minutes`, `90 seconds`."""
    unit, size = next((unit, size) for unit, size in UNITS if seconds % size == 0)
    count = seconds // size
    number = NUMBERS[count - 1] if 0 < count <= len(NUMBERS) else str(count)
    return f"{number} {unit}{'' if count == 1 else 's'}"


async def compare(visit: PageRequest) -> tuple[Compared, str]:
    """Compare an authorization request with what is registered: names with values, and advice in one sentence."""
    apps = visit.context.database.read(lambda db: db.clients.all())
    named, redirects = _values(visit, "client_id"), _values(visit, "redirect_uri")
    app = next((app for app in apps if named == [app.client_id]), None)
    if app is None:
        registered = _list_values([f"{app.client_id} ({app.name})" for app in apps])
        advice = "Send the client id of one of these apps, or register yours under Your apps."
        return [("client_id that came", _escape_values(named)), ("Registered apps", registered)], advice
    if app.disabled:
        return [("client_id that came", _escape_values(named))], "This app is disabled on this server."
    if len(redirects) != 1 or not is_registered(redirects[0], app.redirects):
        came = ("redirect_uri that came", _escape_values(redirects))
        advice = (
            "Send one of the registered addresses, character for character, or register yours in the app's settings."
        )
        return [came, (f"Registered for {app.name}", _list_values(app.redirects))], advice
    return _others(visit, app)


def _others(visit: PageRequest, app: Client) -> tuple[Compared, str]:
    """Show the rest of a request whose app and address are right; what was made for this request alone stays out."""
    others = [f"{name}={value}" for name, value in visit.query if name not in ("client_id", "redirect_uri", "state")]
    return [("Besides, this came", _escape_values(others))], f"{app.name} and its redirect address are registered."


def _values(visit: PageRequest, name: str) -> list[str]:
    return [value for known, value in visit.query if known == name and value]


def _escape_values(values: list[str]) -> list[str]:
    return [shorten(escape(value)) for value in values[:MAX_FIELDS_SHOWN]] or [NOTHING]


def _list_values(values: list[str]) -> list[str]:
    more = len(values) - MAX_FIELDS_SHOWN
    return _escape_values(values) + ([f"and {more} more"] if more > 0 else [])
