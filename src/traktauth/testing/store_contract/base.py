"""What the parts of the contract have in common: how a store is opened, and the values that are put in."""

from __future__ import annotations

from pathlib import Path

from traktauth.models import LoginKey, PendingRefresh, Sender, Token
from traktauth.models.changes import SaveToken
from traktauth.stores.base import TokenStore

LOGIN = LoginKey("trakt", "app", "default")
OTHERS = (
    LoginKey("trakt", "app", "second"),
    LoginKey("trakt", "another-app", "default"),
    LoginKey("staging", "app", "default"),
)
# What people call their accounts, and what a careless store would trip over.
DIFFICULT = (
    "Ærøskøbing Ünïcödé 猫 🎬",
    "e\u0301 is not \u00e9",
    "\u00e9 is not e\u0301",
    "UPPER is not lower",
    "upper is not lower",
    "../../etc/passwd",
    "a/b\\c:d|e?f*g",
    "%s {0} ${HOME} $(id)",
    "'; DROP TABLE logins; --",
    '"quoted" \\"twice\\"',
    " blanks around ",
    "-dash",
    "x" * 400,
)


class Place:
    """A store under test."""

    def open_store(self, place: Path) -> TokenStore:
        """Return a store over a place; two calls with one place return stores over the same records.

        Args:
            place: an empty folder of this test's own; its name may serve as a prefix elsewhere.
        """
        raise NotImplementedError(f"{type(self).__name__} opens no store for {place.name}")


def pair(generation: int, life: int = 7776000) -> Token:
    """Return a token that tells its generation."""
    return Token(
        access_token=f"access-{generation}",
        refresh_token=f"refresh-{generation}",
        token_type="bearer",
        expires_in=life,
        created_at=1_700_000_000,
        expires_at=1_700_000_000.125 + life,
        scope="public",
        generation=generation,
    )


HERE, THERE = Sender("here", 1), Sender("there", 2)


def pending_refresh(generation: int, sending: int = 1, sender: Sender = HERE) -> PendingRefresh:
    """Return a pending refresh."""
    return PendingRefresh(generation=generation, sending=sending, started_at=1_700_000_000.125, sender=sender)


def signed_in(store: TokenStore, login: LoginKey = LOGIN, generation: int = 1) -> Token:
    """Save a first token."""
    token = pair(generation)
    assert store.apply(login, SaveToken(token, after=generation - 1, at=1_700_000_000.125)), "a first token is saved"
    return token
