"""What the tables hold, one frozen value a row, in the order of their columns.

Times are seconds since 1970 by the server's clock. A secret that a client carries (token, code, session) is never
among the values, only its SHA-256.
"""

from __future__ import annotations

from typing import NamedTuple


class App(NamedTuple):
    """An OAuth client. `secret` is readable on purpose (this is a test server); under `--strict` it is None."""

    id: int
    client_id: str
    name: str
    secret: str | None
    secret_hash: bytes | None
    redirect_uris: str
    confidential: bool
    trusted: bool
    require_pkce: bool
    disabled: bool
    owner: int | None

    @property
    def redirects(self) -> list[str]:
        """The registered redirect addresses, which are kept one a line, as Trakt's app settings have them."""
        return self.redirect_uris.split()


class Person(NamedTuple):
    """A user."""

    id: int
    username: str
    email: str
    password_hash: str | None
    created: float


class Session(NamedTuple):
    """A browser that is signed in, or the sign-in that a code came from."""

    id: int
    hash: bytes
    person: int
    created: float
    expires: float


class Consent(NamedTuple):
    """What a person has allowed an app."""

    app: int
    person: int
    scope: str
    created: float


class Code(NamedTuple):
    """An authorization code."""

    id: int
    hash: bytes
    app: int
    person: int
    session: int
    redirect_uri: str
    scope: str
    challenge: str
    method: str
    nonce: str
    expires: float
    spent: bool
    pair: int | None


class Device(NamedTuple):
    """A device code; `status` is pending, approved, denied or used."""

    id: int
    hash: bytes
    user_code: str
    app: int
    scope: str
    challenge: str
    status: str
    person: int | None
    expires: float
    last_poll: float | None


class Pair(NamedTuple):
    """An access token and the refresh token issued with it, if any, with the state of the family they belong to.

    `access_ended` and `refresh_ended` say what ended them (`rotated`, `revoked`), None while nothing has. A pair whose
    `epoch` is not its family's has been killed with its family. `kept` is the sealed answer to its refresh, for as long
    as the same answer may be given again. `user` is its person's number, None where there is no such person (any more).
    """

    id: int
    family: int
    epoch: int
    app: int
    person: int
    session: int | None
    scope: str
    created: float
    access_hash: bytes
    access_life: int
    access_expires: float
    access_ended: str | None
    refresh_hash: bytes | None
    refresh_expires: float | None
    refresh_ended: str | None
    parent: int | None
    kept: bytes | None
    kept_until: float | None
    family_epoch: int
    user: int | None

    @property
    def in_family(self) -> bool:
        """Whether its family has not been killed since it was issued."""
        return self.epoch == self.family_epoch

    @property
    def renewable(self) -> bool:
        """Whether a refresh token was issued with it."""
        return self.refresh_hash is not None
