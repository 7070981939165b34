"""The setting `TRAKTAUTH`, and the web sign-in that is made from it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from traktauth.errors import AppInvalid
from traktauth.models import App
from traktauth.web.django.store import DjangoStore
from traktauth.web.libraries import OPTIONS, WebLogins
from traktauth.web.login import WebLogin
from traktauth.web.paths import LoginPaths
from traktauth.web.routes import LoginRoutes

# The keys of the setting, and the argument of WebLogin that each is; the app's come first.
_APP = {
    "CLIENT_ID": "client_id",
    "CLIENT_SECRET": "client_secret",
    "REDIRECT_URI": "redirect_uri",
    "USER_AGENT": "user_agent",
}
_LOGIN = {**OPTIONS, "MAX_AGE": "max_age"}
KEYS = frozenset(_APP) | frozenset(_LOGIN) | {"STORE", "SECRET", "AFTER", "REVOKE"}


_web_logins = WebLogins()


def web_login() -> WebLogin:
    """Return the project's web sign-in, made at the first call.

    Raises:
        ImproperlyConfigured: a key of the setting is missing or unknown, or a value cannot be right.
    """
    return _web_logins.find("", _new_web_login)


def login_routes() -> LoginRoutes[WebLogin]:
    """Return the sign-in's routes."""
    setting = settings.TRAKTAUTH
    return LoginRoutes(web_login(), after=setting.get("AFTER"), revoke=bool(setting.get("REVOKE", False)))


def _new_web_login() -> WebLogin:
    setting: dict[str, Any] = getattr(settings, "TRAKTAUTH", {})
    unknown = sorted(set(setting) - KEYS)
    if unknown:
        raise ImproperlyConfigured(f"TRAKTAUTH has no key {', '.join(unknown)}; there are {', '.join(sorted(KEYS))}")
    missing = [name for name in ("CLIENT_ID", "REDIRECT_URI") if not setting.get(name)]
    if missing:
        raise ImproperlyConfigured(f"TRAKTAUTH needs {' and '.join(missing)}, as in the app's settings at Trakt")
    store, secret = setting.get("STORE"), setting.get("SECRET") or settings.SECRET_KEY
    options = {_LOGIN[name]: value for name, value in setting.items() if name in _LOGIN}
    try:
        app = App(**{_APP[name]: value for name, value in setting.items() if name in _APP and value is not None})
        LoginPaths(app.redirect_uri)
        return WebLogin(app, store=DjangoStore() if store is None else store, secret=secret, **options)
    except AppInvalid as error:
        raise ImproperlyConfigured(f"TRAKTAUTH: {error.message}. {error.hint}") from error
    except ValueError as error:
        raise ImproperlyConfigured(f"TRAKTAUTH: {error}") from error


@receiver(setting_changed)
def _forget(*, setting: str, **_: object) -> None:
    """Make another sign-in after `override_settings`."""
    if setting == "TRAKTAUTH":
        _web_logins.clear()
