"""A browser without a user, over plain HTTP: fetches pages, fills in forms, follows redirects."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from html.parser import HTMLParser
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from typing import cast
from urllib.parse import urlencode, urljoin, urlsplit

from traktauth.errors import UnexpectedReply

_LIMIT = 10.0  # seconds for one page
_MOST_PAGES = 6


class Form(HTMLParser):
    """The first form on a page that is sent by POST: where it goes, and what it holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the form, its fields, and its first button that has a name."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None and given.get("method", "").lower() == "post":
            self.action, self._open = given.get("action", ""), True
        elif self._open and tag in {"input", "button"} and given.get("name"):
            self.fields.setdefault(given["name"], given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        """Leave the form."""
        self._open = self._open and tag != "form"


class PageWalker:
    """A person who signs in and agrees."""

    def __init__(self, username: str, password: str, saw: Callable[[str], None]) -> None:
        self._filled_in = {"username": username, "password": password}
        self._saw = saw
        self.forms = 0  # sent so far
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )

    def walk(self, address: str) -> None:
        """Go from the sign-in address to the page that the app's own address shows."""
        home = urlsplit(address).netloc
        page, where = self._open(address)
        for _ in range(_MOST_PAGES):
            if urlsplit(where).netloc != home:
                return
            form = Form(page)
            if form.action is None:
                raise UnexpectedReply(f"The page {urlsplit(where).path} of the local Trakt has no form to send")
            page, where = self._send(form, where)
        raise UnexpectedReply("The local Trakt's pages redirect in a loop")

    def _send(self, form: Form, where: str) -> tuple[str, str]:
        self.forms += 1
        asked = self._filled_in.keys() & form.fields.keys()
        fields = form.fields | {name: self._filled_in[name] for name in asked}
        self._saw(f"{urlsplit(where).path}: {'filled in name and password' if asked else 'agreed'}, sent the form")
        return self._open(urljoin(where, form.action or ""), urlencode(fields).encode())

    def _open(self, address: str, body: bytes | None = None) -> tuple[str, str]:
        """Fetch a page, redirects followed; return it, and where it is."""
        try:
            with cast("HTTPResponse", self._opener.open(address, body, timeout=_LIMIT)) as reply:
                return reply.read().decode("utf-8", "replace"), reply.url
        except urllib.error.HTTPError as error:
            with error:
                raise UnexpectedReply(f"{urlsplit(address).path} answered {error.code}", status=error.code) from None
        except OSError as error:
            raise UnexpectedReply(f"{urlsplit(address).path} could not be fetched: {error}") from None
