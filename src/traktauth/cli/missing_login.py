"""The error for an account that the store has no login of: what the store has instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.display import shorten
from traktauth.errors import TraktAuthError
from traktauth.hints import LOGIN_COMMAND, Hint
from traktauth.models.record import EMPTY

if TYPE_CHECKING:
    from traktauth.client.sync_client import Trakt
    from traktauth.errors import LoginRequired
    from traktauth.models import LoginKey

_MOST = 5  # accounts that are named


def describe_missing_login(error: LoginRequired, trakt: Trakt) -> None:
    """Name the account in an error, the accounts that have a login, and settings of another app or service."""
    try:
        if trakt.store.load(trakt.config.key) != EMPTY:
            return
        others = [each for each in trakt.store.list_logins() if trakt.store.load(each).token is not None]
    except TraktAuthError:
        return
    own = trakt.config.key
    accounts = [each.account for each in others if (each.realm, each.client_id) == (own.realm, own.client_id)]
    error.message = f"Account {shorten(own.account)} has no login"
    if accounts:
        more = ", …" if len(accounts) > _MOST else ""
        error.message += f" (this store has: {', '.join(map(shorten, sorted(accounts)[:_MOST]))}{more})"
    elif others:
        error.hint = _other_app(others, own)


def _other_app(others: list[LoginKey], own: LoginKey) -> str:
    first = f"{others[0].account} at {others[0].realm} (app {others[0].client_id[:8]}…)"
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return Hint(
        f"The store has {first}{more}, but the settings name the app {own.client_id[:8]}… at {own.realm}. Check "
        "TRAKTAUTH_CLIENT_ID and TRAKTAUTH_SERVICE, or sign in: ",
        LOGIN_COMMAND,
    )
