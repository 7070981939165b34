"""A browser's request: its user, its form, and the form's CSRF protection."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from traktauth.server.errors import StorageUnavailable
from traktauth.server.http.context import ServerContext
from traktauth.server.http.exchange import BROWSER, PLAIN, Exchange
from traktauth.server.messages import (
    FORM,
    ParseError,
    RequestTooLarge,
    content_type,
    parse_form,
    read_body,
    redirect,
)
from traktauth.server.oauth.request import ClientRequest
from traktauth.server.pages.html_response import page, security_headers, static_message
from traktauth.server.storage.repositories import Repositories
from traktauth.server.storage.schema import Session, User

Handler = Callable[["PageRequest"], Awaitable[Response]]

FOR_ANYONE = ("/sign-in", "/sign-up", "/activate")
"""Forms that do nothing for the signed-in user, so that one from before the sign-in is valid too."""


SECURITY_HEADERS = security_headers()


class Visitor(NamedTuple):
    """The user at the browser, and the session."""

    session: Session
    user: User


@dataclass
class PageRequest:
    """One request from a browser.

    Attributes:
        context: the server.
        request: the request.
        query: its query's parameters, in order.
        form: its form's parameters.
        visitor: who is signed in, if anyone.
        csrf_cookie: the random value in the form cookie, empty where the browser has none yet.
        session: the session cookie's value.
    """

    context: ServerContext
    request: Request
    query: list[tuple[str, str]]
    form: dict[str, str]
    visitor: Visitor | None
    csrf_cookie: str
    session: str

    @property
    def path(self) -> str:
        """The path of its address."""
        path: str = self.request.scope["path"]
        return path

    @property
    def query_parameters(self) -> dict[str, str]:
        """The query's parameters; of a repeated one, the last."""
        return dict(self.query)

    @property
    def user(self) -> User:
        """The user who is signed in, at pages that ask for that."""
        if self.visitor is None:
            raise RuntimeError("this page is for signed-in users")
        return self.visitor.user

    @property
    def session_number(self) -> int:
        """The number of the session that the browser is signed in with, 0 without one."""
        return self.visitor.session.id if self.visitor else 0

    def show(self, name: str, *, status: int = 200, leads_to: str = "", **context: object) -> Response:
        """Render a page whose forms this browser may send back."""
        csrf_cookie = self.csrf_cookie or secrets.token_urlsafe(24)
        user = self.visitor.user if self.visitor else None
        csrf, query = csrf_token(self.context, csrf_cookie, self.session_number), urlencode(self.query)
        common = {"csrf": csrf, "user": user, "query": query, "title": ""}
        response = page(name, {**common, **context}, status=status, leads_to=leads_to)
        if not self.csrf_cookie:
            response.headers["set-cookie"] = cookie(self.context, "form", csrf_cookie)
        return response

    def go(self, location: str, *, session: str | None = None) -> Response:
        """Send the browser on with a GET (303, RFC 9700 section 4.12); *session* signs it in or, empty, out."""
        response = redirect(location, 303)
        if session is not None:
            response.headers["set-cookie"] = cookie(self.context, "session", session)
        return response


def cookie_name(context: ServerContext, purpose: str) -> str:
    """Return a cookie's name, with the port in it: browsers share cookies among the ports of a host.

    Behind TLS its prefix keeps other hosts of the domain and plain HTTP from setting it (RFC 6265bis section 4.1.3).
    """
    parts = urlsplit(context.policy.issuer)
    prefix = "" if parts.scheme == "http" else "__Host-"
    return f"{prefix}local_trakt_{purpose}_{parts.port or parts.scheme}"


def cookie(context: ServerContext, purpose: str, value: str) -> str:
    """Return a Set-Cookie field; an empty value deletes the cookie."""
    secure = "; Secure" if context.policy.issuer.startswith("https:") else ""
    age = f"; Max-Age={context.policy.lifetimes.session if value else 0}" if purpose == "session" else ""
    return f"{cookie_name(context, purpose)}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}"


def csrf_token(context: ServerContext, csrf_cookie: str, session: int) -> str:
    """Return the CSRF token that belongs to a browser's form cookie and its signed-in user.

    A page that one user was shown decides nothing for another who has signed in since.
    """
    return hmac.new(context.key, f"{session} {csrf_cookie}".encode(), "sha256").hexdigest()


