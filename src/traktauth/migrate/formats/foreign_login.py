"""A login as other programs keep it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from traktauth.models import App, Token

# Seconds for which Trakt's access tokens are valid; for files that say only when one expires.
USUAL_LIFE = 7 * 86_400


@dataclass(frozen=True, slots=True)
class ForeignLogin:
    """A token, and the app that it is for.

    Attributes:
        access_token: the access token.
        refresh_token: the refresh token; None if the file has none.
        expires_at: Unix seconds.
        expires_in: seconds for which the access token was valid when it was issued.
        client_id: the app; None if the file does not name it.
        client_secret: the app's secret; None if the file does not hold it.
        created_at: Unix seconds when it was issued, if the file says so.
        scope: what it may be used for, if the file says so.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: float
    expires_in: int
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    created_at: int | None = None
    scope: str | None = None

    @classmethod
    def of(cls, app: App, token: Token, *, with_refresh_token: bool = True) -> Self:
        """Return the login that a token of an app is, as other programs keep it."""
        return cls(
            access_token=token.access_token,
            refresh_token=token.refresh_token if with_refresh_token else None,
            expires_at=token.expires_at,
            expires_in=token.expires_in,
            client_id=app.client_id,
            client_secret=app.client_secret,
            created_at=token.created_at,
            scope=token.scope,
        )

    def token(self) -> Token:
        """Return the token as traktauth keeps it."""
        return Token(
            access_token=self.access_token,
            refresh_token=self.refresh_token,
            expires_in=self.expires_in,
            expires_at=self.expires_at,
            created_at=self.created_at,
            scope=self.scope or "",
        )

    @property
    def issued_at(self) -> int:
        """Return when the token was issued, in Unix seconds."""
        return int(self.expires_at - self.expires_in) if self.created_at is None else self.created_at
