"""What the session of a user holds, whatever framework keeps it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

SESSION_KEY = "trakt_account"
"""The session's entry: the account that `finish` returned."""

REVOCATION_KEY = "trakt_revocation"
"""Instead of it, after a sign-out: the account of a user whose login is still to be revoked."""

LAST_KEY = "trakt_last_account"
"""Instead of it, after a sign-out: whose the other entries are, so that another user does not inherit them."""


class Session(Protocol):
    """A session of any framework."""

    def get(self, key: str, /) -> Any:  # noqa: ANN401 - what the application keeps in it
        """Return an entry, or None."""

    def pop(self, key: str, default: None, /) -> Any:  # noqa: ANN401 - the same
        """Remove an entry and return it."""

    def __setitem__(self, key: str, value: str, /) -> None: ...


@contextmanager
def begin_session(session: Session, account: str, *, clear: Callable[[], object]) -> Generator[None]:
    """Sign a user in, unless the application refuses it: an exception in the block signs the user out again.

    Args:
        session: the session.
        account: whose.
        clear: empties the session; it is called if another Trakt account is, or was last, signed in.
    """
    if (session.get(SESSION_KEY) or session.get(LAST_KEY)) not in {None, account}:
        clear()
    session.pop(LAST_KEY, None)
    session.pop(REVOCATION_KEY, None)
    session[SESSION_KEY] = account
    try:
        yield
    except BaseException:
        leave_session(session)
        raise
    session.pop(LAST_KEY, None)
    session[SESSION_KEY] = account  # the block may have emptied the session, as Django's login() does


def leave_session(session: Session) -> str | None:
    """Sign a user out, and note whose the rest of the session is; return the account."""
    account: str | None = session.pop(SESSION_KEY, None)
    if account is not None:
        session[LAST_KEY] = account
    return account


def end_session(session: Session, *, revoke: bool) -> str | None:
    """Sign a user out; return the account whose login is to be revoked.

    It stays in the session until `end_revocation`, so that a sign-out that could not be sent can be repeated.

    Args:
        session: the session.
        revoke: whether the login is to be revoked.
    """
    account = leave_session(session)
    pending: str | None = session.pop(REVOCATION_KEY, None)
    if not revoke:
        return None
    account = account or pending
    if account is not None:
        session[REVOCATION_KEY] = account
    return account


def end_revocation(session: Session) -> None:
    """Forget the account of a login that was revoked, or that cannot be."""
    session.pop(REVOCATION_KEY, None)
