"""The state of a sign-in that is under way, in a cookie of the browser that began it."""

from __future__ import annotations

import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

SHORTEST_SECRET = 16  # characters
MAX_AGE = 900  # seconds for which the state of a sign-in is of use
_LABEL = "traktauth web sign-in 1"
_PREFIX = "traktauth-"
_SECURE_PREFIX = "__Host-"
_STATE_PART = 12  # characters of the state in the cookie's name
_SURPLUS = 4  # cookies of earlier sign-ins that a browser may keep
_SURPLUS_SIZE = 2000  # characters of them; servers refuse a header of 8,000, and the application has cookies too
_DELETED = 10  # cookies that one response deletes; proxies refuse a header of more than 4,000 characters
_MEMBERS = 5
_NAME = re.compile(rf"(?:{_SECURE_PREFIX})?{_PREFIX}[A-Za-z0-9_-]{{1,{_STATE_PART}}}")


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """A sign-in that is under way.

    Attributes:
        nonce: what its code verifier is derived from.
        state: RFC 6749's `state`.
        redirect_uri: the address that the sign-in page was given.
        next: the path that the user is sent to at the end.
        at: Unix seconds when it was started.
    """

    nonce: str = field(repr=False)
    state: str = field(repr=False)
    redirect_uri: str
    next: str
    at: int


class StateCookies:
    """Makes and reads the cookies: one a sign-in, named after its state, authenticated with HMAC-SHA256.

    The code verifier (RFC 7636) is not in the cookie: it is derived from a nonce there and the key.

    Args:
        secret: what the keys are derived from.
        context: what the cookies are for, as one app's must not be taken for another's.
    """

    def __init__(self, secret: str, context: str) -> None:
        self._seal_key = _digest(secret.encode(), f"{_LABEL} cookie {context}")
        self._verifier_key = _digest(secret.encode(), f"{_LABEL} verifier {context}")

    def verifier_of(self, nonce: str) -> str:
        """Return a sign-in's code verifier: 43 characters."""
        return _to_text(_digest(self._verifier_key, nonce))

    def seal(self, pending: PendingLogin) -> str:
        """Return the cookie's value."""
        members = [pending.nonce, pending.state, pending.redirect_uri, pending.next, pending.at]
        payload = _to_text(json.dumps(members, separators=(",", ":")).encode())
        return f"{payload}.{_to_text(_digest(self._seal_key, payload))}"

    def unseal(self, sealed: str) -> PendingLogin | None:
        """Return the sign-in of a cookie's value; None if it was not made with this secret for this app."""
        payload, _, tag = sealed.partition(".")
        if not sealed.isascii() or not hmac.compare_digest(tag, _to_text(_digest(self._seal_key, payload))):
            return None
        members = cast("list[Any]", json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
        return PendingLogin(*members) if len(members) == _MEMBERS else None


def cookie_name(state: str, *, secure: bool) -> str:
    """Return the name of a sign-in's cookie; `__Host-` binds it to the host and to https (RFC 6265bis)."""
    return f"{_SECURE_PREFIX if secure else ''}{_PREFIX}{state[:_STATE_PART]}"


def read_cookies(header: str | None) -> dict[str, str]:
    """Return the cookies of sign-ins in a `Cookie` header, with their names exactly as the browser sent them.

    Django and Starlette strip every Unicode blank from a name, and browsers strip spaces and tabs. So a page of a
    sibling host could set a cookie whose name begins with such a blank, which browsers do not take for one with the
    prefix `__Host-`, and which the framework would show as one. Names with other characters than ours are left out:
    the frameworks cannot delete cookies with such names.

    Args:
        header: the header field's value; several are joined with `; `.
    """
    pairs = (part.strip(" \t").partition("=") for part in (header or "").split(";"))
    return {name: value for name, _, value in pairs if _NAME.fullmatch(name)}


def find_cookie(cookies: Mapping[str, str], state: str) -> tuple[str, str] | None:
    """Return name and value of a sign-in's cookie; the one that only this host can have set comes first."""
    for secure in (True, False):
        name = cookie_name(state, secure=secure)
        if name in cookies:
            return name, cookies[name]
    return None


def is_secure(name: str) -> bool:
    """Return whether a cookie's name binds it to https."""
    return name.startswith(_SECURE_PREFIX)


def cookie_options(name: str, max_age: int) -> dict[str, Any]:
    """Return a cookie's attributes, as `set_cookie` of Starlette, Flask and Django takes them."""
    return {"max_age": max_age, "path": "/", "secure": is_secure(name), "httponly": True, "samesite": "lax"}


def expired_cookie(name: str) -> dict[str, Any]:
    """Return the attributes that delete a cookie; `__Host-` needs `Secure` there too."""
    return cookie_options(name, 0)


def surplus_cookies(cookies: Mapping[str, str]) -> list[str]:
    """Return cookies of earlier sign-ins to delete, as servers refuse requests with too many of them.

    Args:
        cookies: of the request; a browser sends the oldest first.
    """
    names = [name for name in cookies if name.removeprefix(_SECURE_PREFIX).startswith(_PREFIX)]
    kept, size = 0, 0
    for name in reversed(names[-_SURPLUS:]):
        size += len(name) + len(cookies[name])
        if size > _SURPLUS_SIZE:
            break
        kept += 1
    return names[: len(names) - kept][:_DELETED]


def _digest(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _to_text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()
