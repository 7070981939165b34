"""A refusing reply: what it is called, what the caller does next, and whether it spent what was sent.

The table is `Trakt's OAuth` section 4.3 as data: a refresh token is spent by being sent, so each status tells whether
the request can have reached the engine behind Trakt's door.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.errors import AppRejected, LoginRefused, TraktAuthError, TryLater, UnexpectedReply

if TYPE_CHECKING:
    from traktauth.wire.messages import Reply

BUSY = 429
FORBIDDEN = 403

# Refused at the door, so nothing was spent: too many requests; and Cloudflare's "web server is down",
# "connection timed out" and "origin is unreachable".
TURNED_AWAY = frozenset({BUSY, 521, 522, 523})
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
_LONGEST_WORD = 40
_LONGEST_WAIT = 3600.0
_ROUND_WAIT = 30.0  # Trakt's advice after a 5xx


def error_code(reply: Reply) -> str:
    """Return OAuth's error code, better-auth's own `code`, or an empty string."""
    document = reply.document()
    code = document.get("error", document.get("code"))
    return code if isinstance(code, str) else ""


def _sentence(reply: Reply) -> str:
    description = reply.document().get("error_description")
    return description if isinstance(description, str) else ""


def plain_word(code: str) -> str:
    """Return an error code that is fit to be shown, or an empty string: one that holds a digit may be a secret."""
    words = code.isascii() and code.replace("_", "").isalpha() and len(code) <= _LONGEST_WORD
    return code if words else ""


def dead_grant(reply: Reply) -> bool:
    """Tell whether the code or refresh token was refused for good.

    better-auth says `invalid_grant` "Missing …" to a request that lacks a member: our mistake, not a dead grant.
    """
    missing = _sentence(reply).startswith("Missing ")
    return reply.status in {400, 401} and error_code(reply) in _GRANT_ERRORS and not missing


def app_refused(reply: Reply) -> bool:
    """Tell whether the app's id or secret was refused."""
    return reply.status in {400, 401, 403} and error_code(reply) in _APP_ERRORS


def not_spent(reply: Reply) -> bool:
    """Tell whether it is certain that the request never reached the engine, or changed nothing there."""
    app_unknown = app_refused(reply) and error_code(reply) == "invalid_client"
    return reply.status in TURNED_AWAY or _page_at_the_door(reply) or app_unknown


def _page_at_the_door(reply: Reply) -> bool:
    """Tell whether this is Cloudflare's HTML in the place of an answer; the engine itself answers JSON or nothing."""
    html = reply.headers.get("content-type", "").startswith("text/html") or reply.body.lstrip().startswith(b"<")
    return reply.status == FORBIDDEN and html and not reply.document()


def asked_wait(reply: Reply) -> float | None:
    """Return the seconds that `Retry-After` or `X-Retry-After` asks to wait, or None."""
    waits = (_seconds(reply.headers.get(name, "")) for name in ("retry-after", "x-retry-after"))
    return next((seconds for seconds in waits if seconds is not None), None)


def retry_after(reply: Reply) -> float:
    """Return the seconds to wait, from `Retry-After`, `X-Retry-After` or `X-Ratelimit`, else half a minute."""
    asked = asked_wait(reply)
    if asked is not None:
        return asked
    import json  # noqa: PLC0415 - as in `messages`

    try:
        period = json.loads(reply.headers.get("x-ratelimit", ""))["period"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return _ROUND_WAIT
    seconds = _seconds(period)
    return _ROUND_WAIT if seconds is None else seconds


def _seconds(value: Any) -> float | None:  # noqa: ANN401 - whatever stood in a header field
    try:
        seconds = float(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(seconds, _LONGEST_WAIT) if seconds >= 0 else None  # NaN is no number of seconds either


def fault(reply: Reply, *, what: str) -> TraktAuthError:
    """Return the error to raise for a reply that did not grant `what`."""
    status = reply.status
    code = error_code(reply)
    if app_refused(reply):
        return AppRejected(f"Trakt refused the app while it was asked for {what} ({status} {code})", error=code)
    if dead_grant(reply):
        return LoginRefused(f"Trakt refused {what}: the code or token is wrong, used or expired", error=code)
    if code == "invalid_request" and (sentence := _sentence(reply)) in _ADDRESS_SENTENCES | _BURNED_SENTENCES:
        if sentence in _ADDRESS_SENTENCES:
            return AppRejected("Trakt refused the redirect address: the sign-in began with another one", error=code)
        return LoginRefused("Trakt refused the code: its sign-in does not stand any more", error=code)
    if status == BUSY:
        return TryLater(f"Trakt is being asked too often ({status})", retry_after=retry_after(reply), status=status)
    if status in TURNED_AWAY or status in UNCERTAIN:
        return TryLater(
            f"Trakt is out of order ({status})", retry_after=max(retry_after(reply), _ROUND_WAIT), status=status
        )
    if _page_at_the_door(reply):
        return TryLater(
            f"Something in front of Trakt turned the request away ({status}, a page)",
            retry_after=_ROUND_WAIT,
            status=status,
            hint="Try another network; a proxy or Cloudflare may be blocking this one",
        )
    named = f"{status} {plain_word(code)}".strip()
    return UnexpectedReply(f"Trakt answered {named} when it was asked for {what}", status=status)
