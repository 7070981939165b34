"""The token endpoint: exchange a code, refresh, revoke; and read what comes back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeGuard

from traktauth.errors import UnexpectedReply
from traktauth.models import Token
from traktauth.protocol import AUTHORIZATION_CODE, REFRESH_TOKEN, REVOKE, TOKEN
from traktauth.wire.faults import error_code, fault
from traktauth.wire.messages import post_json

if TYPE_CHECKING:
    from traktauth.protocol import Service
    from traktauth.wire.messages import Reply, Request

OK = 200
LONGEST_LIFE = 10 * 365 * 86400
# Where a reply names no life that can be read, an hour is reckoned with; a 401 corrects it. Refusing such a reply
# would lose a login whose refresh token has just been spent.
ASSUMED_LIFE = 3600
_VISIBLE = re.compile("[!-~]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


def exchange_code(
    service: Service,
    *,
    code: str,
    client_id: str,
    client_secret: str | None,
    redirect_uri: str,
    code_verifier: str | None = None,
) -> Request:
    """Make the request. Trakt: *Exchange code for access_token*."""
    return post_json(
        service.token + TOKEN,
        code=code,
        client_id=client_id,
        client_secret=client_secret,
        redirect_uri=redirect_uri,
        grant_type=AUTHORIZATION_CODE,
        code_verifier=code_verifier,
    )


def exchange_refresh_token(
    service: Service, *, refresh_token: str, client_id: str, client_secret: str | None, redirect_uri: str
) -> Request:
    """Make the request. Trakt: *Exchange refresh_token for access_token*.

    No `scope` is ever sent: the present engine then answers a pair that can no longer be refreshed.
    """
    return post_json(
        service.token + TOKEN,
        refresh_token=refresh_token,
        client_id=client_id,
        client_secret=client_secret,
        redirect_uri=redirect_uri,
        grant_type=REFRESH_TOKEN,
    )


def revoke(service: Service, *, token: str, client_id: str, client_secret: str | None) -> Request:
    """Make the request. Trakt: *Revoke an access_token*. No hint is sent; the present engine trips over a wrong one."""
    return post_json(service.token + REVOKE, token=token, client_id=client_id, client_secret=client_secret)


def read_token(reply: Reply, *, sent_at: float, what: str = "a token") -> Token:
    """Read the pair in a granting reply, in every variant that Trakt's engines are known for.

    Args:
        reply: to an exchange, a refresh or a poll.
        sent_at: Unix seconds just before the request was sent.
        what: was asked for, for the error's sentence.

    Raises:
        TraktAuthError: by what the caller does next, where the reply grants nothing.
    """
    if reply.status != OK:
        raise fault(reply, what=what)
    document = reply.document()
    access_token = document.get("access_token")
    if not _is_token(access_token):
        raise UnexpectedReply(f"Trakt's answer to a request for {what} holds no access token", status=reply.status)
    life = _life(document.get("expires_in"))
    return Token(
        access_token=access_token,
        refresh_token=_text(document.get("refresh_token"), "") or None,  # it travels in JSON, so any text will do
        token_type=_text(document.get("token_type"), "bearer"),
        expires_in=life,
        created_at=_whole(document.get("created_at")),
        expires_at=round(sent_at + life, 3),
        scope=_text(document.get("scope"), ""),
    )


def read_revoked(reply: Reply) -> None:
    """Read the answer to a revocation; a token that the service does not know counts as revoked.

    Raises:
        TraktAuthError: by what the caller does next, where nothing was revoked.
    """
    description = reply.document().get("error_description")
    unknown = reply.status == 400 and error_code(reply) == "invalid_request" and description == "token not found"  # noqa: PLR2004 - better-auth's answer
    if reply.status != OK and not unknown:
        raise fault(reply, what="a revocation")


def _is_token(value: object) -> TypeGuard[str]:
    """Tell whether a value can stand in a header field as it is."""
    return isinstance(value, str) and _VISIBLE.fullmatch(value) is not None


def _life(value: Any) -> int:  # noqa: ANN401 - whatever stood in the JSON
    """Return a life in seconds; engines and proxies have sent it as a number, as text, or not at all."""
    try:
        seconds = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1.0
    except (ValueError, OverflowError):
        seconds = float(LONGEST_LIFE) if isinstance(value, int) and value > 0 else -1.0
    return int(min(seconds, LONGEST_LIFE)) if seconds >= 0 else ASSUMED_LIFE


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object, otherwise: str) -> str:
    """Return a text that can be written down; half a surrogate pair, which JSON may hold, cannot."""
    return value if isinstance(value, str) and not _SURROGATE.search(value) else otherwise
