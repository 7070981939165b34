"""The sign-in's routes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.contrib.auth import logout as django_logout
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from traktauth.errors import TraktAuthError
from traktauth.web.csrf import FOREIGN_FORM, is_cross_site
from traktauth.web.django import signals
from traktauth.web.django.configuration import read_settings, web_login
from traktauth.web.django.responses import paths, response_of, web_request
from traktauth.web.django.sessions import save_session, session_of
from traktauth.web.failure import LoginFailed
from traktauth.web.login import WebLogin
from traktauth.web.pages import method_page, refused_page
from traktauth.web.paths import CALLBACK, LOGIN, local_path
from traktauth.web.responses import (
    failed_response,
    foreign_response,
    page_response,
    redirect_response,
    signed_in_response,
    signed_out_response,
)
from traktauth.web.session import begin_session, end_session
from traktauth.web.state_cookie import expired_cookie, read_cookies, surplus_cookies

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from traktauth.models.signed_out import SignedOut


@csrf_exempt  # a form of another site is refused below, by its origin
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def login(request: HttpRequest) -> HttpResponse:
    """Send the browser to Trakt."""
    session_of(request)  # without sessions no browser is sent to Trakt
    paths().check_route(request.path.removesuffix(LOGIN) + CALLBACK)
    foreign = foreign_response(web_request(request), paths().origin, _origin(request))
    if foreign is not None:
        return response_of(foreign)
    started = web_login().start(request.GET.get("next", _after(request)))
    response = response_of(redirect_response(started.url))
    for name in surplus_cookies(read_cookies(request.headers.get("Cookie"))):
        response.set_cookie(name, "", **expired_cookie(name))
    response.set_cookie(started.cookie_name, started.cookie_value, **started.cookie_options)
    return response


@never_cache
def callback(request: HttpRequest) -> HttpResponse:
    """Finish the sign-in, and keep the account in the session."""
    if request.method != "GET":  # HEAD must not spend the code
        return response_of(page_response(method_page("GET")))
    session = session_of(request)
    try:
        signed_in = web_login().finish(request.headers.get("Cookie", ""), request.get_full_path())
    except LoginFailed as failed:
        return response_of(failed_response(failed, paths(), session, _after(request)))
    # Another Trakt account leaves nothing behind: the project's own user is signed out too.
    with begin_session(session, signed_in.account, clear=partial(django_logout, request)):
        signals.signed_in.send(sender=WebLogin, request=request, signed_in=signed_in)
    session.cycle_key()
    return response_of(signed_in_response(signed_in))


@require_POST
@never_cache
def logout(request: HttpRequest) -> HttpResponse:
    """End the session's sign-in; with `REVOKE` also the login at Trakt."""
    if is_cross_site(request.headers.get, paths().origin, _origin(request)):
        return response_of(page_response(refused_page(FOREIGN_FORM)))
    configured = read_settings()
    session = session_of(request)
    account = end_session(session, revoke=configured.revoke)
    session.cycle_key()
    outcome: SignedOut | TraktAuthError | None = None
    if account is not None:
        try:
            outcome = web_login().trakt(account).logout()
        except TraktAuthError as error:
            outcome = error
    response = response_of(signed_out_response(session, paths(), _after(request), outcome))
    if outcome is not None:
        save_session(session, response)
    return response


def _after(request: HttpRequest) -> str:
    after = read_settings().after
    return local_path(request.path.removesuffix(request.path_info) + "/") if after is None else after


def _origin(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"
