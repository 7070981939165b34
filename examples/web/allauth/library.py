"""A web application with Trakt sign-in, on django-allauth: the views and their addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.urls import include, path

from traktauth import LoginRequired
from traktauth.web.allauth import trakt_for

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


def home(request: HttpRequest) -> HttpResponse:
    """Show the start page."""
    return render(request, "home.html")


@login_required
def history(request: HttpRequest) -> HttpResponse:
    """Show what the user has watched."""
    trakt = trakt_for(SocialAccount.objects.get(user=request.user, provider="trakt"))
    try:
        entries = trakt.request("GET", "/sync/history").json()
    except LoginRequired:  # revoked: the user signs in again
        return redirect("/accounts/trakt/login/?next=/history")
    watched = [entry[entry["type"]] for entry in entries]
    return render(request, "history.html", {"username": trakt.status().username, "watched": watched})


urlpatterns = [path("", home), path("history", history), path("accounts/", include("allauth.urls"))]
