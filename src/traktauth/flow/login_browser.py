"""Sign-in with a browser on this machine, which is redirected back to a loopback address (RFC 8252 section 7.3)."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from traktauth.errors import LoginRefused
from traktauth.flow.authorization_code import authorization_page, exchange_answer
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import AwaitRedirect, CheckWritable, Flow, LogMessage, ShowStep, WithLoopbackServer
from traktauth.models import Token
from traktauth.steps import OpenPage, StillWaiting
from traktauth.wire.authorization import AuthorizationResponse, parse_authorization_response

LOGIN_TIMEOUT = 900.0  # seconds that a user may take on Trakt's pages
_TICK = 1.0  # seconds between two `StillWaiting`


def login_browser(context: FlowContext, *, signup: bool | None = None) -> Flow[Token]:
    """Sign in with a browser on this machine, which is redirected back to a loopback address.

    Raises:
        LoginRefused: denied, expired, or answered by another server.
        AppRejected: Trakt refused the app's secret or redirect address.
        TryLater: Trakt cannot be reached.
        StoreFailed: the store cannot keep the token; seen before the user signs in.
    """
    yield from CheckWritable()
    return (yield from WithLoopbackServer(context.app.redirect_uri, partial(_redirect, context, signup=signup)))


def _redirect(context: FlowContext, redirect_uri: str, *, signup: bool | None) -> Flow[Token]:
    state, verifier = context.new_secret(), context.new_secret()
    if redirect_uri != context.app.redirect_uri:
        port = urlsplit(context.app.redirect_uri).port or 80
        text = f"port {port} is taken, so this sign-in uses {redirect_uri}"
        yield from LogMessage(text, event="port-taken", warning=True)
        yield from LogMessage(
            "if that address is refused: free the port, or sign in with a device code",
            event="port-taken",
            warning=True,
        )
    page = authorization_page(context, redirect_uri, signup=signup, state=state, verifier=verifier)
    yield from ShowStep(OpenPage(page, redirect_uri))
    end = context.monotonic() + LOGIN_TIMEOUT
    answer: AuthorizationResponse | LoginRefused | None = None
    while answer is None and (left := end - context.monotonic()) > 0:
        yield from ShowStep(StillWaiting(left))
        arrival: AwaitRedirect[AuthorizationResponse | LoginRefused] = AwaitRedirect(
            partial(parse_authorization_response, state=state), min(_TICK, left)
        )
        answer = yield from arrival
    if answer is None:
        raise LoginRefused(
            f"The sign-in was not completed within {LOGIN_TIMEOUT / 60:.0f} minutes",
            error="timeout",
        )
    return (yield from exchange_answer(context, answer, redirect_uri=redirect_uri, verifier=verifier))
