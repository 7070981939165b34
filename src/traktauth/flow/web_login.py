"""Turn the code that a web application's callback received into the login of the user whose code it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

from traktauth.errors import LoginRefused, UnexpectedReply
from traktauth.flow.authorization_code import check_answer, exchange_code
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import CheckWritable, Flow, ForAccount, Shielded
from traktauth.flow.save_login import save_login
from traktauth.flow.user import read_user, save_user
from traktauth.models import Token, User
from traktauth.wire.authorization import AuthorizationResponse

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
    token = yield from exchange_code(context, code, redirect_uri, code_verifier)
    found = yield from read_user(context, token.access_token, pauses=_PAUSES)
    if found is None:
        raise LoginRefused("Trakt's API rejected the new token", error="invalid_token")
    user, response = found
    if user.uuid is None:
        raise UnexpectedReply("Trakt gave no user.ids.uuid in the user's settings", status=HTTPStatus.OK)
    yield from ForAccount(user.uuid, partial(_keep, context, token, user))
    return WebUser(user.uuid, user.username, response.document())


def _keep(context: FlowContext, token: Token, user: User) -> Flow[None]:
    saved = yield from save_login(context, token)
    yield from save_user(saved, user)
