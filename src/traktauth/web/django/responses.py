"""Responses of the sign-in's views, and the paths that they lead to."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.http import HttpResponse, HttpResponseRedirect

from traktauth.web.django.configuration import web_login
from traktauth.web.paths import LoginPaths

if TYPE_CHECKING:
    from traktauth.web.pages import Page


class SeeOther(HttpResponseRedirect):
    """A redirect whose target is fetched with GET."""

    status_code = HTTPStatus.SEE_OTHER


def paths() -> LoginPaths:
    """Return the paths of the sign-in's routes."""
    return LoginPaths(web_login().app.redirect_uri)


def response_of(page: Page) -> HttpResponse:
    """Return a page as a response."""
    return HttpResponse(page.html, status=page.status, headers=page.headers)
