"""better-auth's own device endpoints, which issue a session token (measured on its device plugin, 1.6.33)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.engines.trakt_wire import rfc8628_members
from traktauth.server.messages import NO_STORE, HttpResponse, json_response
from traktauth.server.oauth.device import create_session, rfc8628_error, take_approved

if TYPE_CHECKING:
    from traktauth.server.oauth.device import DeviceAuthorization
    from traktauth.server.oauth.request import TokenRequest


def poll(request: TokenRequest) -> dict[str, Any]:
    """Return a session token for an approved code.

    Raises:
        OAuthError: the code is in any other state.
    """
    device, user = take_approved(request, rfc8628_error)
    request.db.device_codes.delete(device.id)  # as the engine does: Trakt's path does not know the code any more
    token = create_session(request, user)[1]
    lifetime = request.policy.lifetimes.session
    return {"access_token": token, "token_type": "Bearer", "expires_in": lifetime, "scope": device.scope}


def write_device_authorization(device: DeviceAuthorization) -> HttpResponse:
    """Write a device code with the members of RFC 8628 section 3.2."""
    return json_response(200, rfc8628_members(device), {"cache-control": "no-store"})


def write_session_token(members: dict[str, Any]) -> HttpResponse:
    """Write a session token."""
    return json_response(200, members, NO_STORE)
