"""The sign-in's routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from traktauth.errors import LoginRequired, StoreFailed, TryLater
from traktauth.web.django.configuration import read_settings, web_login
from traktauth.web.django.responses import SeeOther, paths, response_of
from traktauth.web.django.sessions import session_of
from traktauth.web.failure import LoginFailed
from traktauth.web.pages import failure_page, method_page, refused_page, unavailable_page
from traktauth.web.requests import FOREIGN_FORM, SESSION_KEY, is_foreign
from traktauth.web.state_cookie import expired_cookie, surplus_cookies

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@never_cache
def login(request: HttpRequest) -> HttpResponse:
    """Send the browser to Trakt."""
    session_of(request)  # without sessions no browser is sent to Trakt
    started = web_login().start(request.GET.get("next", read_settings().after))
    response = SeeOther(started.url)
    for name in surplus_cookies(request.COOKIES):
        response.set_cookie(name, "", **expired_cookie(name))
    response.set_cookie(started.cookie_name, started.cookie_value, **started.cookie_options)
    return response


@never_cache
def callback(request: HttpRequest) -> HttpResponse:
    """Finish the sign-in, and keep the account in the session."""
    if request.method != "GET":  # HEAD must not spend the code
        return response_of(method_page("GET"))
    session = session_of(request)
    response: HttpResponse
    try:
        signed_in = web_login().finish(request.COOKIES, request.get_full_path())
    except LoginFailed as failed:
        response = response_of(failure_page(failed, paths()))
        name = failed.cookie_name
    else:
        if session.get(SESSION_KEY) not in {None, signed_in.account} and not _is_user(request):
            session.flush()  # what another user left
        session.cycle_key()
        session[SESSION_KEY] = signed_in.account
        response = SeeOther(signed_in.next)
        name = signed_in.cookie_name
    if name is not None:
        response.set_cookie(name, "", **expired_cookie(name))
    return response


@require_POST
@never_cache
def logout(request: HttpRequest) -> HttpResponse:
    """End the session's sign-in; with `REVOKE` also the login at Trakt."""
    if is_foreign(request.headers.get, paths().origin, f"{request.scheme}://{request.get_host()}"):
        return response_of(refused_page(FOREIGN_FORM))
    configured = read_settings()
    session = session_of(request)
    account = session.pop(SESSION_KEY, None)
    session.cycle_key()
    if account is not None and configured.revoke:
        try:
            web_login().trakt(account).logout()
        except LoginRequired:
            pass  # it has ended already
        except (TryLater, StoreFailed) as error:
            return response_of(unavailable_page(error))
    return SeeOther(configured.after)


def _is_user(request: HttpRequest) -> bool:
    """Return whether a user of the project is signed in, who connects another Trakt account."""
    user = getattr(request, "user", None)
    return user is not None and user.is_authenticated
