"""The steps of the demo: each is done, then printed with the values that it returned."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future
from html.parser import HTMLParser
from http import HTTPStatus
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode, urljoin, urlsplit

from traktauth.cli.log_output import suppress_warnings
from traktauth.cli.output import print_data, style
from traktauth.client.http import new_client
from traktauth.client.oauth_api import AuthenticationOAuthApi
from traktauth.client.sync_client import Trakt
from traktauth.errors import LoginRefused, LoginRequired, TraktAuthError, UnexpectedReply
from traktauth.models import App, Token
from traktauth.server.process.embedded import EmbeddedServer
from traktauth.server.settings import Settings
from traktauth.steps import OpenPage, Step

LIFE = 5  # seconds that an access token lives here: more than the processes take to start, also on a slow machine
CROWD = 8


def tell(*, browser: bool) -> None:
    """Tell the whole story, and leave nothing behind."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="traktauth-demo-") as folder:
        settings = Settings(port=0, database=f"sqlite:{folder}/local-trakt.sqlite", control=True, access_life=LIFE)
        with EmbeddedServer(settings) as local, suppress_warnings():
            _Story(local, Path(folder), browser=browser).tell()
    print_data()
    print_data(f"Done in {time.monotonic() - began:.1f} s. The local Trakt is stopped, and its folder is removed.")


class _Story:
    """One run of the demo."""

    def __init__(self, local: EmbeddedServer, folder: Path, *, browser: bool) -> None:
        announced = local.announcement
        self.local = local
        self.url: str = announced["url"]
        self.user: dict[str, str] = announced["users"][0]
        addresses: list[str] = announced["redirect_uris"]
        self.app = App(announced["client_id"], client_secret=announced["client_secret"], redirect_uri=addresses[0])
        self.store = f"file:{folder}/tokens.json"
        self.browser = browser
        self.visitor = PageWalker(self.user["username"], self.user["password"], _line)
        self.number = 0

    def tell(self) -> None:
        """Go from nothing to a signed-out account."""
        self._step("A local Trakt")
        _line(f"It listens on {self.url}, its database is an SQLite file in a temporary folder.")
        _line(f"Its access tokens are valid for {LIFE} s, so that one expires during the demo.")
        with Trakt(self.app, service=self.url, store=self.store) as trakt:
            self._sign_in(trakt)
            self._call(trakt)
            used = self._refresh(trakt)
            self._crowd(trakt)
            self._replay(trakt, used)
            self._end(trakt)

    def _sign_in(self, trakt: Trakt) -> None:
        self._step("Sign in with a browser, which is redirected to the local Trakt and back")
        token = self._login(trakt)
        _line("A callback server on this machine received the code and exchanged it for a token, with PKCE.")
        _line(f"Saved before use: access token {token.fingerprint} (a fingerprint; tokens are never shown here).")

    def _login(self, trakt: Trakt) -> Token:
        if not self.browser:
            return sign_in_by_program(self.visitor, trakt)
        _line(f"The user is {self.user['username']}, the password {self.user['password']}")
        _line(f"Watch what happens: {self.url}/_control")
        return trakt.login("browser", prompt=_show_page)

    def _call(self, trakt: Trakt) -> None:
        self._step("Call the API")
        response = trakt.request("GET", "/users/settings")
        _check(response.status_code == HTTPStatus.OK, f"GET /users/settings answered {response.status_code}")
        _line(f"GET /users/settings: 200, user {response.json()['user']['username']}")

    def _refresh(self, trakt: Trakt) -> Token:
        self._step("Refresh")
        old = trakt.bound_store.load().token
        if old is None:
            raise TraktAuthError("The demo's login was lost")
        new = trakt.refresh()
        _check(new.refresh_token != old.refresh_token, "the refresh brought the same refresh token")
        _line(f"{old.fingerprint} became {new.fingerprint}. The old refresh token is used up; the new one is saved.")
        return old

    def _crowd(self, trakt: Trakt) -> None:
        self._step(f"{CROWD} processes need a token at once, and it has expired")
        token = trakt.bound_store.load().token
        if token is not None:
            time.sleep(max(0.0, token.expires_at - time.time()))
        before = self.local.ledger
        tokens = run_token_processes(CROWD, app=self.app, service=self.url, store=self.store)
        after = self.local.ledger
        sent = _refreshes(after) - _refreshes(before)
        _check(len(set(tokens)) == 1, "the processes got different tokens")
        _check(sent == 1, f"{sent} refresh requests were sent")
        _line(
            f"All {CROWD} printed the same new token. The local Trakt counted {sent} refresh request, from the "
            "process that got the lock first; the others found its token in the store."
        )

    def _replay(self, trakt: Trakt, used: Token) -> None:
        self._step("What Trakt does when a used refresh token is sent again")
        before = self.local.ledger
        current = trakt.token()
        with AuthenticationOAuthApi(service=self.url) as api:
            try:
                api.exchange_refresh_token_for_access_token(
                    refresh_token=used.refresh_token or "",
                    client_id=self.app.client_id,
                    client_secret=self.app.client_secret,
                    redirect_uri=self.app.redirect_uri,
                )
            except LoginRefused as error:
                _line(f"It is refused: {error.message}.")
            else:
                raise TraktAuthError("A used refresh token was accepted")
        killed = self.local.ledger["families_killed"] - before["families_killed"]
        _check(killed == 1, f"{killed} families were ended")
        _check(self._request_with(trakt, current) == HTTPStatus.UNAUTHORIZED, "the newest token still works")
        _line(
            "Trakt treats it as stolen and revokes every token of this user and app, also the newest one: the API "
            f"returns 401 for {current.fingerprint}."
        )
        try:
            trakt.refresh()
        except LoginRequired as error:
            _line(f"traktauth says: {error.message}.")
            _line("That is why it never sends a refresh token that may have been used while the login is valid.")
        else:
            raise TraktAuthError("A revoked login was refreshed")

    def _end(self, trakt: Trakt) -> None:
        self._step("Sign in again, then sign out")
        pages = self.visitor.forms
        token = self._login(trakt)
        if pages == self.visitor.forms and not self.browser:
            _line("The browser was still signed in and the user had agreed before, so no form was shown.")
        _line(f"Signed in: {token.fingerprint}")
        trakt.logout()
        alive = self.local.ledger["alive"]
        _check(self._request_with(trakt, token) == HTTPStatus.UNAUTHORIZED, "the token works after the sign-out")
        _line(
            f"Revoked at Trakt, refresh token first, then deleted here. The API returns 401 for "
            f"the access token; valid here: {alive['access']} access tokens, {alive['refresh']} refresh tokens."
        )
        _check(alive["refresh"] == 0, "a refresh token is still valid")

    # ------------------------------------------------------------ what is looked at
    def _request_with(self, trakt: Trakt, token: Token) -> int:
        """Return what the API answers to a token as it is, without the refresh that a `Trakt` would make."""
        headers = {"Authorization": f"Bearer {token.access_token}", **trakt.config.headers.app_fields}
        with new_client(direct=True) as client:
            return client.get(f"{self.url}/users/settings", headers=headers).status_code

    def _step(self, title: str) -> None:
        self.number += 1
        print_data()
        print_data(style(f"{self.number}. {title}", "cyan"))


