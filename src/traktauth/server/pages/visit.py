"""A browser's visit: who sits there, what the form said, and whether the form was ours."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from traktauth.server.endpoints.authorize import Visitor
from traktauth.server.finding import session_of
from traktauth.server.http.answers import Answer, sent_to
from traktauth.server.http.application import Application
from traktauth.server.http.encodings import FORM, Malformed, pairs_of_form
from traktauth.server.http.heard import Heard, TooLarge, hear
from traktauth.server.pages.rendering import page
from traktauth.server.storage.base import StorageDown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from traktauth.server.realm import Realm
    from traktauth.server.storage.tables import Tables

    Handler = Callable[["Visit"], Awaitable[Answer]]

HTTP_WRONG_METHOD = 405
SECRET_SECONDS = 60
"""For how long a browser may come for an app's new secret."""
FOR_ANYONE = ("/sign-in", "/sign-up", "/activate")
"""Where a form does nothing for whoever is signed in, so that one from before the sign-in is good as well."""


@dataclass
class Visit:
    """One request from a browser.

    Attributes:
        realm: the server.
        heard: the request.
        query: its query's parameters, in order.
        form: its form's parameters.
        visitor: who is signed in, if anyone.
        mark: the random value in the form cookie, empty where the browser has none yet.
        session: the session cookie's value.
    """

    realm: Realm
    heard: Heard
    query: list[tuple[str, str]]
    form: dict[str, str]
    visitor: Visitor | None
    mark: str
    session: str

    @property
    def said(self) -> dict[str, str]:
        """The query's parameters; of a repeated one, the last."""
        return dict(self.query)

    @property
    def session_number(self) -> int:
        """The number of the session that the browser is signed in with, 0 without one."""
        return self.visitor.session.id if self.visitor else 0

    def show(self, name: str, *, status: int = 200, leads_to: str = "", **context: object) -> Answer:
        """Render a page whose forms this browser may send back."""
        mark = self.mark or secrets.token_urlsafe(24)
        person = self.visitor.person if self.visitor else None
        csrf, query = signed(self.realm, mark, self.session_number), urlencode(self.query)
        common = {"csrf": csrf, "person": person, "query": query, "title": ""}
        answer = page(name, {**common, **context}, status=status, leads_to=leads_to)
        if not self.mark:
            answer.headers["set-cookie"] = cookie(self.realm, "form", mark)
        return answer

    def go(self, location: str, *, session: str | None = None) -> Answer:
        """Send the browser on with a GET (303, RFC 9700 section 4.12); *session* signs it in or, empty, out."""
        answer = sent_to(location, 303)
        if session is not None:
            answer.headers["set-cookie"] = cookie(self.realm, "session", session)
        return answer


def cookie_name(realm: Realm, purpose: str) -> str:
    """Give a cookie's name, with the port in it: browsers share cookies among the ports of a host."""
    parts = urlsplit(realm.terms.issuer)
    return f"local_trakt_{purpose}_{parts.port or parts.scheme}"


def cookie(realm: Realm, purpose: str, value: str, *, path: str = "/") -> str:
    """Give a Set-Cookie field; an empty value deletes the cookie, whose *path* must be the same."""
    secure = "; Secure" if realm.terms.issuer.startswith("https:") else ""
    ages = {"session": realm.terms.lives.session, "secret": SECRET_SECONDS}
    age = "; Max-Age=0" if not value else f"; Max-Age={ages[purpose]}" if purpose in ages else ""
    return f"{cookie_name(realm, purpose)}={value}; Path={path}; HttpOnly; SameSite=Lax{secure}{age}"


def signed(realm: Realm, mark: str, session: int) -> str:
    """Give the hidden value that belongs to a browser's form cookie and to who is signed in there.

    A page that one person was shown decides nothing for another who has signed in since.
    """
    return hmac.new(realm.key, f"{session} {mark}".encode(), "sha256").hexdigest()


def visited(realm: Realm, handlers: Mapping[str, Handler], *, wrong_method: int = 405) -> ASGIApp:
    """Make the application behind one page; *handlers* by method, *wrong_method* the status for any other."""

    async def answered(scope: Scope, receive: Receive) -> Answer:
        handler = handlers.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if handler is None:
            return Answer(
                wrong_method, b"", {"allow": ", ".join(handlers)} if wrong_method == HTTP_WRONG_METHOD else {}
            )
        visit = await visit_of(realm, await hear(scope, receive))
        if scope["method"] == "POST" and not _is_ours(visit):
            return message(visit, "This form is too old", "Go back, load the page again, and send it once more.", 403)
        return await handler(visit)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await answered(scope, receive)
        except TooLarge:
            answer = bare("That is too much", "The request is larger than any that makes sense here.", 413)
        except Malformed as error:
            answer = bare("That cannot be read", str(error), 400)
        except StorageDown:
            answer = bare("Not now", "The database cannot be used at the moment. Try again in a few seconds.", 503)
            answer.headers["retry-after"] = "5"
        await answer(scope, receive, send)

    return Application(application)


async def visit_of(realm: Realm, heard: Heard) -> Visit:
    """Look at a browser's request.

    Raises:
        Malformed: its query or form cannot be taken apart.
    """
    cookies = cookies_of(heard)
    session = cookies.get(cookie_name(realm, "session"), "")
    form = dict(pairs_of_form(heard.body, strictly=True)) if heard.media_type == FORM else {}
    query = pairs_of_form(heard.query, strictly=True)
    visitor = await realm.storage.read(lambda tables: _visitor(realm, tables, session)) if session else None
    return Visit(realm, heard, query, form, visitor, cookies.get(cookie_name(realm, "form"), ""), session)


def cookies_of(heard: Heard) -> dict[str, str]:
    """Give the values of a request's cookies.

    Other programs on this host set cookies, too, and in ways that a strict reader gives up at: whatever they are, ours
    stand between two semicolons and need no unquoting.
    """
    parts = (part.partition("=") for part in heard.headers.get("cookie", "").split(";"))
    return {name.strip(): value.strip() for name, _, value in parts}


def message(
    visit: Visit, title: str, text: str, status: int, *, kind: str = "trouble", onward: tuple[str, str] | None = None
) -> Answer:
    """Show a page that only says something; *kind*: trouble, done, denied or unknown.

    *onward*: where a link leads, and what it says.
    """
    return visit.show("message", status=status, title=title, text=text, kind=kind, onward=onward)


def bare(title: str, text: str, status: int) -> Answer:
    """Show the same where the request could not even be looked at."""
    said: dict[str, object] = {
        "title": title,
        "text": text,
        "kind": "trouble",
        "person": None,
        "csrf": "",
        "onward": None,
    }
    return page("message", said, status=status)


def _is_ours(visit: Visit) -> bool:
    """Whether a form comes from a page that this browser was shown, and this person."""
    said = visit.form.get("csrf", "").encode()
    sessions = {visit.session_number, 0} if visit.heard.path in FOR_ANYONE else {visit.session_number}
    return any(hmac.compare_digest(said, signed(visit.realm, visit.mark, one).encode()) for one in sessions)


def _visitor(realm: Realm, tables: Tables, carried: str) -> Visitor | None:
    session = session_of(tables, carried, now=realm.clock())
    person = tables.people.numbered(session.person) if session else None
    return Visitor(session, person) if session and person else None
