"""How an authorization request ends: its checks, then the person's sign-in and consent, then a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from traktauth.server.authorization.wish import AtClient, ConsentFirst, Ending, OnPage, SignInFirst, Step, Wish
from traktauth.server.storage.records import Code
from traktauth.server.strings import fresh

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.authorization.reading import Pairs
    from traktauth.server.storage.records import App, Person, Session
    from traktauth.server.terms import Terms


@dataclass(frozen=True)
class Authorize:
    """How a profile answers authorization requests.

    Attributes:
        prepare: makes the additions that Trakt's own page makes to a query's parameters, before they are read.
        read: takes a query's parameters apart; may raise Invalid.
        steps: the rules, in order.
        denied: error code and sentence where the person says no.
        names_issuer: whether every answer to the client names the issuer (RFC 9207).
        modes: whether `response_mode` is heeded.
    """

    prepare: Callable[[Pairs, Terms], Pairs]
    read: Callable[[Pairs], dict[str, str]]
    steps: tuple[Step, ...]
    denied: tuple[str, str]
    names_issuer: bool
    modes: bool


def ending(rules: Authorize, wish: Wish, *, decision: str | None = None) -> Ending:
    """Say how a request ends.

    Args:
        rules: the profile's.
        wish: the request.
        decision: `approve` or `deny`, where the person has just said so on the consent page.
    """
    for step in rules.steps:
        if not step.holds(wish):
            description = step.description.replace("{}", wish.detail)
            if step.at_client:
                return at_client(rules, wish, {"error": step.error, "error_description": description})
            return OnPage(step.error, description)
    person, session, app = wish.person, wish.session, wish.app
    if person is None or session is None or app is None or wish.prompts & {"login", "create"}:
        return _refused_unless_asked(rules, wish, SignInFirst("create" in wish.prompts), "login_required")
    if decision == "deny":
        error, description = rules.denied
        return at_client(rules, wish, {"error": error, "error_description": description})
    if decision == "approve":
        wish.tables.apps.allow(app.id, person.id, scope=wish.scope, now=wish.now)
    elif "consent" in wish.prompts or not _has_consent(wish, app, person):
        return _refused_unless_asked(rules, wish, ConsentFirst(), "consent_required")
    elif app.trusted and wish.tables.apps.consent(app.id, person.id) is None:
        wish.tables.apps.allow(app.id, person.id, scope=wish.scope, now=wish.now)  # so that it can be seen and revoked
    return at_client(rules, wish, {"code": _code(wish, app, person, session)})


def at_client(rules: Authorize, wish: Wish, parameters: dict[str, str]) -> AtClient:
    """End at the client, with its state echoed and the issuer named where the profile does so."""
    if wish.asked("state"):
        parameters["state"] = wish.asked("state")
    if rules.names_issuer:
        parameters["iss"] = wish.terms.issuer
    mode = (wish.asked("response_mode").strip() or "query") if rules.modes else "query"
    return AtClient(wish.asked("redirect_uri"), parameters, mode)


def _refused_unless_asked(rules: Authorize, wish: Wish, first: Ending, error: str) -> Ending:
    """Turn to the person, unless the client asked for no pages (`prompt=none`)."""
    if "none" not in wish.prompts:
        return first
    sentence = "authentication required" if error == "login_required" else "End-User consent is required"
    return at_client(rules, wish, {"error": error, "error_description": sentence})


def _has_consent(wish: Wish, app: App, person: Person) -> bool:
    if app.trusted:
        return True
    consent = wish.tables.apps.consent(app.id, person.id)
    return consent is not None and set(wish.scope.split()) <= set(consent.scope.split())


def _code(wish: Wish, app: App, person: Person, session: Session) -> str:
    secret = fresh()
    code = Code(
        0, secret.hash, app.id, person.id, session.id, wish.asked("redirect_uri"), wish.scope,
        wish.asked("code_challenge"), wish.asked("code_challenge_method"), wish.asked("nonce"),
        wish.now + wish.terms.lives.code, spent=False, pair=None,
    )  # fmt: skip
    return secret.carried(wish.tables.codes.add(code))
