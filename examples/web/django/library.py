"""A web application with Trakt sign-in, on Django: the views and their addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.urls import include, path

from traktauth.web.django import account_of, trakt_of, trakt_required

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


def home(request: HttpRequest) -> HttpResponse:
    """Show the start page."""
    return render(request, "home.html", {"account": account_of(request)})


@trakt_required
def history(request: HttpRequest) -> HttpResponse:
    """Show what the user has watched."""
    trakt = trakt_of(request)
    entries = trakt.request("GET", "/sync/history").json()
    watched = [entry[entry["type"]] for entry in entries]
    return render(request, "history.html", {"username": trakt.status().username, "watched": watched})


urlpatterns = [path("", home), path("history", history), path("trakt/", include("traktauth.web.django.urls"))]
