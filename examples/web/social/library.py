"""A web application with Trakt sign-in, on social-auth for Django: the views and their addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.urls import include, path
from django.views.decorators.http import require_POST
from social_django.utils import load_backend, load_strategy

from traktauth import LoginRequired

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


def home(request: HttpRequest) -> HttpResponse:
    """Show the start page."""
    return render(request, "home.html")


@login_required
def history(request: HttpRequest) -> HttpResponse:
    """Show what the user has watched."""
    backend = load_backend(load_strategy(request), "trakt", redirect_uri=None)
    trakt = backend.trakt(request.user.social_auth.get(provider="trakt").uid)
    try:
        entries = trakt.request("GET", "/sync/history").json()
    except LoginRequired:  # revoked: the user signs in again
        logout(request)
        return redirect("/")
    watched = [entry[entry["type"]] for entry in entries]
    return render(request, "history.html", {"username": trakt.status().username, "watched": watched})


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("/")


urlpatterns = [
    path("", home),
    path("history", history),
    path("sign-out", sign_out),
    path("", include("social_django.urls", namespace="social")),
]
