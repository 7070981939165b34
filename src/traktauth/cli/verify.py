"""Check an access token at Trakt, without refreshing it."""

from __future__ import annotations

from contextlib import closing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from traktauth.client.http_clients import HttpClients
from traktauth.flow.effects import NoResponse
from traktauth.hints import LOGIN_COMMAND, REFRESH_COMMAND, Hint
from traktauth.models import find_service
from traktauth.values import value
from traktauth.wire.user_settings import parse_user, user_settings

if TYPE_CHECKING:
    from traktauth.client.settings import Settings
    from traktauth.models import LoginKey, Token, User
    from traktauth.protocol import Service


@value
class Verdict:
    """The result of checking a token at Trakt.

    Attributes:
        accepted: whether Trakt accepts the token; None if it could not be checked.
        user: the token's user; None if unknown.
        why: the result in words.
    """

    accepted: bool | None
    user: User | None
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return the members of the JSON output."""
        return {"accepted": self.accepted, "username": self.username, "why": self.why}

    @property
    def is_rejected(self) -> bool:
        """Whether Trakt rejects the token."""
        return self.accepted is False

    @property
    def username(self) -> str | None:
        """The name of the token's user; None if unknown."""
        return None if self.user is None else self.user.username


REJECTED_HINT = Hint("Refresh, or else sign in: ", REFRESH_COMMAND, " || ", LOGIN_COMMAND)
"""For a login whose access token Trakt rejects; only a refresh shows whether its refresh token has ended too."""


def verify(login: LoginKey, token: Token, settings: Settings) -> Verdict:
    """Ask Trakt whether it accepts an access token; nothing is refreshed and nothing is written."""
    service = service_of(login, settings)
    request = user_settings(service, client_id=login.client_id, access_token=token.access_token)
    with closing(HttpClients()) as clients:
        reply = clients.send(request)
    if isinstance(reply, NoResponse):
        return Verdict(None, None, f"could not be reached: {reply.reason}")
    if reply.status == HTTPStatus.OK:
        return Verdict(accepted=True, user=parse_user(reply), why="accepts the token")
    if reply.status == HTTPStatus.UNAUTHORIZED:
        return Verdict(accepted=False, user=None, why="rejects the token (401): it was revoked or has expired there")
    return Verdict(None, None, f"gave an unexpected response ({reply.status})")


def service_of(login: LoginKey, settings: Settings) -> Service:
    """Return the service of a stored login: the one of the settings if it has the same realm."""
    service = settings.find_service()
    return service if service.realm == login.realm else find_service(login.realm, insecure=settings.insecure)
