"""The Django app: its name, and checks of the project's settings."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.urls import NoReverseMatch, reverse

from traktauth.errors import TraktAuthError
from traktauth.web.access_log import hide_codes
from traktauth.web.django.configuration import web_login
from traktauth.web.django.store import DjangoStore

# Backends of sessions that need a table of the project.
_WITH_TABLE = {"django.contrib.sessions.backends.db", "django.contrib.sessions.backends.cached_db"}


class TraktAuthConfig(AppConfig):
    """Trakt sign-in."""

    name = "traktauth.web.django"
    label = "traktauth"
    verbose_name = "Trakt sign-in"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, and hide codes in the development server's log."""
        hide_codes()
        checks.register(check_settings)


def check_settings(**_: object) -> list[CheckMessage]:
    """Check what `manage.py check` can see: the settings, the sessions and the address of the callback."""
    found = [*_check_sessions(), *_check_transactions()]
    callback = _path_of_callback()
    if not hasattr(settings, "TRAKTAUTH") and callback is None:
        return found  # another module of traktauth.web has the app's settings
    try:
        redirect_uri = web_login().app.redirect_uri
    except ImproperlyConfigured as error:
        return [*found, Error(str(error), id="traktauth.E002")]
    except TraktAuthError as error:
        return [*found, Error(f"TRAKTAUTH: {error.message}", hint=error.hint, id="traktauth.E002")]
    path = urlsplit(redirect_uri).path
    if callback is not None and path != callback:
        hint = f"Register https://YOUR-HOST{callback} for the app and set REDIRECT_URI to it"
        message = f"TRAKTAUTH['REDIRECT_URI'] leads to {path}, but the callback is at {callback}"
        found.append(checks.Warning(message, hint=hint, id="traktauth.W001"))
    return found


def _check_sessions() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not any("SessionMiddleware" in name for name in settings.MIDDLEWARE):
        hint = 'Add "django.contrib.sessions.middleware.SessionMiddleware" to MIDDLEWARE'
        found.append(Error("Trakt sign-in needs sessions", hint=hint, id="traktauth.E001"))
    elif settings.SESSION_ENGINE in _WITH_TABLE and not apps.is_installed("django.contrib.sessions"):
        hint = 'Add "django.contrib.sessions" to INSTALLED_APPS, then run manage.py migrate'
        found.append(Error("Trakt sign-in needs the sessions' table", hint=hint, id="traktauth.E001"))
    return found


def _check_transactions() -> list[CheckMessage]:
    """Return a warning if the transaction of each request keeps the store from saving: SQLite has one writer."""
    allauth = getattr(settings, "SOCIALACCOUNT_PROVIDERS", {}).get("trakt", {})
    stores = (
        getattr(settings, "TRAKTAUTH", {}).get("STORE"),
        allauth.get("STORE"),
        getattr(settings, "SOCIAL_AUTH_TRAKT_STORE", None),
    )
    used = next((store for store in stores if store is not None), None) or DjangoStore()
    if not isinstance(used, DjangoStore):
        return []
    connection = connections[used.using]
    if connection.vendor != "sqlite" or not connection.settings_dict["ATOMIC_REQUESTS"]:
        return []
    hint = "Keep the logins elsewhere: STORE = 'sqlite:/PATH/OF/ANOTHER/FILE'; or use PostgreSQL"
    message = "With ATOMIC_REQUESTS on SQLite no login can be saved or refreshed during a request"
    return [checks.Warning(message, hint=hint, id="traktauth.W002")]


def _path_of_callback() -> str | None:
    """Return the path of the callback; None if the project has not included the routes."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return None
    try:
        return reverse("traktauth:callback")
    except NoReverseMatch:
        return None
