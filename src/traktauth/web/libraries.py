"""What Django's settings and the sign-in libraries need: web sign-ins by app, and the end of a disconnected login."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from functools import partial
from secrets import token_hex
from typing import Any

from traktauth.client.driver.sync_driver import write_log
from traktauth.client.sync_client import Trakt
from traktauth.errors import LoginExists, LoginRequired, StoreFailed, TraktAuthError
from traktauth.flow.effects import LogMessage
from traktauth.models import App
from traktauth.stores.base import TokenStore
from traktauth.web.login import WebLogin

# Names of settings, and the arguments of WebLogin that they are.
OPTIONS = {"SERVICE": "service", "LOST_REPLY": "lost_reply", "INSECURE": "insecure", "CLOCK": "clock"}


class WebLogins:
    """Web sign-ins that are made from settings, each at its first use."""

    def __init__(self) -> None:
        self._made: dict[Hashable, WebLogin] = {}

    def find(self, key: Hashable, make: Callable[[], WebLogin]) -> WebLogin:
        """Return the web sign-in under a key; `make` makes it if there is none."""
        if key not in self._made:
            self._made.setdefault(key, make())
        return self._made[key]

    def clear(self) -> None:
        """Close all, as after `override_settings` of Django's tests."""
        for made in self._made.values():
            made.close()
        self._made.clear()


def new_web_login(client_id: str, secret: str | None, store: TokenStore | str, settings: Mapping[str, Any]) -> WebLogin:
    """Return the web sign-in of an app for a library, with settings that have names of `OPTIONS`.

    The library keeps the state of a sign-in, and no cookie is set: so a public app's secret for cookies is random.
    """
    options = {OPTIONS[name]: value for name, value in settings.items() if name in OPTIONS}
    app = App(client_id, client_secret=secret or None)
    return WebLogin(app, store=store, secret=None if secret else token_hex(), **options)


def end_login(trakt: Trakt, *, revoke: bool = True) -> None:
    """Revoke a login at Trakt and remove it from the store; a failure is logged, and not raised.

    The user is disconnected in any case. So a login that cannot be revoked is deleted from the store: otherwise a
    keeper would refresh it for ever.
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
    """End a login once the request's transaction is committed, if the store knows of it; otherwise at once."""
    work = partial(end_login, trakt, revoke=revoke)
    after_commit: Callable[[Callable[[], None]], None] = getattr(trakt.store, "after_commit", lambda now: now())
    after_commit(work)


def _sign_out(trakt: Trakt, *, revoke: bool) -> None:
    try:
        trakt.logout(local=not revoke)
    except TraktAuthError as error:
        if not revoke or isinstance(error, LoginRequired | StoreFailed):
            raise
        _warn(
            trakt,
            f"the user has disconnected, but the login could not be revoked ({error.message}); "
            "its tokens are deleted from the store, and valid at Trakt until they expire",
        )
        trakt.logout(local=True)


def _warn(trakt: Trakt, message: str) -> None:
    write_log(LogMessage(message, event="web-error", warning=True), trakt.config.key)
