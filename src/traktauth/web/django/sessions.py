"""Who is signed in, by the request's session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from traktauth.errors import LoginRequired
from traktauth.web.django.configuration import web_login
from traktauth.web.requests import NOT_SIGNED_IN
from traktauth.web.session import SESSION_KEY

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from traktauth.client.sync_client import Trakt


def session_of(request: HttpRequest) -> Any:  # noqa: ANN401 - a session of any backend
    """Return the request's session.

    Raises:
        ImproperlyConfigured: the project has no sessions.
    """
    session = getattr(request, "session", None)
    if session is None:
        raise ImproperlyConfigured(
            "Trakt sign-in needs sessions: add django.contrib.sessions.middleware.SessionMiddleware to MIDDLEWARE"
        )
    return session


def save_session(session: Any, response: HttpResponse) -> None:  # noqa: ANN401 - a session of any backend
    """Save a session whatever the response's status is: Django's middleware does not save it with a 503."""
    session.save()
    response.set_cookie(
        settings.SESSION_COOKIE_NAME,
        session.session_key,
        max_age=None if session.get_expire_at_browser_close() else session.get_expiry_age(),
        domain=settings.SESSION_COOKIE_DOMAIN,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=settings.SESSION_COOKIE_HTTPONLY,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )


def account_of(request: HttpRequest) -> str | None:
    """Return the account of the user who is signed in, or None."""
    account: str | None = session_of(request).get(SESSION_KEY)
    return account


def trakt_of(request: HttpRequest) -> Trakt:
    """Return the `Trakt` of the user who is signed in.

    Raises:
        LoginRequired: no user is signed in; `trakt_required` turns it into a response.
    """
    account = account_of(request)
    if account is None:
        raise LoginRequired(NOT_SIGNED_IN)
    return web_login().trakt(account)
