"""The authorization code grant (RFC 6749 section 4.1): with a browser on this machine, or with a pasted code."""

from __future__ import annotations

import re
from functools import partial
from urllib.parse import urlsplit

from traktauth.errors import LoginRefused
from traktauth.flow.common import perform
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import (
    AwaitRedirect,
    CheckWritable,
    Flow,
    LogMessage,
    NoResponse,
    PromptUser,
    Send,
    Shielded,
    ShowStep,
    WithLoopbackServer,
)
from traktauth.flow.save_login import save_login
from traktauth.models import Token
from traktauth.steps import OpenPage, PasteCode, StillWaiting
from traktauth.wire.authorization import (
    AuthorizationResponse,
    Metadata,
    authorization_url,
    build_metadata_request,
    check_issuer,
    parse_authorization_response,
    parse_metadata,
    s256_challenge,
)
from traktauth.wire.token_endpoint import build_code_request, parse_token_response


def authorization_page(
    context: FlowContext, redirect_uri: str, *, signup: bool | None, state: str, verifier: str
) -> str:
    """Return the address of Trakt's page on which the user signs in."""
    return authorization_url(
        context.service,
        client_id=context.app.client_id,
        redirect_uri=redirect_uri,
        state=state,
        signup=signup,
        code_challenge=s256_challenge(verifier),
    )


def exchange_answer(
    context: FlowContext, answer: AuthorizationResponse | LoginRefused, *, redirect_uri: str, verifier: str
) -> Flow[Token]:
    """Exchange the answer's code for a token, and save it. A code works once, and any failed exchange may end it.

    Raises:
        LoginRefused: the answer is an error, or another server gave it.
        AppRejected: Trakt refused the app's secret or redirect address.
        TryLater: Trakt cannot be reached.
        StoreFailed: the store did not keep the token.
    """
    if isinstance(answer, LoginRefused):
        raise answer
    if not answer.bare:
        yield from check_answer(context, answer)
    # Ctrl-C from here on would throw away a sign-in that the user has finished.
    return (yield from Shielded(partial(_exchange_and_save, context, answer.code, redirect_uri, verifier)))


def check_answer(context: FlowContext, answer: AuthorizationResponse) -> Flow[None]:
    """Check that the server that was asked has answered (RFC 9207), so that its code is not sent to another.

    Raises:
        LoginRefused: another server answered, or none is named although the service's metadata promises it.
    """
    known = Metadata()
    if context.service.issuer is not None:  # a base address: it may describe itself
        response = yield from Send(build_metadata_request(context.service))
        known = known if isinstance(response, NoResponse) else parse_metadata(response)
    check_issuer(answer.iss, service=context.service, required=known.names_issuer, issuer=known.issuer)


def exchange_code(context: FlowContext, code: str, redirect_uri: str, verifier: str | None) -> Flow[Token]:
    """Exchange a code for a token, which is not saved.

    Raises:
        LoginRefused: the code is wrong, used or expired.
        AppRejected: Trakt refused the app's secret or redirect address.
        TryLater: Trakt cannot be reached.
    """
    request = build_code_request(context.service, context.app, code, redirect_uri=redirect_uri, code_verifier=verifier)
    sent_at = context.clock()
    return parse_token_response((yield from perform(request)), sent_at=sent_at)


def _exchange_and_save(context: FlowContext, code: str, redirect_uri: str, verifier: str) -> Flow[Token]:
    token = yield from exchange_code(context, code, redirect_uri, verifier)
    return (yield from save_login(context, token))


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


_PASTES = 4  # how often a user may paste
_CODE = re.compile(r"[A-Za-z0-9._~+-]{8,4096}")  # Trakt's shortest code is a PIN of eight characters


def login_paste(context: FlowContext, *, signup: bool | None = None) -> Flow[Token]:
    """Sign in with a browser anywhere; the user pastes the code, or the whole address where the browser ended.

    Raises:
        LoginRefused: denied, or nothing that was pasted was a code, or an address of this sign-in.
        AppRejected: Trakt refused the app's secret or redirect address.
        TryLater: Trakt cannot be reached.
        StoreFailed: the store cannot keep the token; seen before the user signs in.
    """
    yield from CheckWritable()
    redirect_uri = context.app.redirect_uri
    state, verifier = context.new_secret(), context.new_secret()
    page = authorization_page(context, redirect_uri, signup=signup, state=state, verifier=verifier)
    problem = ""
    for _ in range(_PASTES):
        pasted = (yield from PromptUser(PasteCode(page, redirect_uri, problem))).strip()
        answer = _read_pasted(pasted, state, page)
        if not isinstance(answer, str):
            return (yield from exchange_answer(context, answer, redirect_uri=redirect_uri, verifier=verifier))
        problem = answer
    raise LoginRefused(problem, error="paste")


def _read_pasted(pasted: str, state: str, page: str) -> AuthorizationResponse | LoginRefused | str:
    """Read a bare code, which brings no state to check, or an address, whose state must be ours.

    Returns:
        The answer, the error to raise, or why what was pasted is neither.
    """
    if not pasted:
        return "Nothing was pasted"
    if _CODE.fullmatch(pasted):
        return AuthorizationResponse(pasted, bare=True)
    if not any(sign in pasted for sign in "?=:/"):
        return "What was pasted is neither a code nor an address"
    if pasted.partition("?")[0] == page.partition("?")[0]:
        return "What was pasted is the address of the sign-in page, not the one where the browser ends"
    return (
        parse_authorization_response(pasted, state=state)
        or "The pasted address belongs to another sign-in, or has no code"
    )
