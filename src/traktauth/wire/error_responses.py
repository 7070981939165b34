"""Error responses: the exception that each is raised as, and whether it spent the token that was sent.

A refresh token is spent by being sent, so each status shows whether the request can have reached the engine behind
Trakt's edge (Cloudflare).
"""

from __future__ import annotations

import json
from http import HTTPStatus

from traktauth.errors import AppRejected, LoginRefused, TraktAuthError, TryLater, UnexpectedReply
from traktauth.models.record import ProbeOutcome
from traktauth.protocol import ACCOUNT_LIMITS
from traktauth.wire.messages import Response

# Refused before the engine, so nothing was spent: too many requests; RFC 9110's "misdirected request" and RFC 8470's
# "too early", which say that the request was not processed; and Cloudflare's "web server is down", "connection timed
# out", "origin is unreachable", "TLS handshake failed", "invalid certificate at the origin" and 530, which comes with
# an error 1xxx of Cloudflare's own.
REJECTED_AT_EDGE = frozenset({HTTPStatus.TOO_MANY_REQUESTS, 421, 425, 521, 522, 523, 525, 526, 530})
# The engine may have done its work before one of these was answered in its place.
UNCERTAIN = frozenset({500, 502, 503, 504, 520, 524})

_APP_ERRORS = frozenset({"invalid_client", "unauthorized_client"})
_GRANT_ERRORS = frozenset({"invalid_grant", "invalid_verification"})  # the second: better-auth up to 1.6.10
# better-auth's sentences under `invalid_request`, which say more than its code does.
_ADDRESS_SENTENCES = frozenset({"redirect_uri mismatch", "missing verification redirect_uri"})
_BURNED_SENTENCES = frozenset(
    {
        "session no longer exists",
        "code verification failed",
        "code_verifier provided but PKCE was not used in authorization",
    }
)
_MAX_WORD = 40
_MAX_DESCRIPTION = 200
_MAX_PLAIN_WORD = 20
_MAX_WAIT = 3600.0
_ROUND_WAIT = 30.0  # Trakt's advice after a 5xx


def error_code(response: Response) -> str:
    """Return OAuth's error code, better-auth's own `code`, or an empty string."""
    document = response.document()
    code = document.get("error", document.get("code"))
    return code if isinstance(code, str) else ""


def _description(response: Response) -> str:
    description = response.document().get("error_description")
    return description if isinstance(description, str) else ""


def safe_description(response: Response) -> str | None:
    """Return OAuth's `error_description` if it consists of plain words; else None, as it may hold a secret."""
    text = _description(response)
    words = text.replace("_", " ").replace(",", " ").replace(".", " ").split()
    is_plain = all(word.isascii() and word.isalpha() and len(word) <= _MAX_PLAIN_WORD for word in words)
    return text if words and is_plain and len(text) <= _MAX_DESCRIPTION else None


def safe_error_code(code: str) -> str:
    """Return an error code that is fit to be shown, or an empty string: one that holds a digit may be a secret."""
    words = code.isascii() and code.replace("_", "").isalpha() and len(code) <= _MAX_WORD
    return code if words else ""


def is_invalid_grant(response: Response) -> bool:
    """Return whether the code or refresh token was refused for good.

    better-auth says `invalid_grant` "Missing …" to a request that lacks a member: our mistake, not a dead grant.
    """
    if _description(response).startswith("Missing ") or is_redirect_mismatch(response):
        return False
    return response.status in {400, 401} and error_code(response) in _GRANT_ERRORS


def is_redirect_mismatch(response: Response) -> bool:
    """Return whether the redirect address was refused; better-auth 1.7 says so under `invalid_grant`."""
    code = error_code(response)
    return code in {"invalid_request", "invalid_grant"} and _description(response) in _ADDRESS_SENTENCES


def is_invalid_client(response: Response) -> bool:
    """Return whether the app's id or secret was refused."""
    return response.status in {400, 401, 403} and error_code(response) in _APP_ERRORS


def is_certainly_unspent(response: Response) -> bool:
    """Return whether it is certain that the request never reached the engine, or changed nothing there."""
    app_unknown = is_invalid_client(response) and error_code(response) == "invalid_client"
    return response.status in REJECTED_AT_EDGE or is_edge_block_page(response) or app_unknown


