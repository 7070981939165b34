"""The sign-in's routes and the responses of guarded views, whatever framework serves them.

A route that has to wait is a generator: it yields each call that may block, or that is to be awaited, and the
framework's module makes the call and sends the outcome back in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, MutableMapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any, Generic, TypeVar, cast

from traktauth.client.async_client import AsyncTrakt
from traktauth.client.driver.sync_driver import write_log
from traktauth.client.driver.unheard_log import show_unheard
from traktauth.client.sync_client import Trakt
from traktauth.display import escape
from traktauth.errors import AppRejected, LoginExists, LoginRequired, TraktAuthError
from traktauth.flow.effects import LogMessage
from traktauth.flow.logout import SignedOut
from traktauth.web.failure import NO_RESPONSE, LoginFailed
from traktauth.web.login import AsyncWebLogin, WebLogin
from traktauth.web.pages import (
    RouteResponse,
    confirmation_page,
    failure_page,
    method_page,
    not_revoked_page,
    partly_revoked_page,
    refused_page,
    retry_seconds,
    sign_in_page,
    unavailable_page,
    unavailable_text,
)
from traktauth.web.paths import LoginPaths, local_path
from traktauth.web.requests import NOT_SIGNED_IN, WebRequest
from traktauth.web.state_cookie import expired_cookie, read_cookies, surplus_cookies

T = TypeVar("T")
LoginT = TypeVar("LoginT", WebLogin, AsyncWebLogin)
Route = Generator[Callable[[], Any], Any, T]
Session = MutableMapping[str, Any]

_UNAVAILABLE = 503
_FOREIGN_FORM = "Another site sent this form. To sign {}, use the application's own button."

_ACCOUNT_KEY = "trakt_account"
"""The session's entry: the account that `finish` returned."""

_REVOCATION_KEY = "trakt_revocation"
"""Instead of it, after a sign-out: the account of a user whose login is still to be revoked."""

_LAST_KEY = "trakt_last_account"
"""Instead of it, after a sign-out: whose the other entries are, so that another user does not inherit them."""


class SignInSession:
    """What the session holds of one web sign-in.

    An application may have several web sign-ins, and an account of one is not signed in at another: there it may be
    another person, or one whom the application refuses. So each entry is a mapping, from a digest of the web sign-in.

    Args:
        session: the request's session.
        web_login: the web sign-in.
    """

    def __init__(self, session: Session, web_login: WebLogin | AsyncWebLogin) -> None:
        self._session = session
        app = web_login.app
        context = f"{web_login.service.realm} {app.client_id} {app.redirect_uri}"
        self._web_login = sha256(context.encode()).hexdigest()[:16]

    @property
    def account(self) -> str | None:
        """Return the account of the user who is signed in, or None."""
        return self.get(_ACCOUNT_KEY)

    def get(self, key: str) -> str | None:
        """Return the account in an entry, or None."""
        return self._accounts(key).get(self._web_login)

    def put(self, key: str, account: str | None) -> None:
        """Put an account into an entry; None removes it."""
        before = self._accounts(key)
        after = {name: each for name, each in before.items() if name != self._web_login}
        if account is not None:
            after[self._web_login] = account
        if after:
            self._session[key] = after  # a new mapping: sessions do not notice a change within one
        else:
            self._session.pop(key, None)

    def sign_in(self, account: str) -> None:
        """Keep the account of a user who has signed in."""
        self.put(_LAST_KEY, None)
        self.put(_REVOCATION_KEY, None)
        self.put(_ACCOUNT_KEY, account)

    def leave(self) -> str | None:
        """Sign the user out, and note whose the rest of the session is; return the account."""
        account = self.account
        if account is not None:
            self.put(_ACCOUNT_KEY, None)
            self.put(_LAST_KEY, account)
        return account

    def _accounts(self, key: str) -> dict[str, str]:
        accounts: object = self._session.get(key)
        return cast("dict[str, str]", accounts) if isinstance(accounts, dict) else {}


