"""The token: an access token and the refresh token that came with it; and the device code that leads to one."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import urlsplit


def fingerprint(secret: str) -> str:
    """Return eight hex digits that stand for a secret, the same in logs, `status` and `doctor`."""
    return sha256(secret.encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Token:
    """One access token and its refresh token, among those of a login.

    Attributes:
        access_token: what an API call carries.
        refresh_token: gets the next token, once; None if Trakt sent none.
        token_type: as it came, usually `bearer`.
        expires_in: the access token's whole life in seconds, as the response says.
        created_at: the Unix time in the response, as data; nothing is computed from it.
        expires_at: Unix seconds by this machine's clock: the time just before the request was sent + `expires_in`.
        scope: as it came.
        generation: which token this is among those of its login; 0 outside a store.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    token_type: str = "bearer"
    expires_in: int = 0
    created_at: int | None = None
    expires_at: float = 0.0
    scope: str = ""
    generation: int = 0

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that stand for the access token."""
        return fingerprint(self.access_token)


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
