"""The request that tells whose token it is, and whether the API knows an app. Trakt: *Retrieve settings*."""

from __future__ import annotations

from typing import Any, TypeGuard, cast

from traktauth.models import User
from traktauth.protocol import USER_SETTINGS, Service
from traktauth.wire.messages import USER_AGENT, Request, Response, api_headers

_MAX_NAME = 200  # characters


def build_settings_request(service: Service, *, client_id: str, access_token: str | None = None) -> Request:
    """Build a request; without an access token it only shows whether the API knows the app."""
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        **api_headers(client_id),
    }
    if access_token is not None:
        headers["Authorization"] = f"Bearer {access_token}"
    return Request("GET", f"{service.api}{USER_SETTINGS}", headers)


def parse_user(response: Response) -> User | None:
    """Return the user that a 200 names; None if it names none in a way that can be shown."""
    user: Any = response.document().get("user")
    if not isinstance(user, dict):
        return None
    members = cast("dict[str, Any]", user)
    username, ids = members.get("username"), members.get("ids")
    uuid = cast("dict[str, Any]", ids).get("uuid") if isinstance(ids, dict) else None
    if not _is_name(username):
        return None
    return User(username, uuid if _is_name(uuid) else None)


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _MAX_NAME and value.isprintable()