class LoginRoutes(Generic[LoginT]):
    """The sign-in's routes, and the response to a request that needs a user.

    Args:
        web_login: the web sign-in.
        after: the path after a sign-in without `next`, and after a sign-out; None: the application's root.
        revoke: whether a sign-out revokes the login at Trakt.

    Raises:
        ValueError: the app's redirect address does not end in `/callback`, or Trakt does not accept it.
    """

    def __init__(self, web_login: LoginT, *, after: str | None, revoke: bool) -> None:
        self.web_login: LoginT = web_login
        self.paths = LoginPaths(web_login.app.redirect_uri)
        self.after = None if after is None else local_path(after)
        self.revoke = revoke

    def login(self, request: WebRequest) -> RouteResponse:
        """Send the browser to Trakt; a user whom another site's page has sent here is asked first."""
        if request.method == "POST":
            if request.is_cross_site_form(self.paths.origin):
                return refused_page(_FOREIGN_FORM.format("in"))
        elif request.is_from_another_site:
            return confirmation_page()
        started = self.web_login.start(self._after(request) if request.next is None else request.next)
        new = started.cookie_name, started.cookie_value, started.cookie_options
        surplus = [_deletion(name) for name in surplus_cookies(read_cookies(request.cookies))]
        return _redirect(started.url, *surplus, new)

    def callback(
        self,
        request: WebRequest,
        session: Session,
        *,
        clear: Callable[[], object],
        accept: Callable[..., Any] | None,
        renew: Callable[[], Any],
    ) -> Route[RouteResponse]:
        """Finish the sign-in, and keep the account in the session.

        `clear` empties the session if another Trakt account is, or was last, signed in. `accept` is called with the
        `SignedIn`; an exception in it refuses the sign-in. `renew` gives the session a new id.
        """
        if request.method != "GET":  # HEAD must not spend the code
            return method_page("GET")
        try:
            signed_in = yield partial(self.web_login.finish, request.cookies, request.path)
        except LoginFailed as failed:
            return self._failed(failed, request, session)
        mine = SignInSession(session, self.web_login)
        if (mine.account or mine.get(_LAST_KEY)) not in {None, signed_in.account}:
            clear()
        mine.sign_in(signed_in.account)
        try:
            if accept is not None:
                yield partial(accept, signed_in)
        except BaseException:
            mine.leave()
            raise
        mine.sign_in(signed_in.account)  # `accept` may have emptied the session, as Django's login() does
        yield renew
        return _redirect(signed_in.next, _deletion(signed_in.cookie_name))

    def logout(
        self, request: WebRequest, session: Session, *, renew: Callable[[], Any] | None = None
    ) -> Route[RouteResponse]:
        """Sign the user out of the session; with `revoke` also revoke the login at Trakt.

        Its account stays in the session if a repetition may revoke it. `renew` gives the session a new id.
        """
        if request.is_cross_site_form(self.paths.origin):
            return refused_page(_FOREIGN_FORM.format("out"))
        after = self._after(request)
        mine = SignInSession(session, self.web_login)
        account = mine.leave() or mine.get(_REVOCATION_KEY)
        mine.put(_REVOCATION_KEY, account if self.revoke else None)
        if renew is not None:
            yield renew
        if not self.revoke or account is None:
            return _redirect(after)
        try:
            outcome: SignedOut = yield self.web_login.trakt(account).logout
        except LoginRequired:  # it had ended already
            mine.put(_REVOCATION_KEY, None)
            return _redirect(after)
        except TraktAuthError as error:
            if isinstance(error, AppRejected):
                mine.put(_REVOCATION_KEY, None)
            _log_outage("a sign-out", error)
            return not_revoked_page(error)
        mine.put(_REVOCATION_KEY, None)
        return partly_revoked_page(self.paths, after) if outcome.left else _redirect(after)

    def unauthorized(self, request: WebRequest, session: Session, error: LoginRequired | None = None) -> RouteResponse:
        """Sign the user out of the session, as their login has ended; return the response to the request.

        A browser that follows a link is redirected to the sign-in, one that sends a form gets a page, a program JSON.

        Raises:
            LoginRequired: it is another account's login that has ended. This user need not sign in again, and if they
                did, the same page would send them to the sign-in for ever.
        """
        mine = SignInSession(session, self.web_login)
        account = mine.account
        if error is not None and None not in {account, error.account} and account != error.account:
            raise error
        mine.leave()
        if request.wants_page:
            return _redirect(self.paths.login_for(request.path))
        if request.is_navigation:
            return sign_in_page(self.paths)
        content = {"detail": NOT_SIGNED_IN}
        if error is not None and error.reason != "never":
            detail = f"The login with Trakt has ended ({error.reason}): sign in again"
            content = {"detail": detail, "reason": error.reason}
        return _json_response(401, content)

    def _failed(self, failed: LoginFailed, request: WebRequest, session: Session) -> RouteResponse:
        """Return the response to a callback that failed; the session is not changed.

        A user who is signed in and opens the callback once more (Back, a second click) is sent on: nothing was sent to
        Trakt, and nothing has changed.
        """
        after = self._after(request)
        is_signed_in = SignInSession(session, self.web_login).account is not None
        if is_signed_in and (failed.cause == "no-cookie" or failed.error == NO_RESPONSE):
            return _redirect(after)
        page = failure_page(failed, self.paths, signed_in_at=after if is_signed_in else None)
        if page.status == _UNAVAILABLE:
            show_unheard(escape(f"a sign-in could not be finished: {failed}"))
        return page if failed.cookie_name is None else replace(page, cookies=(_deletion(failed.cookie_name),))

    def _after(self, request: WebRequest) -> str:
        return local_path(request.root) if self.after is None else self.after


