"""The responses of the sign-in's routes and of guarded views, whatever framework sends them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from traktauth.client.driver.sync_driver import write_log
from traktauth.client.driver.unheard_log import show_unheard
from traktauth.display import escape
from traktauth.errors import AppRejected, LoginRequired
from traktauth.flow.effects import LogMessage
from traktauth.models.signed_out import SignedOut
from traktauth.values import field, value
from traktauth.web.csrf import FOREIGN_SIGN_IN, is_cross_site, is_from_another_site
from traktauth.web.failure import NO_RESPONSE
from traktauth.web.pages import (
    Page,
    confirmation_page,
    failure_page,
    not_revoked_page,
    partly_revoked_page,
    refused_page,
    retry_seconds,
    sign_in_page,
    unavailable_page,
    unavailable_text,
)
from traktauth.web.requests import NOT_SIGNED_IN, is_navigation, wants_page
from traktauth.web.session import SESSION_KEY, end_revocation, leave_session

if TYPE_CHECKING:
    from traktauth.errors import TraktAuthError
    from traktauth.web.failure import LoginFailed
    from traktauth.web.login import SignedIn
    from traktauth.web.paths import LoginPaths
    from traktauth.web.requests import WebRequest
    from traktauth.web.session import Session

_SEE_OTHER = 303
_UNAUTHORIZED = 401
_UNAVAILABLE = 503


@value
class RouteResponse:
    """A whole response.

    Attributes:
        status: the HTTP status.
        headers: the header fields, with `Content-Type`.
        body: the body.
        old_cookie: the name of a sign-in's cookie to delete, or None.
    """

    status: int
    headers: dict[str, str] = field(repr=False)
    body: str = field(default="", repr=False)
    old_cookie: str | None = None


def foreign_response(request: WebRequest, *origins: str) -> RouteResponse | None:
    """Return the response to a sign-in that another site's page has begun: the user is asked; None if none has.

    Args:
        request: to the route that begins the sign-in.
        origins: origins that are the application's own.
    """
    if request.method == "POST":
        return page_response(refused_page(FOREIGN_SIGN_IN)) if is_cross_site(request.header, *origins) else None
    return page_response(confirmation_page()) if is_from_another_site(request.header) else None


def redirect_response(location: str, *, old_cookie: str | None = None) -> RouteResponse:
    """Return a redirect to a path or address, which is fetched with GET."""
    return RouteResponse(_SEE_OTHER, {"Location": location, "Cache-Control": "no-store"}, old_cookie=old_cookie)


def page_response(page: Page, *, old_cookie: str | None = None) -> RouteResponse:
    """Return a page as a response."""
    headers = {"Content-Type": "text/html; charset=utf-8", **page.headers}
    return RouteResponse(page.status, headers, page.html, old_cookie)


def signed_in_response(signed_in: SignedIn) -> RouteResponse:
    """Return the response to a callback that has signed a user in."""
    return redirect_response(signed_in.next, old_cookie=signed_in.cookie_name)


def failed_response(failed: LoginFailed, paths: LoginPaths, session: Session, after: str) -> RouteResponse:
    """Return the response to a callback that failed.

    A user who is signed in and opens the callback once more (Back, a second click) is sent on: nothing was sent to
    Trakt, and nothing has changed.

    Args:
        failed: the failure.
        paths: the sign-in's routes.
        session: the session, which is not changed.
        after: the path to send a user to who is signed in.
    """
    is_signed_in = session.get(SESSION_KEY) is not None
    if is_signed_in and (failed.cause == "no-cookie" or failed.error == NO_RESPONSE):
        return redirect_response(after)
    page = failure_page(failed, paths, signed_in_at=after if is_signed_in else None)
    if page.status == _UNAVAILABLE:
        show_unheard(escape(f"a sign-in could not be finished: {failed}"))
    return page_response(page, old_cookie=failed.cookie_name)


def signed_out_response(
    session: Session, paths: LoginPaths, after: str, outcome: SignedOut | TraktAuthError | None
) -> RouteResponse:
    """Return the response to a sign-out, after the attempt to revoke the login.

    Args:
        session: the session; the account of the login stays in it if a repetition may revoke it.
        paths: the sign-in's routes.
        after: the path to send the user to.
        outcome: what was revoked, or why it was not; None if nothing was to be revoked.
    """
    if outcome is None or isinstance(outcome, SignedOut | LoginRequired | AppRejected):
        end_revocation(session)
    if isinstance(outcome, SignedOut) and outcome.left:
        return page_response(partly_revoked_page(paths, after))
    if outcome is None or isinstance(outcome, SignedOut | LoginRequired):  # LoginRequired: it had ended already
        return redirect_response(after)
    _log_outage("a sign-out", outcome)
    return page_response(not_revoked_page(outcome))


def unauthorized_response(
    request: WebRequest, paths: LoginPaths, session: Session, error: LoginRequired | None = None
) -> RouteResponse:
    """Sign the user out of the session, as their login has ended; return the response to the request.

    A browser that follows a link is redirected to the sign-in, one that sends a form gets a page, a program JSON.

    Args:
        request: the request.
        paths: the sign-in's routes.
        session: the session.
        error: why the login has ended; None if no user is signed in.
    """
    leave_session(session)
    if wants_page(request.method, request.header):
        return redirect_response(paths.login_for(request.path))
    if is_navigation(request.header):
        return page_response(sign_in_page(paths))
    content = {"detail": NOT_SIGNED_IN}
    if error is not None and error.reason != "never":
        content = {"detail": f"The login with Trakt has ended ({error.reason}): sign in again", "reason": error.reason}
    return _json_response(_UNAUTHORIZED, content)


def outage_response(request: WebRequest, error: Exception) -> RouteResponse:
    """Return the response to a request during which Trakt or the store was unavailable: TryLater, StoreFailed.

    The response names no host and no database; the log does.
    """
    _log_outage(f"{request.method} {request.path.partition('?')[0]}", error)
    if is_navigation(request.header):
        return page_response(unavailable_page(error, is_form=request.method not in {"GET", "HEAD"}))
    return _json_response(_UNAVAILABLE, {"detail": unavailable_text(error)}, retry_seconds(error))


def _log_outage(what: str, error: Exception) -> None:
    """Log why Trakt or the store could not do what a request needed, where the operator sees it."""
    message = escape(f"{what} could not be served: {error}")
    write_log(LogMessage(message, event="web-error", warning=True), None)
    show_unheard(message)


def _json_response(status: int, content: dict[str, str], retry_after: int | None = None) -> RouteResponse:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return RouteResponse(status, headers, json.dumps(content))
