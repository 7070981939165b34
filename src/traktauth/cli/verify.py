"""What Trakt itself says of an access token: asked as it is, without renewing it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from traktauth.client.http import new_client, send
from traktauth.flow.effects import NoReply
from traktauth.models import find_service
from traktauth.protocol import API_VERSION
from traktauth.wire.messages import USER_AGENT, Request

if TYPE_CHECKING:
    from traktauth.client.settings import Settings
    from traktauth.models import Login, Token
    from traktauth.protocol import Service
    from traktauth.wire.messages import Reply

UNAUTHORIZED = 401
OK = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """Trakt's word on a token.

    Attributes:
        accepted: whether it was taken; None where Trakt could not be asked.
        username: whose it is, where the answer says.
        why: in words.
    """

    accepted: bool | None
    username: str | None
    why: str

    def document(self) -> dict[str, Any]:
        """Return what a program reads."""
        return asdict(self)


def verify(login: Login, token: Token, settings: Settings) -> Verdict:
    """Ask Trakt whether an access token is good; nothing is renewed and nothing is written."""
    service = service_of(login, settings)
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "trakt-api-version": API_VERSION,
        "trakt-api-key": login.client_id,
        "Authorization": f"Bearer {token.access_token}",
    }
    with new_client(keep=False) as client:
        reply = send(client, Request("GET", f"{service.api}/users/settings", headers))
    if isinstance(reply, NoReply):
        return Verdict(None, None, f"could not be asked: {reply.reason}")
    if reply.status == OK:
        return Verdict(accepted=True, username=_username(reply), why="the token is good")
    if reply.status == UNAUTHORIZED:
        return Verdict(accepted=False, username=None, why="the token is refused (401): revoked or expired there")
    return Verdict(None, None, f"gave no clear answer ({reply.status})")


def service_of(login: Login, settings: Settings) -> Service:
    """Return the service that a stored login belongs to: the settings' own where the realm is the same."""
    service = settings.find_service()
    return service if service.realm == login.realm else find_service(login.realm, insecure=settings.insecure)


def _username(reply: Reply) -> str | None:
    user = reply.document().get("user")
    name = user.get("username") if isinstance(user, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - whatever stood in the JSON
    return json.dumps(name, ensure_ascii=True)[1:-1] if isinstance(name, str) else None
