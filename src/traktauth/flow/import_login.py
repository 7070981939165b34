"""A token of another program becomes a login: whose it is, then the hand-over under the login's lock."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from traktauth.errors import AppRejected, LoginExists, UnexpectedReply
from traktauth.flow.adoption import is_login_usable
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import CheckWritable, Flow, Shielded
from traktauth.flow.oauth_api import perform
from traktauth.flow.save_login import save_login
from traktauth.flow.user import save_user
from traktauth.models import Record, Token, User
from traktauth.wire.error_responses import error_from_response
from traktauth.wire.user_settings import parse_user, user_settings


def read_user(context: FlowContext, access_token: str) -> Flow[User | None]:
    """Return whose token it is; None if the API rejects it. Trakt: *Retrieve settings*. Nothing is spent.

    Raises:
        AppRejected: the API does not know the app.
        TryLater: the API cannot be reached.
        UnexpectedReply: the response does not name a user.
    """
    request = user_settings(context.service, client_id=context.app.client_id, access_token=access_token)
    reply = yield from perform(request)
    if reply.status == HTTPStatus.UNAUTHORIZED:
        return None
    if reply.status == HTTPStatus.FORBIDDEN:
        raise AppRejected("Trakt's API refused the app's client id (403)", error="invalid_client")
    if reply.status != HTTPStatus.OK:
        raise error_from_response(reply, what="the user's settings")
    user = parse_user(reply)
    if user is None:
        raise UnexpectedReply("Trakt's user settings name no user", status=reply.status)
    return user


def import_login(
    context: FlowContext, token: Token, user: User | None, *, replace_login: bool, hand_over: Callable[[], None]
) -> Flow[Token]:
    """Save another program's token as this account's login; the flow is not interrupted.

    Args:
        context: the context.
        token: with its expiry.
        user: whose it is; None if that is not known.
        replace_login: take the place of a login that is still valid; that one is not revoked.
        hand_over: takes the refresh token away from the other program; called under the login's lock before the token
            is saved.

    Raises:
        LoginExists: a login is still valid, or can be refreshed.
        StoreFailed: the store cannot keep it.
    """
    yield from CheckWritable()
    return (yield from Shielded(partial(_import, context, token, user, replace_login, hand_over)))


def _import(
    context: FlowContext,
    token: Token,
    user: User | None,
    replace_login: bool,  # noqa: FBT001 - a flow's own argument
    hand_over: Callable[[], None],
) -> Flow[Token]:
    is_handed_over = False

    def check(record: Record) -> None:
        nonlocal is_handed_over
        if is_handed_over:
            return  # saving is tried again
        if not replace_login and record.token is not None and is_login_usable(record, context.clock()):
            raise LoginExists(
                f"The account has a login already (token {record.token.fingerprint})",
                hint="Import it as another account: --account NAME; or take its place: --replace",
            )
        hand_over()
        is_handed_over = True

    saved = yield from save_login(context, token, check=check)
    yield from save_user(saved, user)
    return saved
