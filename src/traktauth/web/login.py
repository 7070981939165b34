"""Sign-in for a web application: start it, finish it, and call the API as one of its users."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar
from urllib.parse import parse_qsl, urlsplit

from traktauth.client.account_config import AccountConfig
from traktauth.client.async_client import AsyncTrakt
from traktauth.client.http_clients import HttpAsyncClient, HttpClient
from traktauth.client.settings import read_settings
from traktauth.client.sync_client import Trakt
from traktauth.errors import LoginRefused, TraktAuthError
from traktauth.flow.context import FlowContext, LostReply
from traktauth.flow.effects import Flow, LogMessage
from traktauth.flow.web_login import check_before_exchange, exchange_for_user
from traktauth.models import App
from traktauth.protocol import Service
from traktauth.stores.base import AsyncTokenStore, TokenStore
from traktauth.web.access_log import hide_codes
from traktauth.web.failure import NO_RESPONSE, LoginFailed, failure_of, own_failure, page_failure
from traktauth.web.paths import check_redirect_address, local_path
from traktauth.web.state_cookie import (
    MAX_AGE,
    SHORTEST_SECRET,
    PendingLogin,
    StateCookies,
    cookie_name,
    cookie_options,
    find_cookie,
    is_secure,
    read_cookies,
)
from traktauth.wire.authorization import (
    AuthorizationResponse,
    authorization_url,
    parse_authorization_response,
    s256_challenge,
)

TraktT = TypeVar("TraktT", Trakt, AsyncTrakt)
StoreT = TypeVar("StoreT")
HttpT = TypeVar("HttpT")

_ACCOUNT = "web-sign-in"  # in log lines, as the user's own account is not known yet
_CAUSES_OF_THE_OPERATOR = frozenset({"app", "busy", "forged", "issuer"})  # warnings; the others are the user's doing


@dataclass(frozen=True, slots=True)
class Started:
    """A sign-in that has begun.

    Attributes:
        url: Trakt's sign-in page, to redirect the browser to.
        cookie_name: the cookie to set in the browser.
        cookie_value: its value.
        max_age: seconds for which it is of use.
    """

    url: str = field(repr=False)
    cookie_name: str
    cookie_value: str = field(repr=False)
    max_age: int

    @property
    def cookie_options(self) -> dict[str, Any]:
        """Return the cookie's attributes, as `set_cookie` of Starlette, Flask and Django takes them."""
        return cookie_options(self.cookie_name, self.max_age)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user who has signed in.

    Attributes:
        account: the account of the login: the user's `ids.uuid`, which stays the same. Keep it in the session.
        username: as Trakt writes it now; the user may change it.
        settings: the whole response of `GET /users/settings`.
        next: the path to send the browser to.
        cookie_name: the cookie to delete; None after `exchange`.
    """

    account: str
    username: str
    settings: dict[str, Any] = field(repr=False)
    next: str = "/"
    cookie_name: str | None = None


class _WebLogin(Generic[TraktT, StoreT, HttpT]):
    """What `WebLogin` and `AsyncWebLogin` share: everything but who waits for the flow."""

    _new_trakt: Callable[..., TraktT]
    _trakt: TraktT
    _run: Callable[..., Any]
    config: AccountConfig

    def __init__(
        self,
        app: App,
        *,
        store: str | StoreT = "file:",
        service: str | Service = "trakt",
        secret: str | None = None,
        max_age: int = MAX_AGE,
        lost_reply: LostReply = "last-attempt",
        insecure: bool = False,
        clock: Callable[[], float] = time.time,
        http: HttpT | None = None,
    ) -> None:
        self._trakt = self._new_trakt(
            app,
            account=_ACCOUNT,
            store=store,
            service=service,
            lost_reply=lost_reply,
            insecure=insecure,
            clock=clock,
            http=http,
        )
        if secret is None and app.client_secret is None:
            raise ValueError(
                "secret is missing: a public app has no client secret to protect the sign-in's cookie with; "
                "give one of your own, the same on every server"
            )
        if secret is not None and len(secret) < SHORTEST_SECRET:
            raise ValueError(f"secret must have at least {SHORTEST_SECRET} characters, not {len(secret)}")
        if max_age <= 0:
            raise ValueError(f"max_age must be a positive number of seconds, not {max_age}")
        self._run = self._trakt._run  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - internal
        self.config = self._trakt.config
        self.max_age = max_age
        context = f"{self.service.realm} {app.client_id}"
        self._cookies = StateCookies(secret or app.client_secret or "", context)
        hide_codes()

    @classmethod
    def from_env(
        cls,
        *,
        store: str | StoreT | None = None,
        secret: str | None = None,
        max_age: int = MAX_AGE,
        clock: Callable[[], float] | None = None,
    ) -> Self:
        """Make one from `TRAKTAUTH_*` and the configuration file.

        Args:
            store: instead of `TRAKTAUTH_STORE`.
            secret: what the cookies are authenticated with; by default the app's secret.
            max_age: seconds that a user may take on Trakt's pages.
            clock: Unix seconds; by default this machine's clock, or that of `TRAKTAUTH_CLOCK_URL` in a test.

        Raises:
            AppInvalid: no app, or one that cannot be right.
            ValueError: a setting has no such value.
        """
        settings = read_settings()
        return cls(
            settings.app(),
            store=store or settings.store,
            service=settings.service,
            secret=secret,
            max_age=max_age,
            lost_reply=settings.lost_reply,
            insecure=settings.insecure,
            clock=clock or settings.clock(),
        )

    @property
    def app(self) -> App:
        """Return the app."""
        return self.config.app

    @property
    def service(self) -> Service:
        """Return the service."""
        return self.config.service

    def trakt(self, account: str) -> TraktT:
        """Return the client of a user, which shares store and connections.

        Args:
            account: as `finish` returned it.
        """
        return self._trakt.for_account(account)

    def start(
        self,
        next: str = "/",
        redirect_uri: str | None = None,
        signup: bool | None = None,  # noqa: FBT001 - the signature is fixed
        prompt: str | None = None,
    ) -> Started:
        """Begin a sign-in. Trakt: *Authorize Application*. Nothing is sent and nothing is stored.

        Args:
            next: the path to return to; an address on another host becomes `/`.
            redirect_uri: a registered address of the app other than its `redirect_uri`.
            signup: prefer Trakt's sign-up page.
            prompt: `login` asks a user who is signed in to sign in again.

        Raises:
            AppInvalid: the app has no redirect address, or one with plain http that is not loopback.
        """
        redirect_uri = redirect_uri or self.app.redirect_uri
        check_redirect_address(redirect_uri)
        context = self.config.context
        state, nonce = context.new_secret(), context.new_secret()
        url = authorization_url(
            context.service,
            client_id=self.app.client_id,
            redirect_uri=redirect_uri,
            state=state,
            signup=signup,
            prompt=prompt,
            code_challenge=s256_challenge(self._cookies.verifier_of(nonce)),
        )
        pending = PendingLogin(nonce, state, redirect_uri, local_path(next), int(context.clock()))
        name = cookie_name(state, secure=redirect_uri.lower().startswith("https:"))
        return Started(url, name, self._cookies.seal(pending), self.max_age)

    def _finish(self, context: FlowContext, cookies: Mapping[str, str] | str, url: str) -> Flow[SignedIn]:
        """Check the cookie and the state, then exchange the code."""
        if isinstance(cookies, str):
            cookies = read_cookies(cookies)
        name, pending = self._pending(cookies, url)
        answer = parse_authorization_response(url, state=pending.state)
        if isinstance(answer, LoginRefused):
            raise page_failure(answer, next_path=pending.next, cookie_name=name)
        if answer is None:
            raise own_failure("code", next_path=pending.next, cookie_name=name)
        verifier = self._cookies.verifier_of(pending.nonce)
        return (yield from _exchange(context, answer, pending.redirect_uri, verifier, pending.next, name))

    def _pending(self, cookies: Mapping[str, str], url: str) -> tuple[str, PendingLogin]:
        state = _state_of(url)
        if not state:
            if urlsplit(url).query:
                raise own_failure("other-state")
            text = "The callback was opened without a response from Trakt"
            raise LoginFailed(text, cause="other-state", error=NO_RESPONSE)
        found = find_cookie(cookies, state)
        if found is None:
            raise own_failure("no-cookie")
        name, sealed = found
        pending = self._cookies.unseal(sealed)
        # A cookie that plain http could set is of no use for a sign-in that began on https.
        if pending is None or is_secure(name) != pending.redirect_uri.lower().startswith("https:"):
            raise own_failure("forged", cookie_name=name)
        if state != pending.state:
            raise own_failure("other-state", next_path=pending.next)
        if abs(self.config.context.clock() - pending.at) > self.max_age:
            raise own_failure("expired", next_path=pending.next, cookie_name=name)
        return name, pending

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.app.client_id[:8]}…, service={self.config.service.name!r})"


class WebLogin(_WebLogin[Trakt, TokenStore, HttpClient]):
    """Signs users of a web application in with Trakt, and keeps each one's login in a store; blocking.

    The state of a sign-in is in a cookie, so every worker can finish what another one started, and no session is
    needed. An object is shared by threads and forked workers.

    Args:
        app: the registered app; its `redirect_uri` is the address of the callback.
        store: where the logins are kept: a store, or its address. Several workers need one that they share.
        service: `trakt`, `auth.trakt.tv`, `staging`, or a base address that serves everything (a local Trakt).
        secret: what the cookies are authenticated with, at least 16 characters and the same on every worker; by
            default the app's secret. A public app must give one.
        max_age: seconds that a user may take on Trakt's pages; 900 by default.
        lost_reply: what happens when a refresh was sent and no response came.
        insecure: allow `http://` on a host that is not this machine.
        clock: Unix seconds.
        http: an `httpx2.Client` or `httpx.Client` of your own to send everything with; it is not closed.

    Raises:
        ValueError: an argument has no such value.
        TypeError: `http` is of another kind.
    """

    _new_trakt = Trakt
    _run: Callable[[Callable[[FlowContext], Flow[SignedIn]]], SignedIn]

    def finish(self, cookies: Mapping[str, str] | str, url: str) -> SignedIn:
        """Finish a sign-in: check the answer, exchange the code and save the login; not interrupted once begun.

        Args:
            cookies: the request's `Cookie` header; or its cookies by name, if what parsed them leaves names as they
                are. Django and Starlette do not: they strip Unicode blanks, so that a page of a sibling host could set
                a cookie that passes for one with the prefix `__Host-`.
            url: the callback's address with its query, as it was requested.

        Raises:
            LoginFailed: its `cause` says why; with `cookie_name` None the same callback can be tried again.
        """
        return self._run(lambda context: _log_failure(self._finish(context, cookies, url)))

    def exchange(
        self, code: str, *, redirect_uri: str, code_verifier: str | None = None, iss: str | None = None
    ) -> SignedIn:
        """Sign a user in whose `state` another library has checked; not interrupted once begun.

        Args:
            code: what the callback received.
            redirect_uri: the address that the sign-in page was given.
            code_verifier: of the challenge that the sign-in page was given, if it was.
            iss: the callback's `iss`, if it has one.

        Raises:
            LoginFailed: its `cause` is `issuer`, `code`, `app` or `busy`.
        """
        answer = AuthorizationResponse(code, iss)
        return self._run(lambda context: _log_failure(_exchange(context, answer, redirect_uri, code_verifier)))

    def close(self) -> None:
        """Close connections and store."""
        self._trakt.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AsyncWebLogin(_WebLogin[AsyncTrakt, TokenStore | AsyncTokenStore, HttpAsyncClient]):
    """Same as `WebLogin`, but `finish`, `exchange` and `close` are awaited, and `trakt` returns an `AsyncTrakt`."""

    _new_trakt = AsyncTrakt
    _run: Callable[[Callable[[FlowContext], Flow[SignedIn]]], Awaitable[SignedIn]]

    async def finish(self, cookies: Mapping[str, str] | str, url: str) -> SignedIn:
        """Finish a sign-in: check the answer, exchange the code and save the login; not interrupted once begun.

        `WebLogin.finish` describes the arguments and the errors.
        """
        return await self._run(lambda context: _log_failure(self._finish(context, cookies, url)))

    async def exchange(
        self, code: str, *, redirect_uri: str, code_verifier: str | None = None, iss: str | None = None
    ) -> SignedIn:
        """Sign a user in whose `state` another library has checked; not interrupted once begun.

        `WebLogin.exchange` describes the arguments and the errors.
        """
        answer = AuthorizationResponse(code, iss)
        return await self._run(lambda context: _log_failure(_exchange(context, answer, redirect_uri, code_verifier)))

    async def close(self) -> None:
        """Close connections and store."""
        await self._trakt.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()


def check_kind(value_: object, kind: type, where: str) -> None:
    """Check that a module for a framework was given the web sign-in that fits it.

    Raises:
        TypeError: it was not.
    """
    if not isinstance(value_, kind):
        raise TypeError(f"{where} needs {kind.__name__}(app, …), not {type(value_).__name__}")


def _exchange(
    context: FlowContext,
    answer: AuthorizationResponse,
    redirect_uri: str,
    code_verifier: str | None,
    next_path: str = "/",
    cookie_name: str | None = None,
) -> Flow[SignedIn]:
    is_sent = False
    try:
        yield from check_before_exchange(context, answer)
        is_sent = True
        user = yield from exchange_for_user(
            context, answer.code, redirect_uri=redirect_uri, code_verifier=code_verifier
        )
    except TraktAuthError as error:
        # If the code was not sent, the same callback can be tried again, unless another server answered.
        is_over = is_sent or isinstance(error, LoginRefused)
        raise failure_of(error, next_path=next_path, cookie_name=cookie_name if is_over else None) from error
    return SignedIn(user.account, user.username, user.settings, next_path, cookie_name)


def _log_failure(flow: Flow[SignedIn]) -> Flow[SignedIn]:
    """Note why a sign-in failed."""
    try:
        return (yield from flow)
    except LoginFailed as failed:
        hint = f". {failed.hint}" if failed.cause == "app" else ""
        is_ours = failed.cause in _CAUSES_OF_THE_OPERATOR
        text = f"failed ({failed.cause}): {failed.message}{hint}"
        yield from LogMessage(text, event="sign-in-failed", reason=failed.cause, warning=is_ours)
        raise


def _state_of(url: str) -> str:
    """Return the `state` of an address; an empty text if it has none or several."""
    try:
        query = urlsplit(url).query if "?" in url else url
        states = [text for name, text in parse_qsl(query, keep_blank_values=True) if name == "state"]
    except ValueError:
        return ""
    return states[0] if len(states) == 1 else ""