def _refreshes(ledger: dict[str, Any]) -> int:
    """Return how many refresh requests came."""
    count: int = ledger["counts"].get("POST /oauth/token", {}).get("refresh_token", 0)
    return count


def _check(holds: object, otherwise: str) -> None:
    if not holds:
        raise TraktAuthError(f"The demo failed: {otherwise}", hint="Report it to the authors of traktauth")


def _line(text: str) -> None:
    """Print a paragraph, wrapped at 80 columns."""
    for line in textwrap.wrap(text, 77, break_long_words=False, break_on_hyphens=False):
        print_data(line, indent=3)


def sign_in_by_program(visitor: PageWalker, trakt: Trakt) -> Token:
    """Sign in as a browser user does: the address is opened, the pages walked, the answer received on loopback."""
    page: Future[str] = Future()
    outcome: Future[Token] = Future()

    def show(step: Step) -> None:
        if isinstance(step, OpenPage):
            page.set_result(step.url)

    def work() -> None:
        try:
            outcome.set_result(trakt.login("browser", prompt=show, open_browser=False))
        except Exception as error:  # noqa: BLE001 - raised by `result`
            for each in (page, outcome):
                if not each.done():
                    each.set_exception(error)

    # The sign-in waits in a daemon thread, so that a page that fails ends the demo at once.
    threading.Thread(target=work, name="demo-sign-in", daemon=True).start()
    visitor.walk(page.result())
    return outcome.result()


def _show_page(step: Step) -> None:
    if isinstance(step, OpenPage):
        _line("Open this page, and sign in there:")
        _line(f"  {step.url}")


_LIMIT = 60.0  # seconds for all of them


def run_token_processes(count: int, *, app: App, service: str, store: str) -> list[str]:
    """Return the tokens that the processes print."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TRAKTAUTH_")}
    environ |= {
        "TRAKTAUTH_CLIENT_ID": app.client_id,
        "TRAKTAUTH_CLIENT_SECRET": app.client_secret or "",
        "TRAKTAUTH_REDIRECT_URI": app.redirect_uri,
        "TRAKTAUTH_SERVICE": service,
        "TRAKTAUTH_STORE": store,
    }
    command = [sys.executable, "-P", "-m", "traktauth", "token"]  # -P: no module of the current folder
    processes = [
        subprocess.Popen(  # noqa: S603 - this program itself
            command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for _ in range(count)
    ]
    try:
        tokens = [process.communicate(timeout=_LIMIT)[0].strip() for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    failed = [process.returncode for process in processes if process.returncode]
    if failed:
        raise TraktAuthError(f"{len(failed)} of {count} processes got no token (exit status {failed[0]})")
    return tokens


_PAGE_LIMIT = 10.0  # seconds for one page
_MAX_PAGES = 6


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
        for _ in range(_MAX_PAGES):
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
            with cast("HTTPResponse", self._opener.open(address, body, timeout=_PAGE_LIMIT)) as reply:
                return reply.read().decode("utf-8", "replace"), reply.url
        except urllib.error.HTTPError as error:
            with error:
                raise UnexpectedReply(f"{urlsplit(address).path} answered {error.code}", status=error.code) from None
        except OSError as error:
            raise UnexpectedReply(f"{urlsplit(address).path} could not be fetched: {error}") from None
