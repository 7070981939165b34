"""Who has signed in: the user's name, read once and kept with the login."""

from __future__ import annotations

from http import HTTPStatus

from traktauth.errors import StoreFailed
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import Apply, Flow, LogMessage, NoResponse, Send
from traktauth.models import Token, User
from traktauth.models.changes import SetUser
from traktauth.wire.user_settings import parse_user, user_settings


def with_user(context: FlowContext, sign_in: Flow[Token]) -> Flow[Token]:
    """Run a sign-in, then keep the user's name with the login; a failure to read it does not fail the sign-in.

    Trakt: *Retrieve settings*.
    """
    token = yield from sign_in
    request = user_settings(context.service, client_id=context.app.client_id, access_token=token.access_token)
    response = yield from Send(request)
    if isinstance(response, NoResponse):
        yield from LogMessage(f"the user's name could not be read: {response.reason}", event="user-unknown")
        user = None
    else:
        user = parse_user(response) if response.status == HTTPStatus.OK else None
    yield from save_user(token, user)
    return token


def save_user(token: Token, user: User | None) -> Flow[None]:
    """Keep the user's name with a login that was saved; a store that fails now does not fail the sign-in."""
    try:
        yield from Apply(SetUser(token.generation, user))
    except StoreFailed as error:
        yield from LogMessage(f"the user's name could not be kept: {error.message}", event="user-unknown")
