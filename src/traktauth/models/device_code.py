"""The device code: how a screen without a browser signs in."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """Trakt: *Generate new device codes*.

    Attributes:
        device_code: what the program polls with; a secret.
        user_code: what the user types at `verification_url`.
        verification_url: the page that takes it.
        expires_in: seconds until both codes are worthless.
        interval: seconds between two polls, at the least.
        code_verifier: the PKCE verifier that a public app polls with; a secret.
    """

    device_code: str = field(repr=False)
    user_code: str
    verification_url: str
    expires_in: int
    interval: int
    code_verifier: str | None = field(default=None, repr=False)

    @property
    def verification_url_complete(self) -> str:
        """The page with the code already typed; the plain page on a host of Trakt's that is not known to take it."""
        host = urlsplit(self.verification_url).hostname or ""
        if host.endswith(".trakt.tv") and host != "www.trakt.tv":
            return self.verification_url
        return f"{self.verification_url.rstrip('/')}/{self.user_code}"
