"""Turn the code that a web application's callback received into the login of the user whose code it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

from traktauth.errors import AppRejected, LoginRefused, TraktAuthError, UnexpectedReply
from traktauth.flow.authorization_code import check_answer
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import CheckWritable, Flow, ForAccount, NoResponse, Send, Shielded, Sleep
from traktauth.flow.oauth_api import perform
from traktauth.flow.save_login import save_login
from traktauth.flow.user import save_user
from traktauth.models import Token, User
from traktauth.wire.authorization import AuthorizationResponse
from traktauth.wire.error_responses import error_from_response
from traktauth.wire.messages import Response
from traktauth.wire.token_endpoint import exchange_code, parse_token_response
from traktauth.wire.user_settings import parse_user, user_settings

_PAUSES = (0.5, 2.0)  # seconds before the user's settings are asked for again; the code cannot be used again


@dataclass(frozen=True, slots=True)
class WebUser:
    """Who has signed in.

    Attributes:
        account: the account that the login was saved under: the user's `ids.uuid`.
        username: as Trakt writes it now; the user may change it.
        settings: the whole response of `GET /users/settings`.
    """

    account: str
    username: str
    settings: dict[str, Any] = field(repr=False)


def check_before_exchange(context: FlowContext, answer: AuthorizationResponse) -> Flow[None]:
    """Check the issuer, and that the store can save: what fails here leaves the code unused.

    Raises:
        LoginRefused: another server answered than the one that was asked.
        StoreFailed: the store cannot save a token.
        TryLater: no request can be sent from here.
    """
    yield from check_answer(context, answer)
    yield from CheckWritable()


def exchange_for_user(
    context: FlowContext, code: str, *, redirect_uri: str, code_verifier: str | None
) -> Flow[WebUser]:
    """Exchange a code, ask whose it is, and save the login under the user's uuid.

    A login that the user has already is replaced, and nothing is revoked. The flow is not interrupted.

    Args:
        context: the context.
        code: what the callback received.
        redirect_uri: the address that the sign-in page was given.
        code_verifier: of the challenge that the sign-in page was given.

    Raises:
        LoginRefused: the code is wrong, used or expired.
        AppRejected: Trakt refused the app's secret or redirect address.
        TryLater: Trakt cannot be reached.
        StoreFailed: the store could not save the token.
        UnexpectedReply: Trakt did not say who the user is.
    """
    return (yield from Shielded(partial(_exchange, context, code, redirect_uri, code_verifier)))


def _exchange(context: FlowContext, code: str, redirect_uri: str, code_verifier: str | None) -> Flow[WebUser]:
    sent_at = context.clock()
    request = exchange_code(
        context.service,
        code=code,
        client_id=context.app.client_id,
        client_secret=context.app.client_secret,
        redirect_uri=redirect_uri,
        code_verifier=code_verifier,
    )
    token = parse_token_response((yield from perform(request)), sent_at=sent_at)
    user, settings = yield from _read_settings(context, token)
    if user.uuid is None:
        raise UnexpectedReply("Trakt gave no user.ids.uuid in the user's settings", status=HTTPStatus.OK)
    yield from ForAccount(user.uuid, partial(_keep, context, token, user))
    return WebUser(user.uuid, user.username, settings)


def _read_settings(context: FlowContext, token: Token) -> Flow[tuple[User, dict[str, Any]]]:
    """Ask whose token it is. Trakt: *Retrieve settings*."""
    request = user_settings(context.service, client_id=context.app.client_id, access_token=token.access_token)
    for pause in _PAUSES:
        response = yield from Send(request)
        if not isinstance(response, NoResponse) and response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            break
        yield from Sleep(pause)
    else:
        response = yield from perform(request)
    if response.status != HTTPStatus.OK:
        raise _settings_error(response)
    user = parse_user(response)
    if user is None:
        raise UnexpectedReply("Trakt's user settings name no user", status=response.status)
    return user, response.document()


def _settings_error(response: Response) -> TraktAuthError:
    if response.status == HTTPStatus.UNAUTHORIZED:
        return LoginRefused("Trakt's API rejected the new token", error="invalid_token")
    if response.status == HTTPStatus.FORBIDDEN and not response.body.lstrip().startswith(b"<!"):
        return AppRejected("Trakt's API refused the app's client id (403)", error="invalid_client")
    return error_from_response(response, what="the user's settings")


def _keep(context: FlowContext, token: Token, user: User) -> Flow[None]:
    saved = yield from save_login(context, token)
    yield from save_user(saved, user)
