"""Who has signed in: the user's name, read once and kept with the login."""

from __future__ import annotations

from http import HTTPStatus

from traktauth.errors import AppRejected, StoreFailed, TraktAuthError, UnexpectedReply
from traktauth.flow.common import perform
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import Apply, Flow, LogMessage, NoResponse, Send, Sleep
from traktauth.models import Token, User
from traktauth.models.changes import SetUser
from traktauth.wire.error_responses import error_from_response, is_edge_block_page
from traktauth.wire.messages import Response
from traktauth.wire.user_settings import build_settings_request, parse_user


def read_user(
    context: FlowContext, access_token: str, *, pauses: tuple[float, ...] = ()
) -> Flow[tuple[User, Response] | None]:
    """Return whose token it is, with the response that says so; None if the API rejects the token.

    Nothing is spent. Trakt: *Retrieve settings*.

    Args:
        context: of the login.
        access_token: the token.
        pauses: seconds to wait after each failure of the service; then it is asked again.

    Raises:
        AppRejected: the API does not know the app.
        TryLater: the API cannot be reached.
        UnexpectedReply: the response does not name a user.
    """
    request = build_settings_request(context.service, client_id=context.app.client_id, access_token=access_token)
    for pause in pauses:
        tried = yield from Send(request)
        if not isinstance(tried, NoResponse) and tried.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            response = tried
            break
        yield from Sleep(pause)
    else:
        response = yield from perform(request)
    if response.status == HTTPStatus.UNAUTHORIZED:
        return None
    if response.status == HTTPStatus.FORBIDDEN and not is_edge_block_page(response):
        raise AppRejected("Trakt's API refused the app's client id (403)", error="invalid_client")
    if response.status != HTTPStatus.OK:
        raise error_from_response(response, what="the user's settings")
    user = parse_user(response)
    if user is None:
        raise UnexpectedReply("Trakt's user settings name no user", status=response.status)
    return user, response


def with_user(context: FlowContext, sign_in: Flow[Token]) -> Flow[Token]:
    """Run a sign-in, then keep the user's name with the login; a failure to read it does not fail the sign-in."""
    token = yield from sign_in
    user = None
    try:
        found = yield from read_user(context, token.access_token)
        user = None if found is None else found[0]
    except TraktAuthError as error:
        yield from LogMessage(f"the user's name could not be read: {error.message}", event="user-unknown")
    yield from save_user(token, user)
    return token


def save_user(token: Token, user: User | None) -> Flow[None]:
    """Keep the user's name with a login that was saved; a store that fails now does not fail the sign-in."""
    try:
        yield from Apply(SetUser(token.generation, user))
    except StoreFailed as error:
        yield from LogMessage(f"the user's name could not be kept: {error.message}", event="user-unknown")
