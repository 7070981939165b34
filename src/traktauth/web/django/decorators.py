"""`trakt_required`: views that need a user who is signed in."""

from __future__ import annotations

from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from traktauth.errors import LoginRequired, StoreFailed, TryLater
from traktauth.web.django.responses import paths, response_of, web_request
from traktauth.web.django.sessions import account_of, session_of
from traktauth.web.responses import outage_response, unauthorized_response

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
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401 - the view's
        session = session_of(request)
        if account_of(request) is None:
            return response_of(unauthorized_response(web_request(request), paths(), session))
        try:
            return view(request, *args, **kwargs)
        except LoginRequired as error:
            return response_of(unauthorized_response(web_request(request), paths(), session, error))
        except (TryLater, StoreFailed) as error:
            return response_of(outage_response(web_request(request), error))

    return wrapper
