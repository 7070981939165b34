"""The token: an access token and the refresh token that came with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256


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
