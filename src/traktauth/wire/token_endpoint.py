"""The token and revocation endpoints: exchange a code, refresh, revoke (RFC 7009); and read the responses."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any, TypeGuard, cast

from traktauth.errors import UnexpectedReply
from traktauth.models import App, Token
from traktauth.protocol import AUTHORIZATION_CODE, REFRESH_TOKEN, REVOKE, TOKEN, Service
from traktauth.wire.error_responses import error_code, error_from_response
from traktauth.wire.messages import Request, Response, post_json

# RFC 6749 says 200; some proxies turn it into a 201, or a 203 (RFC 9110: changed by a proxy). A whole token is a token.
GRANTED = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NON_AUTHORITATIVE_INFORMATION})
LATEST_TIME = 253_402_300_800  # Unix seconds of the year 10000, which no calendar of ours reaches
MAX_LIFE = 10 * 365 * 86400
# For a response without a lifetime that can be read, an hour is assumed; a 401 corrects it. Refusing such a response
# would lose a login whose refresh token has just been spent.
ASSUMED_LIFE = 3600
_TOKEN_RESPONSE = (
    'it must be {"access_token": "...", "refresh_token": "...", "expires_in": SECONDS, "created_at": UNIX_SECONDS}, or '
    'with "expires_at" in place of the last two'
)
_VISIBLE = re.compile("[!-~]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


def build_code_request(
    service: Service, app: App, code: str, *, redirect_uri: str, code_verifier: str | None = None
) -> Request:
    """Build a request. Trakt: *Exchange code for access_token*."""
    return post_json(
        service.token + TOKEN,
        code=code,
        client_id=app.client_id,
        client_secret=app.client_secret,
        redirect_uri=redirect_uri,
        grant_type=AUTHORIZATION_CODE,
        code_verifier=code_verifier,
    )


def build_refresh_request(service: Service, app: App, refresh_token: str) -> Request:
    """Build a request. Trakt: *Exchange refresh_token for access_token*.

    No `scope` is ever sent: Trakt's present engine then issues a token that cannot be refreshed again.
    """
    return post_json(
        service.token + TOKEN,
        refresh_token=refresh_token,
        client_id=app.client_id,
        client_secret=app.client_secret,
        redirect_uri=app.redirect_uri,
        grant_type=REFRESH_TOKEN,
    )


def parse_token_response(response: Response, *, sent_at: float, what: str = "a token") -> Token:
    """Parse the token in a response, in every variant that Trakt's engines are known for.

    Args:
        response: to an exchange, a refresh or a poll.
        sent_at: Unix seconds just before the request was sent.
        what: was asked for, for the error's sentence.

    Raises:
        TraktAuthError: by what the caller does next, if the response grants nothing.
    """
    if response.status not in GRANTED:
        raise error_from_response(response, what=what)
    document = response.document()
    access_token = document.get("access_token")
    if not _is_token(access_token):
        raise UnexpectedReply(f"Trakt's answer to a request for {what} holds no access token", status=response.status)
    life = _life(document.get("expires_in"))
    return Token(
        access_token=access_token,
        refresh_token=_text(document.get("refresh_token"), "") or None,  # it travels in JSON, so any text will do
        token_type=_text(document.get("token_type"), "bearer"),
        expires_in=life,
        created_at=_time(document.get("created_at")),
        expires_at=round(sent_at + life, 3),
        scope=_text(document.get("scope"), ""),
    )


def parse_token(text: str) -> Token:
    """Read a token from the JSON of a token response, as a program has saved it.

    The expiry is `expires_at` (Unix seconds), or `created_at` plus `expires_in`.

    Raises:
        ValueError: it is not a token response, or has no expiry; the message does not repeat it.
    """
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise ValueError(f"The token response is not a JSON object; {_TOKEN_RESPONSE}")  # noqa: TRY004 - the text is
    members = cast("dict[str, Any]", document)
    access_token = members.get("access_token")
    if not _is_token(access_token):
        raise ValueError(f"The token response has no access_token; {_TOKEN_RESPONSE}")
    created_at = _time(members.get("created_at"))
    expires_in = _life(members["expires_in"]) if _is_time(members.get("expires_in")) else 0
    expires_at = members.get("expires_at")
    if not _is_time(expires_at):
        if created_at is None or expires_in <= 0:
            raise ValueError(f"The token response has no expiry; {_TOKEN_RESPONSE}")
        expires_at = created_at + expires_in
    return Token(
        access_token=access_token,
        refresh_token=_text(members.get("refresh_token"), "") or None,
        token_type=_text(members.get("token_type"), "bearer"),
        expires_in=expires_in,
        created_at=created_at,
        expires_at=float(expires_at),
        scope=_text(members.get("scope"), ""),
    )


def _is_time(value: object) -> TypeGuard[int | float]:
    """Return whether a value is a positive number of seconds."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < LATEST_TIME


def _is_token(value: object) -> TypeGuard[str]:
    """Return whether a value can stand in a header field as it is."""
    return isinstance(value, str) and _VISIBLE.fullmatch(value) is not None


def _life(value: object) -> int:
    """Return a life in seconds; engines and proxies have sent it as a number, as text, or not at all."""
    try:
        seconds = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1.0
    except (ValueError, OverflowError):
        seconds = float(MAX_LIFE) if isinstance(value, int) and value > 0 else -1.0
    return int(min(seconds, MAX_LIFE)) if seconds >= 0 else ASSUMED_LIFE


def _time(value: object) -> int | None:
    """Return a time in Unix seconds; None for what cannot be one, as no token may be lost for it."""
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= LATEST_TIME:
        return None
    return value


def _text(value: object, otherwise: str) -> str:
    """Return a text that can be written down; half a surrogate pair, which JSON may hold, cannot."""
    return value if isinstance(value, str) and not _SURROGATE.search(value) else otherwise


def build_revocation_request(service: Service, app: App, token: str) -> Request:
    """Build a request. Trakt: *Revoke an access_token*. Trakt's engine fails on a wrong hint: none is sent."""
    return post_json(service.token + REVOKE, token=token, client_id=app.client_id, client_secret=app.client_secret)


def parse_revocation(response: Response) -> None:
    """Read the response to a revocation; a token that the service does not know counts as revoked.

    Raises:
        TraktAuthError: by what the caller does next, where nothing was revoked.
    """
    description = response.document().get("error_description")
    unknown = (
        response.status == HTTPStatus.BAD_REQUEST
        and error_code(response) == "invalid_request"
        and description == "token not found"
    )  # better-auth's
    if response.status != HTTPStatus.OK and not unknown:
        raise error_from_response(response, what="a revocation")