def disconnect(trakt: Trakt | AsyncTrakt, session: SignInSession) -> Route[SignedOut]:
    """Revoke a login at Trakt, remove it from the store, and sign the user out of the session.

    Nothing is left to revoke if the login has ended already.

    Raises:
        TryLater, StoreFailed, AppRejected, UnexpectedReply: it was not revoked, and is still stored.
    """
    outcome = SignedOut(revoked=False, left=False)
    with suppress(LoginRequired):
        outcome = yield trakt.logout
    with suppress(LoginRequired, LoginExists):  # nothing is stored, or the user has signed in again meanwhile
        yield trakt.erase
    session.leave()
    return outcome


def run_route(route: Route[T]) -> T:
    """Run a route whose calls block to its end, and return its value; what a call raises is thrown into the route."""
    go_on: Callable[[], Callable[[], Any]] = partial(next, route)
    while True:
        try:
            call = go_on()
        except StopIteration as end:
            value_: T = end.value
            return value_
        try:
            go_on = partial(route.send, call())
        except BaseException as error:  # noqa: BLE001 - the route decides
            go_on = partial(route.throw, error)


def outage_response(request: WebRequest, error: Exception) -> RouteResponse:
    """Return the response to a request during which Trakt or the store was unavailable: TryLater, StoreFailed.

    The response names no host and no database; the log does.
    """
    _log_outage(f"{request.method} {request.path.partition('?')[0]}", error)
    if request.is_navigation:
        return unavailable_page(error, is_form=request.method not in {"GET", "HEAD"})
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


def _redirect(location: str, *cookies: tuple[str, str, dict[str, Any]]) -> RouteResponse:
    """Return a redirect to a path or address, which is fetched with GET."""
    return RouteResponse(303, {"Location": location, "Cache-Control": "no-store"}, cookies=cookies)


def _deletion(name: str) -> tuple[str, str, dict[str, Any]]:
    return name, "", expired_cookie(name)
