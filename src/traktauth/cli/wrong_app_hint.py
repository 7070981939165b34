"""The hint for a login that the store does not have, where it has logins of other apps or services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.errors import TraktAuthError

if TYPE_CHECKING:
    from traktauth.client.sync_client import Trakt


def wrong_app_hint(trakt: Trakt) -> str:
    """Return a hint if the store has logins of other apps or services only; else an empty text."""
    try:
        others = [each for each in trakt.store.list_logins() if trakt.store.load(each).token is not None]
    except TraktAuthError:
        return ""
    own = trakt.config.key
    others = [each for each in others if (each.realm, each.client_id) != (own.realm, own.client_id)]
    if not others:
        return ""
    first = f"{others[0].account} at {others[0].realm} (app {others[0].client_id[:8]}…)"
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return (
        f"The store has {first}{more}, but the settings name the app {own.client_id[:8]}… at {own.realm}. Check "
        "TRAKTAUTH_CLIENT_ID and TRAKTAUTH_SERVICE, or sign in: traktauth login"
    )
