"""The device code: get one, poll with it, read each answer."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from traktauth.errors import LoginRefused, TraktAuthError, UnexpectedReply
from traktauth.models.device import DeviceCode
from traktauth.protocol import (
    DEVICE_CODE,
    DEVICE_TOKEN,
    POLL_DENIED,
    POLL_EXPIRED,
    POLL_PENDING,
    POLL_TOO_FAST,
    POLL_UNKNOWN,
    POLL_USED,
)
from traktauth.wire.faults import error_code, fault
from traktauth.wire.messages import post_json
from traktauth.wire.tokens import OK, read_token

if TYPE_CHECKING:
    from traktauth.models import Token
    from traktauth.protocol import Service
    from traktauth.wire.messages import Reply, Request

_ROUND_INTERVAL = 5
_LONGEST_CODE_LIFE = 86400


class Waiting(Enum):
    """Why a poll brought no token yet."""

    PENDING = "the user has not answered yet"
    TOO_FAST = "the polls come too fast"


# Trakt: *Poll for the access_token*, and RFC 8628 section 3.5 for those who answer 400 with a word.
_ENDED = {
    POLL_UNKNOWN: LoginRefused("Trakt does not know this device code (any more)", error="unknown_code"),
    POLL_USED: LoginRefused("This device code has been used already", error="used_code"),
    POLL_EXPIRED: LoginRefused("The device code expired before it was answered", error="expired_token"),
    POLL_DENIED: LoginRefused("The sign-in was denied on Trakt's page", error="access_denied"),
}
_BY_WORD: dict[str, Waiting | int] = {
    "authorization_pending": Waiting.PENDING,
    "slow_down": Waiting.TOO_FAST,
    "expired_token": POLL_EXPIRED,
    "access_denied": POLL_DENIED,
    "invalid_grant": POLL_UNKNOWN,
}


def new_device_code(service: Service, *, client_id: str, code_challenge: str | None = None) -> Request:
    """Make the request. Trakt: *Generate new device codes*."""
    return post_json(
        service.token + DEVICE_CODE,
        client_id=client_id,
        code_challenge=code_challenge,
        code_challenge_method="S256" if code_challenge else None,
    )


def read_device_code(reply: Reply) -> DeviceCode:
    """Read fresh codes.

    Raises:
        TraktAuthError: by what the caller does next, where there are none.
    """
    if reply.status != OK:
        raise fault(reply, what="a device code")
    document = reply.document()
    texts = [document.get(name) for name in ("device_code", "user_code")]
    page = document.get("verification_url", document.get("verification_uri"))  # the second: RFC 8628
    if not all(isinstance(text, str) and text for text in [*texts, page]):
        raise UnexpectedReply("Trakt's answer to a request for a device code holds no code", status=reply.status)
    return DeviceCode(
        device_code=str(texts[0]),
        user_code=str(texts[1]),
        verification_url=str(page),
        expires_in=_seconds(document.get("expires_in"), 600, most=_LONGEST_CODE_LIFE),
        interval=_seconds(document.get("interval"), _ROUND_INTERVAL, most=60),
    )


def poll_device_code(
    service: Service, *, code: str, client_id: str, client_secret: str | None, code_verifier: str | None = None
) -> Request:
    """Make the request. Trakt: *Poll for the access_token*."""
    return post_json(
        service.token + DEVICE_TOKEN,
        code=code,
        client_id=client_id,
        client_secret=client_secret,
        code_verifier=code_verifier,
    )


def read_poll(reply: Reply, *, sent_at: float) -> Token | Waiting | TraktAuthError:
    """Read the answer to a poll.

    Returns:
        The token; why there is none yet; or the error that ends the sign-in.
    """
    if reply.status == OK:
        try:
            return read_token(reply, sent_at=sent_at)
        except TraktAuthError as error:
            return error
    found: Waiting | int | None = reply.status
    if reply.status == POLL_PENDING:
        word = error_code(reply)
        found = _BY_WORD.get(word) if word else Waiting.PENDING
    elif reply.status == POLL_TOO_FAST:
        found = Waiting.TOO_FAST
    if isinstance(found, Waiting):
        return found
    ended = _ENDED.get(found or 0)
    if ended is None:
        return fault(reply, what="the token of a device code")
    return LoginRefused(ended.message, error=ended.error)


def _seconds(value: object, otherwise: int, *, most: int) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return int(max(1, min(value, most)))
    return otherwise
