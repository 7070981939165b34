"""Who is signed in, the decorator of views that need it, and the sign-in's routes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from http import HTTPStatus
from inspect import iscoroutinefunction

from django.conf import settings
from django.contrib.auth import logout as django_logout
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import ImproperlyConfigured
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import rotate_token
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from traktauth.client.sync_client import Trakt
from traktauth.errors import LoginRequired, StoreFailed, TryLater
from traktauth.flow.logout import SignedOut
from traktauth.web.django.configuration import login_routes, web_login
from traktauth.web.login import SignedIn, WebLogin
from traktauth.web.pages import RouteResponse
from traktauth.web.paths import CALLBACK, LOGIN
from traktauth.web.requests import NOT_SIGNED_IN, WebRequest
from traktauth.web.routes import SignInSession, outage_response, run_route
from traktauth.web.routes import disconnect as disconnect_trakt

signed_in = Signal()
"""Sent by the callback with `request` and `signed_in`, a `SignedIn`; an exception in a receiver refuses the sign-in."""


def session_of(request: HttpRequest) -> SessionBase:
    """Return the request's session.

    Raises:
        ImproperlyConfigured: the project has no sessions.
    """
    session: SessionBase | None = getattr(request, "session", None)
    if session is None:
        raise ImproperlyConfigured(
            "Trakt sign-in needs sessions: add django.contrib.sessions.middleware.SessionMiddleware to MIDDLEWARE"
        )
    return session


def account_of(request: HttpRequest) -> str | None:
    """Return the account of the user who is signed in, or None."""
    return SignInSession(session_of(request), web_login()).account


def trakt_of(request: HttpRequest) -> Trakt:
    """Return the `Trakt` of the user who is signed in.

    Raises:
        LoginRequired: no user is signed in; `trakt_required` turns it into a response.
    """
    account = account_of(request)
    if account is None:
        raise LoginRequired(NOT_SIGNED_IN)
    return web_login().trakt(account)


def disconnect(request: HttpRequest) -> SignedOut:
    """Revoke the user's login at Trakt, forget it, and sign the user out of the session.

    The login and the account's name are removed from the store, and the account from the session. Call it in a
    view that takes POST only, and that is protected as your other forms are.

    Returns:
        What was revoked; `left` tells of a refresh token that may still be valid at Trakt.

    Raises:
        LoginRequired: no user is signed in; `trakt_required` turns it into a response.
        TryLater, StoreFailed: it could not be revoked at the moment; nothing was changed.
        AppRejected: Trakt refuses the app; nothing was changed.
    """
    session = session_of(request)
    outcome = run_route(disconnect_trakt(trakt_of(request), SignInSession(session, web_login())))
    session.cycle_key()
    return outcome


def trakt_required(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Let a view be called only if a user is signed in and their login has not ended.

    Otherwise a browser is redirected to the sign-in, and a program gets 401. An outage is a 503.

    Raises:
        TypeError: the view is async, while sessions and the ORM are not.
    """
    if iscoroutinefunction(view):
        raise TypeError("trakt_required takes a view that is not async; call the API in a plain view")

    @wraps(view)
    def wrapper(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        session = session_of(request)
        if account_of(request) is None:
            return _response(login_routes().unauthorized(_web_request(request), session))
        try:
            return view(request, *args, **kwargs)
        except LoginRequired as error:
            return _response(login_routes().unauthorized(_web_request(request), session, error))
        except (TryLater, StoreFailed) as error:
            return _response(outage_response(_web_request(request), error))

    return wrapper


@csrf_exempt  # a form of another site is refused by its origin
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def login(request: HttpRequest) -> HttpResponse:
    """Send the browser to Trakt."""
    session_of(request)  # without sessions no browser is sent to Trakt
    routes = login_routes()
    routes.paths.check_route(request.path.removesuffix(LOGIN) + CALLBACK)
    return _response(routes.login(_web_request(request, origin=_origin(request), next_path=request.GET.get("next"))))


@never_cache
def callback(request: HttpRequest) -> HttpResponse:
    """Finish the sign-in, and keep the account in the session."""
    session = session_of(request)

    def accept(user: SignedIn) -> None:
        signed_in.send(sender=WebLogin, request=request, signed_in=user)

    def renew() -> None:
        session.cycle_key()
        if "CSRF_COOKIE" in request.META:  # who has planted the token of this browser or session, knows it
            rotate_token(request)

    # Another Trakt account leaves nothing behind: the project's own user is signed out too.
    clear = partial(django_logout, request)
    routes = login_routes()
    route = routes.callback(_web_request(request), session, clear=clear, accept=accept, renew=renew)
    return _response(run_route(route))


@require_POST
@never_cache
def logout(request: HttpRequest) -> HttpResponse:
    """End the session's sign-in; with `REVOKE` also the login at Trakt."""
    session = session_of(request)
    route = login_routes().logout(_web_request(request, origin=_origin(request)), session, renew=session.cycle_key)
    response = _response(run_route(route))
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _save_session(session, response)
    return response


def _web_request(request: HttpRequest, *, origin: str = "", next_path: str | None = None) -> WebRequest:
    return WebRequest(
        request.method or "",
        request.get_full_path(),
        request.headers.get,
        root=request.path.removesuffix(request.path_info) + "/",
        origin=origin,
        cookies=request.headers.get("Cookie", ""),
        next=next_path,
    )


def _origin(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


def _response(response: RouteResponse) -> HttpResponse:
    made = HttpResponse(response.body, status=response.status, headers=response.headers)
    for name, value, options in response.cookies:
        made.set_cookie(name, value, **options)
    return made


def _save_session(session: SessionBase, response: HttpResponse) -> None:
    """Save a session whatever the response's status is: Django's middleware does not save it with a 503."""
    session.save()
    response.set_cookie(
        settings.SESSION_COOKIE_NAME,
        str(session.session_key),
        max_age=None if session.get_expire_at_browser_close() else session.get_expiry_age(),
        domain=settings.SESSION_COOKIE_DOMAIN,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=settings.SESSION_COOKIE_HTTPONLY,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )
