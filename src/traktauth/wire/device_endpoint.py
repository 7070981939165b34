"""The device code: get one, poll with it, read each response."""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus
from urllib.parse import urlsplit

from traktauth.errors import LoginRefused, TraktAuthError, TryLater, UnexpectedReply
from traktauth.models import App, Token
from traktauth.models.app import LOOPBACK_HOSTS
from traktauth.models.token import DeviceCode
from traktauth.protocol import (
    DEVICE_CODE,
    DEVICE_TOKEN,
    POLL_DENIED,
    POLL_EXPIRED,
    POLL_PENDING,
    POLL_TOO_FAST,
    POLL_UNKNOWN,
    POLL_USED,
    Service,
)
from traktauth.wire.error_responses import error_code, error_from_response, parse_retry_after
from traktauth.wire.messages import Request, Response, post_json
from traktauth.wire.token_endpoint import GRANTED, parse_token_response

_ROUND_INTERVAL = 5
_MAX_CODE_LIFE = 86400
_MAX_USER_CODE = 64  # characters: it is typed by hand
_MAX_ADDRESS = 2048  # characters


class PollStatus(Enum):
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
_BY_WORD: dict[str, PollStatus | int] = {
    "authorization_pending": PollStatus.PENDING,
    "slow_down": PollStatus.TOO_FAST,
    "expired_token": POLL_EXPIRED,
    "access_denied": POLL_DENIED,
    "invalid_grant": POLL_UNKNOWN,
}


def build_device_code_request(service: Service, app: App, code_challenge: str | None = None) -> Request:
    """Build a request. Trakt: *Generate new device codes*."""
    return post_json(
        service.token + DEVICE_CODE,
        client_id=app.client_id,
        code_challenge=code_challenge,
        code_challenge_method="S256" if code_challenge else None,
    )


def parse_device_code(response: Response) -> DeviceCode:
    """Read fresh codes.

    The user code and the page's address are shown to a user, so both must be plain: visible ASCII of reasonable
    length, and an address that a browser opens.

    Raises:
        TraktAuthError: by what the caller does next, if there are none.
    """
    if response.status != HTTPStatus.OK:
        raise error_from_response(response, what="a device code")
    document = response.document()
    texts = [document.get(name) for name in ("device_code", "user_code")]
    page = document.get("verification_url", document.get("verification_uri"))  # the second: RFC 8628
    if not all(isinstance(text, str) and text for text in [*texts, page]):
        raise UnexpectedReply("Trakt's answer to a request for a device code holds no code", status=response.status)
    if not _is_visible(str(texts[1]), _MAX_USER_CODE):
        raise UnexpectedReply(
            f"Trakt sent a user code that is not 1 to {_MAX_USER_CODE} visible ASCII characters",
            status=response.status,
        )
    if not _is_visible(str(page), _MAX_ADDRESS) or not str(page).lower().startswith(("https://", "http://")):
        raise UnexpectedReply(
            "Trakt sent an address for entering the code that is not an http or https address", status=response.status
        )
    return DeviceCode(
        device_code=str(texts[0]),
        user_code=str(texts[1]),
        verification_url=str(page),
        expires_in=_seconds(document.get("expires_in"), 600, most=_MAX_CODE_LIFE),
        interval=_seconds(document.get("interval"), _ROUND_INTERVAL, most=60),
    )


def foreign_host(service: Service, address: str) -> str:
    """Return the host of an address that does not belong to a service; an empty text for one of the service's own."""
    try:
        host = urlsplit(address).hostname or "no host"
    except ValueError:
        return "no host"
    own = {urlsplit(base).hostname for base in (service.website, service.token, service.api)}
    if host in LOOPBACK_HOSTS and own & LOOPBACK_HOSTS:
        return ""
    domain = service.issuer_domain
    within = domain is not None and (host == domain or host.endswith(f".{domain}"))
    return "" if host in own or within else host


def build_poll_request(service: Service, app: App, code: str, code_verifier: str | None = None) -> Request:
    """Build a request. Trakt: *Poll for the access_token*."""
    return post_json(
        service.token + DEVICE_TOKEN,
        code=code,
        client_id=app.client_id,
        client_secret=app.client_secret,
        code_verifier=code_verifier,
    )


def parse_poll_response(response: Response, *, sent_at: float) -> Token | PollStatus | TraktAuthError:
    """Read the response to a poll.

    Returns:
        The token; why it has not been issued yet; or the error that ends the sign-in.
    """
    if response.status in GRANTED:
        try:
            return parse_token_response(response, sent_at=sent_at)
        except TraktAuthError as error:
            return error
    found: PollStatus | int | None = response.status
    if response.status == POLL_PENDING:
        word = error_code(response)
        found = _BY_WORD.get(word) if word else PollStatus.PENDING
    elif response.status == POLL_TOO_FAST:
        found = PollStatus.TOO_FAST
    if isinstance(found, PollStatus):
        return found
    ended = _ENDED.get(found or 0)
    if ended is None:
        return error_from_response(response, what="the token of a device code")
    return LoginRefused(ended.message, error=ended.error)


def parse_polled_token(response: Response, *, sent_at: float) -> Token:
    """Parse the token in the response to a poll.

    Raises:
        TryLater: the user has not answered yet; poll again after `retry_after` seconds.
        TraktAuthError: the sign-in has ended.
    """
    found = parse_poll_response(response, sent_at=sent_at)
    if isinstance(found, PollStatus):
        wait = 5.0 if found is PollStatus.PENDING else max(10.0, parse_retry_after(response) or 0.0)
        raise TryLater(f"No token yet: {found.value}", retry_after=wait, status=response.status)
    if isinstance(found, TraktAuthError):
        raise found
    return found


def _is_visible(text: str, longest: int) -> bool:
    return len(text) <= longest and all("!" <= character <= "~" for character in text)


def _seconds(value: object, otherwise: int, *, most: int) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return int(max(1, min(value, most)))
    return otherwise
