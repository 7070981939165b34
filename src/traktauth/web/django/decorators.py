"""`trakt_required`: views that need a user who is signed in."""

from __future__ import annotations

from functools import wraps
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, JsonResponse

from traktauth.errors import LoginRequired, StoreFailed, TryLater
from traktauth.web.django.responses import SeeOther, paths, response_of
from traktauth.web.django.sessions import account_of, session_of
from traktauth.web.pages import unavailable_page
from traktauth.web.requests import NOT_SIGNED_IN, SESSION_KEY, wants_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


def trakt_required(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Let a view be called only if a user is signed in and their login has not ended.

    Otherwise a browser is redirected to the sign-in, and a program gets 401. An outage is a 503.

    Raises:
        TypeError: the view is async, while sessions and the ORM are not.
    """
    if iscoroutinefunction(view):
        raise TypeError("trakt_required takes a view that is not async; call the API in a plain view")

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401 - the view's
        if account_of(request) is None:
            return _unauthorized(request)
        try:
            return view(request, *args, **kwargs)
        except LoginRequired:
            session_of(request).pop(SESSION_KEY, None)
            return _unauthorized(request)
        except (TryLater, StoreFailed) as error:
            page = unavailable_page(error)
            if wants_page(request.method or "", request.headers.get):
                return response_of(page)
            after = {"Retry-After": page.headers["Retry-After"]}
            return JsonResponse({"detail": str(error)}, status=page.status, headers=after)

    return guarded


def _unauthorized(request: HttpRequest) -> HttpResponse:
    if wants_page(request.method or "", request.headers.get):
        return SeeOther(paths().login_for(request.get_full_path()))
    return JsonResponse({"detail": NOT_SIGNED_IN}, status=HTTPStatus.UNAUTHORIZED)
