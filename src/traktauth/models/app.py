"""The app: what Trakt calls an OAuth client."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from traktauth.errors import AppInvalid
from traktauth.protocol import OUT_OF_BAND

LOOPBACK_ADDRESSES = frozenset({"127.0.0.1", "::1"})
LOOPBACK_HOSTS = LOOPBACK_ADDRESSES | {"localhost"}
_LOOPBACK = r"(127\.0\.0\.1|\[::1\]|localhost)(:[0-9]*)?"
_BRACKETED = r"([^\[\]@]*@)?\[[0-9A-Fa-f:.]+\](:[0-9]*)?"  # some versions of urlsplit take anything behind the bracket


@dataclass(frozen=True, slots=True)
class App:
    """A registered Trakt app (https://app.trakt.tv/settings/apps/api).

    Attributes:
        client_id: the app's id, from its settings.
        client_secret: the app's secret, or None for a public app, which signs in with PKCE alone.
        redirect_uri: the address registered in the app's settings, exactly as it stands there.
        user_agent: your program's product, such as `my-app/1.0`: sent in `User-Agent` on every request, OAuth and API,
            before this library's own.

    Raises:
        AppInvalid: one of them cannot be right (empty, with a control character, no absolute address, …).
        TypeError: one of them is not a `str`.
    """

    client_id: str
    client_secret: str | None = field(default=None, repr=False, kw_only=True)
    redirect_uri: str = field(default=OUT_OF_BAND, kw_only=True)
    user_agent: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("client_id", "client_secret", "user_agent"):
            check_text(name, getattr(self, name), or_none=True)
        check_text("redirect_uri", self.redirect_uri)
        if not self.client_id:
            raise AppInvalid("The app's client id is missing")
        _check_credential("client id", self.client_id)
        if self.client_secret is not None:
            if not self.client_secret:
                raise AppInvalid("The app's secret is empty; a public app has none at all")
            _check_credential("secret", self.client_secret)
        _check_redirect(self.redirect_uri)
        if self.user_agent is not None:
            _check_user_agent(self.user_agent)

    @property
    def out_of_band(self) -> bool:
        """Whether the sign-in page shows the code instead of redirecting."""
        return self.redirect_uri == OUT_OF_BAND

    @property
    def loopback(self) -> bool:
        """Whether the redirect address is a plain http one on this machine, where a receiver can listen."""
        parts = urlsplit(self.redirect_uri)
        return parts.scheme == "http" and re.fullmatch(_LOOPBACK, parts.netloc, re.IGNORECASE) is not None


def check_text(name: str, value: object, *, or_none: bool = False) -> None:
    """Refuse a value of another type before a message about its characters hides the cause.

    Raises:
        TypeError: the value is not a `str`, and not None where *or_none* allows that.
    """
    if not isinstance(value, str) and not (or_none and value is None):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")


def _check_credential(what: str, value: str) -> None:
    """Refuse what a clipboard adds: line ends, blanks, a Ctrl-V that a terminal took for a character."""
    for position, character in enumerate(value):
        if not "!" <= character <= "~":
            raise AppInvalid(
                f"The app's {what} has an unprintable character, a blank or a line end (U+{ord(character):04X}) "
                f"at position {position + 1} of {len(value)}",
                hint=f"Copy the {what} again, without anything before or after it",
            )


def _check_user_agent(value: str) -> None:
    if not value.strip() or value != value.strip() or not (value.isascii() and value.isprintable()):
        raise AppInvalid(
            f"user_agent must be one line of printable ASCII, such as my-app/1.0, not {value!r:.60}",
            hint="Name your program and its version: user_agent='my-app/1.0'",
        )


def _check_redirect(address: str) -> None:
    if address == OUT_OF_BAND:
        return
    problem = _redirect_problem(address)
    if problem:
        raise AppInvalid(
            f"The redirect address {problem}",
        )


def _redirect_problem(address: str) -> str | None:
    for position, character in enumerate(address):
        if not "!" <= character <= "~":
            return (
                "has a blank, a line end or another character that no address has "
                f"(U+{ord(character):04X} at position {position + 1} of {len(address)})"
            )
    if "#" in address:
        return "has a fragment (#…), which OAuth forbids (RFC 6749 section 3.1.2)"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return "is not an address"
    if "[" in parts.netloc and re.fullmatch(_BRACKETED, parts.netloc) is None:
        return "is not an address"
    if not parts.scheme or (not parts.netloc and parts.path.partition("/")[0].isdigit()):  # localhost:8080/…
        return f"{address!r:.60} lacks http:// or https://"
    if parts.scheme in {"http", "https"} and not parts.hostname:
        return "is not absolute: it names no host"
    if port == 0:
        return "names port 0, which no browser can open"
    return "has a query (?…), which Trakt does not register" if "?" in address else None
