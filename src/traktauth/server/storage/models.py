"""The rows of the tables as frozen values, with the fields in the order of the columns.

Times are seconds since 1970 by the server's clock. A token, code or session cookie is never among the values, only its
SHA-256. Fields named after another table hold a row id of it; `user_id` is called so as `user` is reserved in SQL.
"""

from __future__ import annotations

from typing import NamedTuple


class Client(NamedTuple):
    """An OAuth client. `secret` is readable, as this is a test server; None for one that has none."""

    id: int
    client_id: str
    name: str
    secret: str | None
    redirect_uris: str
    confidential: bool
    trusted: bool
    require_pkce: bool
    disabled: bool
    owner: int | None

    @property
    def redirects(self) -> list[str]:
        """The registered redirect URIs, which are stored one a line, as Trakt's app settings have them."""
        return self.redirect_uris.split()


class User(NamedTuple):
    """A user."""

    id: int
    username: str
    email: str
    password_hash: str | None
    created: float


class Session(NamedTuple):
    """A login in a browser, or the one that a code came from."""

    id: int
    hash: bytes
    user_id: int
    created: float
    expires: float


class Consent(NamedTuple):
    """The scope that a user has granted to a client."""

    client: int
    user_id: int
    scope: str
    created: float


class Code(NamedTuple):
    """An authorization code."""

    id: int
    hash: bytes
    client: int
    user_id: int
    session: int
    redirect_uri: str
    scope: str
    challenge: str
    method: str
    nonce: str
    expires: float
    spent: bool


class DeviceCode(NamedTuple):
    """A device code; `status` is pending, approved, denied or used."""

    id: int
    hash: bytes
    user_code: str
    client: int
    scope: str
    challenge: str
    status: str
    user_id: int | None
    expires: float
    last_poll: float | None


class TokenPair(NamedTuple):
    """An access token and the refresh token issued with it, if any, with the state of the family they belong to.

    `access_ended` and `refresh_ended` are `rotated` or `revoked`, None for a token that has not ended. A pair whose
    `epoch` is not its family's was revoked with its family. `cached_response` is the response to its refresh, while
    that may be repeated. `existing_user` is its user's id, None if the user was deleted.
    """

    id: int
    family: int
    epoch: int
    client: int
    user_id: int
    session: int | None
    scope: str
    created: float
    access_hash: bytes
    access_lifetime: int
    access_expires: float
    access_ended: str | None
    refresh_hash: bytes | None
    refresh_expires: float | None
    refresh_ended: str | None
    parent: int | None
    cached_response: str | None
    cached_until: float | None
    family_epoch: int
    existing_user: int | None

    @property
    def in_family(self) -> bool:
        """Whether its family has not been revoked since it was issued."""
        return self.epoch == self.family_epoch

    @property
    def refreshable(self) -> bool:
        """Whether a refresh token was issued with it."""
        return self.refresh_hash is not None
