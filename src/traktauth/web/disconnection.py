"""The end of the login of a user who disconnects Trakt from the application, or from their account in a library."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from traktauth.client.driver.sync_driver import write_log
from traktauth.errors import LoginExists, LoginRequired, StoreFailed, TraktAuthError
from traktauth.flow.effects import LogMessage

if TYPE_CHECKING:
    from traktauth.client.sync_client import Trakt


def end_login(trakt: Trakt, *, revoke: bool = True) -> None:
    """Revoke a login at Trakt and remove it from the store; a failure is logged, and not raised.

    The user is disconnected in any case. So a login that cannot be revoked is deleted from the store: otherwise a
    keeper would refresh it for ever.

    Args:
        trakt: the client of the user.
        revoke: whether to revoke it at Trakt.
    """
    try:
        with suppress(LoginRequired):  # it has ended already
            _sign_out(trakt, revoke=revoke)
        trakt.erase()
    except (LoginRequired, LoginExists):
        pass  # nothing is stored, or the user has signed in again meanwhile
    except TraktAuthError as error:
        _warn(trakt, f"the user has disconnected, but the login is still stored: {error.message}")


def end_login_after_commit(trakt: Trakt, *, revoke: bool) -> None:
    """End a login once the request's transaction is committed, if the store knows of it; otherwise at once.

    Args:
        trakt: the client of the user.
        revoke: whether to revoke it at Trakt.
    """
    work = partial(end_login, trakt, revoke=revoke)
    after_commit = getattr(trakt.store, "after_commit", None)
    if after_commit is None:
        work()
    else:
        after_commit(work)


def _sign_out(trakt: Trakt, *, revoke: bool) -> None:
    if revoke:
        try:
            trakt.logout()
        except (LoginRequired, StoreFailed):
            raise
        except TraktAuthError as error:
            _warn(
                trakt,
                f"the user has disconnected, but the login could not be revoked ({error.message}); "
                "its tokens are deleted from the store, and valid at Trakt until they expire",
            )
        else:
            return
    trakt.logout(local=True)


def _warn(trakt: Trakt, message: str) -> None:
    write_log(LogMessage(message, event="web-error", warning=True), trakt.config.key)
