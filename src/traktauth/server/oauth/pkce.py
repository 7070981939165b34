"""Proof Key for Code Exchange (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import hmac

TRAKT_VERIFIER = "local-trakt-constant-verifier-00000000000000000000"
"""The verifier of the challenge that Trakt's page adds for a client without one; it is public: it protects nothing."""


def s256(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


TRAKT_CHALLENGE = s256(TRAKT_VERIFIER)


def matches(verifier: str, challenge: str, method: str = "S256") -> bool:
    """Return whether a verifier belongs to a challenge (RFC 7636 section 4.6), compared in constant time."""
    made = s256(verifier) if method == "S256" else verifier
    return hmac.compare_digest(made.encode("utf-8", "surrogatepass"), challenge.encode("utf-8", "surrogatepass"))
