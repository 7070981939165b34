"""Who is signed in, by the request's session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from traktauth.errors import LoginRequired
from traktauth.web.disconnection import disconnect as disconnect_trakt
from traktauth.web.django.configuration import web_login
from traktauth.web.requests import NOT_SIGNED_IN
from traktauth.web.session import SESSION_KEY, leave_session

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from traktauth.client.sync_client import Trakt
    from traktauth.models.signed_out import SignedOut


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
    outcome = disconnect_trakt(trakt_of(request))
    leave_session(session)
    session.cycle_key()
    return outcome
