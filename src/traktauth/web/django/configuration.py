"""The setting `TRAKTAUTH`, and the web sign-in that is made from it."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from traktauth.errors import AppInvalid
from traktauth.models import App
from traktauth.stores.base import TokenStore
from traktauth.web.django.store import DjangoStore
from traktauth.web.libraries import OPTIONS, WebLogins
from traktauth.web.login import WebLogin
from traktauth.web.paths import LoginPaths, local_path

# The keys of the setting, and the argument of WebLogin that each is; the app's come first.
_APP = {
    "CLIENT_ID": "client_id",
    "CLIENT_SECRET": "client_secret",
    "REDIRECT_URI": "redirect_uri",
    "USER_AGENT": "user_agent",
}
_LOGIN = {**OPTIONS, "MAX_AGE": "max_age"}
KEYS = frozenset(_APP) | frozenset(_LOGIN) | {"STORE", "SECRET", "AFTER", "REVOKE"}


class Configured(NamedTuple):
    """The setting, checked.

    Attributes:
        app: the app.
        store: where logins are kept: an address, or a store; None: the project's database.
        secret: what the sign-in's cookies are authenticated with.
        options: further arguments of `WebLogin`.
        after: the path after a sign-in without `next`, and after a sign-out; None: the project's root.
        revoke: whether a sign-out revokes the login at Trakt.
    """

    app: App
    store: str | TokenStore | None
    secret: str
    options: dict[str, Any]
    after: str | None
    revoke: bool


def read_settings() -> Configured:
    """Read the setting.

    Raises:
        ImproperlyConfigured: a key is missing or unknown, or a value cannot be right.
    """
    setting: dict[str, Any] = getattr(settings, "TRAKTAUTH", {})
    unknown = sorted(set(setting) - KEYS)
    if unknown:
        raise ImproperlyConfigured(f"TRAKTAUTH has no key {', '.join(unknown)}; there are {', '.join(sorted(KEYS))}")
    missing = [name for name in ("CLIENT_ID", "REDIRECT_URI") if not setting.get(name)]
    if missing:
        raise ImproperlyConfigured(f"TRAKTAUTH needs {' and '.join(missing)}, as in the app's settings at Trakt")
    try:
        app = App(**{_APP[name]: value for name, value in setting.items() if name in _APP and value is not None})
        LoginPaths(app.redirect_uri)
    except AppInvalid as error:
        raise ImproperlyConfigured(f"TRAKTAUTH: {error.message}. {error.hint}") from error
    except ValueError as error:
        raise ImproperlyConfigured(f"TRAKTAUTH: {error}") from error
    return Configured(
        app,
        setting.get("STORE"),
        setting.get("SECRET") or settings.SECRET_KEY,
        {_LOGIN[name]: value for name, value in setting.items() if name in _LOGIN},
        None if (after := setting.get("AFTER")) is None else local_path(after),
        bool(setting.get("REVOKE", False)),
    )


_web_logins = WebLogins()


def web_login() -> WebLogin:
    """Return the project's web sign-in, made at the first call.

    Raises:
        ImproperlyConfigured: the setting is wrong.
    """
    return _web_logins.find("", _new_web_login)


def _new_web_login() -> WebLogin:
    configured = read_settings()
    store = DjangoStore() if configured.store is None else configured.store
    try:
        return WebLogin(configured.app, store=store, secret=configured.secret, **configured.options)
    except ValueError as error:
        raise ImproperlyConfigured(f"TRAKTAUTH: {error}") from error


@receiver(setting_changed)
def _forget(*, setting: str, **_: Any) -> None:  # noqa: ANN401 - as the signal sends it
    """Make another sign-in after `override_settings`."""
    if setting == "TRAKTAUTH":
        _web_logins.clear()
