"""Responses of the sign-in's views, and the paths that they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse

from traktauth.web.django.configuration import web_login
from traktauth.web.paths import LoginPaths
from traktauth.web.requests import WebRequest
from traktauth.web.state_cookie import expired_cookie

if TYPE_CHECKING:
    from django.http import HttpRequest

    from traktauth.web.responses import RouteResponse


def paths() -> LoginPaths:
    """Return the paths of the sign-in's routes."""
    return LoginPaths(web_login().app.redirect_uri)


def web_request(request: HttpRequest) -> WebRequest:
    """Return what the sign-in needs to know of a request."""
    return WebRequest(request.method or "", request.get_full_path(), request.headers.get)


def response_of(response: RouteResponse) -> HttpResponse:
    """Return a response as Django sends it."""
    made = HttpResponse(response.body, status=response.status, headers=response.headers)
    if response.old_cookie is not None:
        made.set_cookie(response.old_cookie, "", **expired_cookie(response.old_cookie))
    return made
