"""Digests of what programs may hold of a login: placeholders, and access and refresh tokens that it had."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from hashlib import sha256

from traktauth.models.token import Token

MOST_PLACEHOLDERS, MOST_ACCESS_TOKENS, MOST_REFRESH_TOKENS = 64, 8, 32
_BYTES = 16  # of a digest: its values are random, so a part of it will do


def digest(secret: str) -> str:
    """Return a text by which a secret is recognized, and from which it cannot be found."""
    return urlsafe_b64encode(sha256(secret.encode()).digest()[:_BYTES]).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class TokenDigests:
    """Digests of placeholders and tokens of one login, each list with the oldest first.

    Attributes:
        placeholders: of what programs were given in place of a refresh token (`traktauth proxy`).
        access_tokens: of the last access tokens.
        refresh_tokens: of the first refresh token, which a program may have kept, and of the last ones.
        user: whose they are (`User.uuid`); None if that is not known.
    """

    placeholders: tuple[str, ...] = ()
    access_tokens: tuple[str, ...] = ()
    refresh_tokens: tuple[str, ...] = ()
    user: str | None = None

    def with_token(self, token: Token) -> TokenDigests:
        """Return the digests with those of a new token."""
        refresh_tokens = self.refresh_tokens
        if token.refresh_token is not None and (new := digest(token.refresh_token)) not in refresh_tokens:
            refresh_tokens = (*refresh_tokens, new)
        return replace(
            self,
            access_tokens=(*self.access_tokens, digest(token.access_token))[-MOST_ACCESS_TOKENS:],
            refresh_tokens=(*refresh_tokens[:1], *refresh_tokens[1:][1 - MOST_REFRESH_TOKENS :]),
        )

    def with_placeholder(self, placeholder: str) -> TokenDigests:
        """Return the digests with that of a placeholder as the newest."""
        kept = [each for each in self.placeholders if each != placeholder]
        return replace(self, placeholders=(*kept, placeholder)[-MOST_PLACEHOLDERS:])

    def without_placeholder(self, placeholder: str) -> TokenDigests:
        """Return the digests without that of a placeholder."""
        return replace(self, placeholders=tuple(each for each in self.placeholders if each != placeholder))


NO_DIGESTS = TokenDigests()
