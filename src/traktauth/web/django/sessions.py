"""Who is signed in, by the request's session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from traktauth.errors import LoginRequired
from traktauth.web.django.configuration import web_login
from traktauth.web.requests import NOT_SIGNED_IN, SESSION_KEY

if TYPE_CHECKING:
    from django.http import HttpRequest

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
