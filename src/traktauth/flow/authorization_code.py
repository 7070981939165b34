"""What every sign-in with a browser shares: the page's address, and the exchange of the code (RFC 6749 section 4.1)."""

from __future__ import annotations

from functools import partial

from traktauth.errors import LoginRefused
from traktauth.flow.common import perform
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import Flow, NoResponse, Send, Shielded
from traktauth.flow.save_login import save_login
from traktauth.models import Token
from traktauth.wire.authorization import AuthorizationResponse, authorization_url, check_issuer, s256_challenge
from traktauth.wire.metadata import Metadata, build_metadata_request, parse_metadata
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
