"""Trakt: *Authorize Application*: from an authorization request to a code, a page, or an error for the client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

from traktauth.server.oauth.request import AuthorizationRequest, Check, TokenPolicy, first_failed
from traktauth.server.storage.schema import Client, Session, User
from traktauth.server.tokens import digest, generate_token

Parameters = list[tuple[str, str]]


class ErrorPage(NamedTuple):
    """The request ends on a page of this server that says what is wrong."""

    error: str
    description: str


class RedirectToClient(NamedTuple):
    """The request ends at the client, with these parameters in the query, the fragment or a form."""

    redirect_uri: str
    parameters: dict[str, str]
    mode: str = "query"


class AskToSignIn(NamedTuple):
    """The user has to log in; `new`: preferably as a new user."""

    new: bool


class ConsentRequired(NamedTuple):
    """The user has to be asked for consent."""


AuthorizationResult = ErrorPage | RedirectToClient | AskToSignIn | ConsentRequired


@dataclass(frozen=True)
class AuthorizationRules:
    """How a profile answers authorization requests.

    Attributes:
        prepare: makes the additions that Trakt's own page makes to a query's parameters, before they are read.
        read: parses a query's parameters; may raise ValidationError.
        checks: the rules, in order.
        denied: error and description if the user denies.
        names_issuer: whether every response to the client names the issuer (RFC 9207).
        supports_response_mode: whether the parameter `response_mode` is read.
    """

    prepare: Callable[[Parameters, TokenPolicy], Parameters]
    read: Callable[[Parameters], dict[str, str]]
    checks: tuple[Check[AuthorizationRequest], ...]
    denied: tuple[str, str]
    names_issuer: bool
    supports_response_mode: bool


def evaluate(
    rules: AuthorizationRules, request: AuthorizationRequest, *, decision: str | None = None
) -> AuthorizationResult:
    """Return how a request ends; *decision* is what the user has just chosen on the consent page: approve or deny."""
    failed = first_failed(rules.checks, request)
    if failed is not None:
        if failed.status == HTTPStatus.FOUND:
            return redirect_to_client(rules, request, {"error": failed.error, "error_description": failed.description})
        return ErrorPage(failed.error, failed.description)
    user, session, client, db = request.user, request.session, request.client, request.db
    if user is None or session is None or request.prompts & {"login", "create"}:
        return _unless_silent(rules, request, AskToSignIn("create" in request.prompts), "login_required")
    if decision == "deny":
        error, description = rules.denied
        return redirect_to_client(rules, request, {"error": error, "error_description": description})
    if decision == "approve":
        db.consents.grant(client.id, user.id, scope=request.scope, now=request.now)
    elif "consent" in request.prompts or not _has_consent(request, client, user):
        return _unless_silent(rules, request, ConsentRequired(), "consent_required")
    elif client.trusted and db.consents.find(client=client.id, user_id=user.id) is None:
        # A consent that the user can see and revoke.
        db.consents.grant(client.id, user.id, scope=request.scope, now=request.now)
    return redirect_to_client(rules, request, {"code": _issue_code(request, client, user, session)})


def redirect_to_client(
    rules: AuthorizationRules, request: AuthorizationRequest, parameters: dict[str, str]
) -> RedirectToClient:
    """End at the client, with its state, and the issuer if the profile names it."""
    state = request.parameter("state")
    if state:
        parameters["state"] = state
    if rules.names_issuer:
        parameters["iss"] = request.policy.issuer
    mode = (request.parameter("response_mode").strip() or "query") if rules.supports_response_mode else "query"
    return RedirectToClient(request.parameter("redirect_uri"), parameters, mode)


def without_prompts(query: dict[str, str], *values: str) -> dict[str, str]:
    """Return a query whose `prompt` lacks *values*, which the user has seen to."""
    if "prompt" not in query:
        return query
    left = [value for value in query["prompt"].split() if value not in values]
    rest = {name: value for name, value in query.items() if name != "prompt"}
    return {**rest, "prompt": " ".join(left)} if left else rest


def _unless_silent(
    rules: AuthorizationRules, request: AuthorizationRequest, result: AuthorizationResult, error: str
) -> AuthorizationResult:
    """Ask the user, unless the client wants no pages (`prompt=none`)."""
    if "none" not in request.prompts:
        return result
    description = "authentication required" if error == "login_required" else "End-User consent is required"
    return redirect_to_client(rules, request, {"error": error, "error_description": description})


def _has_consent(request: AuthorizationRequest, client: Client, user: User) -> bool:
    if client.trusted:
        return True
    consent = request.db.consents.find(client=client.id, user_id=user.id)
    return consent is not None and set(request.scope.split()) <= set(consent.scope.split())


def _issue_code(request: AuthorizationRequest, client: Client, user: User, session: Session) -> str:
    code = generate_token()
    request.db.codes.add(
        hash=digest(code),
        client=client.id,
        user_id=user.id,
        session=session.id,
        redirect_uri=request.parameter("redirect_uri"),
        scope=request.scope,
        challenge=request.parameter("code_challenge"),
        method=request.parameter("code_challenge_method"),
        nonce=request.parameter("nonce"),
        expires=request.now + request.policy.lifetimes.code,
        spent=False,
    )
    return code
