"""The wire format of Trakt's documented paths, which both engines share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from traktauth.server.errors import OAuthError
from traktauth.server.messages import NO_STORE, Pairs, drop_none, json_response
from traktauth.server.oauth.authorization import Parameters
from traktauth.server.oauth.device import DeviceAuthorization
from traktauth.server.oauth.request import TokenPolicy
from traktauth.server.tokens import IssuedTokens

JSON_UTF8 = {"content-type": "application/json; charset=utf-8"}
HEADERS = {**NO_STORE, **JSON_UTF8}


class NotAString(Exception):
    """The parameter *name* has a list or an object as its value."""

    def __init__(self, name: str, value: object) -> None:
        super().__init__(name)
        self.name, self.value = name, value


def string_parameters(members: Pairs, known: frozenset[str]) -> dict[str, str]:
    """Return members as strings, without those that are null; raise NotAString for another value of a known one."""
    parameters: dict[str, str] = {}
    for name, value in members:
        if type(value) is str:  # which nearly all are
            parameters[name] = value
        elif isinstance(value, bool):
            parameters[name] = str(value).lower()
        elif isinstance(value, (int, float)):
            parameters[name] = str(value)
        elif value is not None and name in known:
            raise NotAString(name, value)
    return parameters


def write_members(members: Mapping[str, Any]) -> Response:
    """Write members as JSON that no cache keeps."""
    return json_response(200, members, HEADERS)


def write_tokens(issued: IssuedTokens, token_type: str) -> Response:
    """Write tokens with the members that Trakt documents (*Exchange code for access_token*)."""
    members: dict[str, Any] = {
        "access_token": issued.access_token,
        "token_type": token_type,
        "expires_in": issued.expires_in,
        "refresh_token": issued.refresh_token,
        "scope": issued.scope,
        "created_at": issued.created_at,
    }
    return write_members(members if issued.refresh_token else drop_none(members))


def write_device_authorization(device: DeviceAuthorization) -> Response:
    """Write a device code with the members that Trakt documents."""
    return write_members(trakt_members(device))


def trakt_members(device: DeviceAuthorization) -> dict[str, Any]:
    """Return a device code as Trakt documents it."""
    return {
        "device_code": device.device_code,
        "user_code": device.user_code,
        "verification_url": device.verification_uri,
        "expires_in": device.expires_in,
        "interval": device.interval,
    }


def rfc8628_members(device: DeviceAuthorization) -> dict[str, Any]:
    """Return a device code as RFC 8628 section 3.2 has it."""
    return {
        "device_code": device.device_code,
        "user_code": device.user_code,
        "verification_uri": device.verification_uri,
        "verification_uri_complete": f"{device.verification_uri}?user_code={device.user_code}",
        "expires_in": device.expires_in,
        "interval": device.interval,
    }


def prefer_sign_up(pairs: Parameters, _policy: TokenPolicy) -> Parameters:
    """Turn `signup=true` into a prompt for a new user."""
    sent = dict(pairs)
    if sent.get("signup") != "true" or sent.get("prompt"):
        return pairs
    return [pair for pair in pairs if pair[0] != "prompt"] + [("prompt", "create")]


def challenge(error: OAuthError, realm: str = "Doorkeeper") -> str:
    """Return the WWW-Authenticate field of an error."""
    return f'Bearer realm="{realm}", error="{error.error}", error_description="{error.description}"'
