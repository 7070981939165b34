"""The app: what Trakt calls an OAuth client."""

from __future__ import annotations

from dataclasses import dataclass, field

from traktauth.errors import AppInvalid
from traktauth.protocol import OUT_OF_BAND

LOOPBACK_ADDRESSES = frozenset({"127.0.0.1", "::1"})
LOOPBACK_HOSTS = LOOPBACK_ADDRESSES | {"localhost"}


@dataclass(frozen=True, slots=True)
class App:
    """A registered Trakt app (trakt.tv/oauth/applications).

    Attributes:
        client_id: the app's id, from its settings.
        client_secret: the app's secret, or None for a public app, which signs in with PKCE alone.
        redirect_uri: the address registered in the app's settings, exactly as it stands there.

    Raises:
        AppInvalid: one of them cannot be right (empty, with a control character, no absolute address, …).
    """

    client_id: str
    client_secret: str | None = field(default=None, repr=False, kw_only=True)
    redirect_uri: str = field(default=OUT_OF_BAND, kw_only=True)

    def __post_init__(self) -> None:
        if not self.client_id:
            raise AppInvalid(
                "The app's client id is missing",
                hint="Set TRAKTAUTH_CLIENT_ID to the Client ID in the app's settings (trakt.tv/oauth/applications)",
            )
        _check_credential("client id", "TRAKTAUTH_CLIENT_ID", self.client_id)
        if self.client_secret is not None:
            if not self.client_secret:
                raise AppInvalid(
                    "The app's secret is empty",
                    hint="Set TRAKTAUTH_CLIENT_SECRET, or give no secret at all for a public app",
                )
            _check_credential("secret", "TRAKTAUTH_CLIENT_SECRET", self.client_secret)
        _check_redirect(self.redirect_uri)

    @property
    def out_of_band(self) -> bool:
        """Whether the sign-in page shows the code instead of redirecting."""
        return self.redirect_uri == OUT_OF_BAND

    @property
    def loopback(self) -> bool:
        """Whether the redirect address is a plain http one on this machine, where a receiver can listen."""
        from urllib.parse import urlsplit  # noqa: PLC0415 - costs milliseconds that out-of-band apps do without

        parts = urlsplit(self.redirect_uri)
        return parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS


def _check_credential(what: str, variable: str, value: str) -> None:
    """Refuse what a clipboard adds: line ends, blanks, a Ctrl-V that a terminal took for a character."""
    for position, character in enumerate(value):
        if not "!" <= character <= "~":
            raise AppInvalid(
                f"The app's {what} has an unprintable character, a blank or a line end (U+{ord(character):04X}) "
                f"at position {position + 1} of {len(value)}",
                hint=f"Copy the {what} again into {variable}, without anything before or after it",
            )


def _check_redirect(address: str) -> None:
    if address == OUT_OF_BAND:
        return
    problem = _redirect_problem(address)
    if problem:
        raise AppInvalid(
            f"The redirect address {problem}",
            hint="Set TRAKTAUTH_REDIRECT_URI to the address in the app's settings, exactly as it stands there",
        )


def _redirect_problem(address: str) -> str | None:
    if any(not "!" <= character <= "~" for character in address):
        return "has a blank, a line end or another character that no address has"
    if "#" in address:
        return "has a fragment (#…), which OAuth forbids (RFC 6749 section 3.1.2)"
    from urllib.parse import urlsplit  # noqa: PLC0415 - see above

    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return "is no address"
    if not parts.scheme or (not parts.netloc and parts.path.partition("/")[0].isdigit()):  # localhost:8080/…
        return "is not absolute: it begins with no scheme such as http://"
    if parts.scheme in {"http", "https"} and not parts.hostname:
        return "is not absolute: it names no host"
    if port == 0:
        return "names port 0, which no browser can open"
    return "has a query (?…), which Trakt does not register" if "?" in address else None