def judge_probe(response: Response) -> ProbeOutcome:
    """Return what the response to a refresh with a made-up refresh token shows of the token endpoint.

    Only the engine's own refusal of the token shows that it works. A 200 shows that something takes any token.
    """
    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
        return "limited"
    error = response.document().get("error")
    if error in _APP_ERRORS and is_invalid_client(response):
        return "rejected"
    is_refusal = response.status in {400, 401} and error == "invalid_grant"
    return "healthy" if is_refusal and not _description(response).startswith("Missing") else "failed"


def is_edge_block_page(response: Response) -> bool:
    """Return whether this is Cloudflare's HTML in place of a response; the engine itself sends JSON or nothing."""
    html = response.headers.get("content-type", "").startswith("text/html") or response.body.lstrip().startswith(b"<")
    return response.status == HTTPStatus.FORBIDDEN and html and not response.document()


def parse_retry_after(response: Response) -> float | None:
    """Return the seconds that `Retry-After` or `X-Retry-After` asks to wait, or None.

    A `Retry-After` may be an HTTP date (RFC 9110, section 10.2.3); it counts from the response's `Date`, as the clock
    of this machine may be wrong.
    """
    for name in ("retry-after", "x-retry-after"):
        value = response.headers.get(name, "")
        seconds = _seconds(value)
        if seconds is None and value:
            seconds = _seconds_until(value, response.headers.get("date", ""))
        if seconds is not None:
            return seconds
    return None


def _seconds_until(date: str, now: str) -> float | None:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - few responses have a date to wait for

    try:
        wait = (parsedate_to_datetime(date) - parsedate_to_datetime(now)).total_seconds()
    except (ValueError, TypeError, OverflowError):  # not a date, or only one of them has a time zone
        return None
    return min(max(wait, 0.0), _MAX_WAIT)


def retry_after(response: Response) -> float:
    """Return the seconds to wait, from `Retry-After`, `X-Retry-After` or `X-Ratelimit`, else half a minute."""
    asked = parse_retry_after(response)
    if asked is not None:
        return asked
    try:
        period = json.loads(response.headers.get("x-ratelimit", ""))["period"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return _ROUND_WAIT
    seconds = _seconds(period)
    return _ROUND_WAIT if seconds is None else seconds


def _seconds(value: object) -> float | None:
    if not isinstance(value, str | int | float):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return min(seconds, _MAX_WAIT) if seconds >= 0 else None  # NaN is not a number of seconds either


def error_from_response(response: Response, *, what: str) -> TraktAuthError:
    """Return the error to raise for a response that did not grant `what`."""
    status = response.status
    code = error_code(response)
    if is_invalid_client(response):
        return AppRejected(f"Trakt refused the app while it was asked for {what} ({status} {code})", error=code)
    if is_redirect_mismatch(response):
        return AppRejected("Trakt refused the redirect address: the sign-in began with another one", error=code)
    if is_invalid_grant(response):
        return LoginRefused(f"Trakt refused {what}: the code or token is wrong, used or expired", error=code)
    if code == "invalid_request" and _description(response) in _BURNED_SENTENCES:
        return LoginRefused("Trakt refused the code: the sign-in is no longer valid", error=code)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return TryLater(
            f"Trakt is being asked too often ({status})",
            retry_after=retry_after(response),
            status=status,
            code="service-busy",
        )
    if status in REJECTED_AT_EDGE or status in UNCERTAIN:
        return TryLater(
            f"Trakt is unavailable ({status})",
            retry_after=max(retry_after(response), _ROUND_WAIT),
            status=status,
            code="service-unavailable",
        )
    if is_edge_block_page(response):
        return TryLater(
            f"Something in front of Trakt turned the request away ({status}, a page)",
            retry_after=_ROUND_WAIT,
            status=status,
            code="service-unavailable",
            hint="Try another network; a proxy or Cloudflare may be blocking this one",
        )
    named = f"{status} {safe_error_code(code)}".strip()
    message = f"Trakt answered {named} when it was asked for {what}"
    return UnexpectedReply(message, status=status, hint=ACCOUNT_LIMITS.get(status))