def page_endpoint(
    context: ServerContext, handlers: Mapping[str, Handler], *, is_step: bool = False, wrong_method: int = 405
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of one page; every response of it has the security headers.

    Args:
        context: the server.
        handlers: the page's handlers, by method.
        is_step: whether its requests are steps of a sign-in, which the control page shows.
        wrong_method: the status for any other method.
    """

    async def respond(request: Request) -> Response:
        handler = handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            allow = {"allow": ", ".join(handlers)} if wrong_method == HTTPStatus.METHOD_NOT_ALLOWED else {}
            return Response(status_code=wrong_method, headers=allow)
        visit = read_page_request(context, request, await read_body(request))
        if request.method == "POST" and not _has_csrf_token(visit):
            return message(visit, "This form has expired", "Go back, reload the page, and send it again.", 403)
        response = await handler(visit)
        if is_step:
            _record(request.scope["exchange"], visit, response)
        return response

    async def endpoint(request: Request) -> Response:
        try:
            response = await respond(request)
        except RequestTooLarge:
            response = static_message(
                "Request too large", "The request is larger than any that this server reads.", 413
            )
        except ParseError as error:
            response = static_message("Bad request", str(error), 400)
        except StorageUnavailable:
            text = "The database cannot be used at the moment. Try again in a few seconds."
            response = static_message("Temporarily unavailable", text, 503)
            response.headers["retry-after"] = "5"
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return endpoint


def _record(exchange: Exchange, visit: PageRequest, response: Response) -> None:
    """Record a browser's step; only parameters that are not secret."""
    known = {name: value for name, value in [*visit.query, *visit.form.items()] if name in PLAIN}
    exchange.source, exchange.request = BROWSER, ClientRequest(known, known.get("client_id", ""), "")
    if visit.visitor:
        exchange.username = visit.visitor.user.username
    elif response.status_code == HTTPStatus.SEE_OTHER:
        exchange.username = visit.form.get("username", "").strip()


def read_page_request(context: ServerContext, request: Request, body: bytes) -> PageRequest:
    """Read a browser's request; raise ParseError if its query or form cannot be taken apart."""
    cookies = cookies_of(request)
    session = cookies.get(cookie_name(context, "session"), "")
    form = dict(parse_form(body, strictly=True)) if content_type(request.headers) == FORM else {}
    query = parse_form(request.scope["query_string"], strictly=True)
    visitor = context.database.read(lambda db: _visitor(context, db, session)) if session else None
    return PageRequest(context, request, query, form, visitor, cookies.get(cookie_name(context, "form"), ""), session)


def cookies_of(request: Request) -> dict[str, str]:
    """Return the values of a request's cookies.

    Other programs on this host set cookies, too, and in ways that a strict reader gives up at: whatever they are, ours
    stand between two semicolons and need no unquoting. Only what browsers strip is stripped: a name with another blank
    before it is another name, which does not have the protection of `__Host-`.
    """
    parts = (part.partition("=") for part in request.headers.get("cookie", "").split(";"))
    return {name.strip(" \t"): value.strip(" \t") for name, _, value in parts}


def message(
    visit: PageRequest,
    title: str,
    text: str,
    status: int,
    *,
    kind: str = "trouble",
    onward: tuple[str, str] | None = None,
) -> Response:
    """Show a page that only says something, of the *kind* trouble, done, denied or unknown; *onward* is a link."""
    return visit.show("message", status=status, title=title, text=text, kind=kind, onward=onward)


def confirmation_page(
    visit: PageRequest,
    title: str,
    text: str,
    *,
    action: str,
    eyebrow: str,
    button: tuple[str, str, str],
    kept: Mapping[str, str] | None = None,
) -> Response:
    """Ask before something that cannot be undone; the form's answer has `sure` in it.

    *button*: name, value and text of the button that means yes. *kept*: what the form before held, which is sent again,
    also by Cancel (`action=back`).
    """
    shown: dict[str, object] = {"action": action, "eyebrow": eyebrow, "button": button, "kept": kept or {}}
    return visit.show("sure", status=200, leads_to="", title=title, text=text, **shown)


def signed_in(place: str) -> Callable[[Handler], Handler]:
    """Return a decorator for pages of signed-in users; a sign-in leads to the page *place* of the user's own."""

    def decorate(handler: Handler) -> Handler:
        async def run(visit: PageRequest) -> Response:
            return visit.go(f"/sign-in?next={place}") if visit.visitor is None else await handler(visit)

        return run

    return decorate


def _has_csrf_token(visit: PageRequest) -> bool:
    """Return whether a form comes from a page that this browser and this user were shown."""
    shown = visit.form.get("csrf", "").encode()
    sessions = {visit.session_number, 0} if visit.path in FOR_ANYONE else {visit.session_number}
    return any(
        hmac.compare_digest(shown, csrf_token(visit.context, visit.csrf_cookie, one).encode()) for one in sessions
    )


def _visitor(context: ServerContext, db: Repositories, token: str) -> Visitor | None:
    session = db.sessions.by_token(token)
    user = db.users.get(session.user_id) if session and session.expires > context.clock() else None
    return Visitor(session, user) if session and user else None
