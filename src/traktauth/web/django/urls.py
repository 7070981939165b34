"""The sign-in's routes, for `path("trakt/", include("traktauth.web.django.urls"))`."""

from __future__ import annotations

from django.urls import path

from traktauth.web.django import views
from traktauth.web.paths import CALLBACK, LOGIN

app_name = "traktauth"
urlpatterns = [
    path(LOGIN.removeprefix("/"), views.login, name="login"),
    path(CALLBACK.removeprefix("/"), views.callback, name="callback"),
    path("logout", views.logout, name="logout"),
]
