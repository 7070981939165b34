"""The Django app; allauth finds the provider in it."""

from __future__ import annotations

from django.apps import AppConfig

from traktauth.web.access_log import hide_codes


class TraktAllauthConfig(AppConfig):
    """Trakt as a provider of allauth."""

    name = "traktauth.web.allauth"
    label = "traktauth_allauth"
    verbose_name = "Trakt for allauth"

    def ready(self) -> None:
        """Hide codes in the development server's log."""
        hide_codes()
