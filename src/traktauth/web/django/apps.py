"""The Django app: its name, and checks of the project's settings."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's name for a kind of message
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, reverse

from traktauth.web.access_log import hide_codes


class TraktAuthConfig(AppConfig):
    """Trakt sign-in."""

    name = "traktauth.web.django"
    label = "traktauth"
    verbose_name = "Trakt sign-in"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, and hide codes in the development server's log."""
        hide_codes()
        register(check_settings)


def check_settings(app_configs: Any, **_: Any) -> list[CheckMessage]:  # noqa: ANN401, ARG001 - as Django calls it
    """Check what `manage.py check` can see: the settings, the sessions and the address of the callback."""
    from traktauth.web.django.configuration import read_settings  # noqa: PLC0415 - once the apps are ready

    found: list[CheckMessage] = []
    if not any("SessionMiddleware" in name for name in settings.MIDDLEWARE):
        hint = 'Add "django.contrib.sessions.middleware.SessionMiddleware" to MIDDLEWARE'
        found.append(Error("Trakt sign-in needs sessions", hint=hint, id="traktauth.E001"))
    if not hasattr(settings, "TRAKTAUTH"):
        return found  # another module of traktauth.web has the app's settings
    try:
        configured = read_settings()
    except ImproperlyConfigured as error:
        return [*found, Error(str(error), id="traktauth.E002")]
    try:
        callback = reverse("traktauth:callback")
    except NoReverseMatch:
        return found
    path = urlsplit(configured.app.redirect_uri).path
    if path != callback:
        hint = f"Register https://YOUR-HOST{callback} for the app and set REDIRECT_URI to it"
        message = f"TRAKTAUTH['REDIRECT_URI'] leads to {path}, but the callback is at {callback}"
        found.append(Warning(message, hint=hint, id="traktauth.W001"))
    return found
