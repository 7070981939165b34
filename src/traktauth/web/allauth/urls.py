# pyright: basic
"""The sign-in's routes, which allauth includes by itself: `trakt/login/`, `trakt/login/callback/`."""

from __future__ import annotations

from allauth.socialaccount.providers.oauth2.urls import default_urlpatterns

from traktauth.web.allauth.provider import TraktProvider

urlpatterns = default_urlpatterns(TraktProvider)
