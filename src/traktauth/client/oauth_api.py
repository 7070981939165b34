"""The commissioned document's interface, one to one: no store, no life cycle, blocking and async."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, Self, TypeVar

from traktauth.client.driver.sync_driver import Driver
from traktauth.client.http_clients import HttpAsyncClient, HttpClient, HttpClients
from traktauth.flow.common import perform
from traktauth.flow.effects import Flow
from traktauth.models import App, Token, find_service
from traktauth.models.app import check_text
from traktauth.models.token import DeviceCode
from traktauth.protocol import OUT_OF_BAND, Service
from traktauth.wire import authorization
from traktauth.wire.device_endpoint import (
    build_device_code_request,
    build_poll_request,
    parse_device_code,
    parse_polled_token,
)
from traktauth.wire.messages import Request, Response
from traktauth.wire.token_endpoint import (
    build_code_request,
    build_refresh_request,
    build_revocation_request,
    parse_revocation,
    parse_token_response,
)

T = TypeVar("T")


class _ParseToken(Protocol):
    def __call__(self, response: Response, *, sent_at: float) -> Token: ...


class _Operations:
    """What both classes share: the arguments are checked before anything is sent."""

    def __init__(self, service: str | Service, *, insecure: bool, clock: Callable[[], float]) -> None:
        self.service = service if isinstance(service, Service) else find_service(service, insecure=insecure)
        self._clock = clock

    def authorize_application(
        self,
        *,
        client_id: str,
        redirect_uri: str,
        response_type: str = "code",
        state: str | None = None,
        signup: bool | None = None,
        prompt: str | None = None,
        code_challenge: str | None = None,
        code_challenge_method: str = "S256",
    ) -> str:
        """Return the address to send the user to; nothing is sent. Trakt: *Authorize Application*.

        A PKCE challenge is added only if one is passed, as its verifier could not be kept here.

        Args:
            client_id: get this from your app settings.
            redirect_uri: URI specified in your app settings.
            response_type: must be set to `code`.
            state: state variable for CSRF purposes.
            signup: prefer the account sign-up page to be the default.
            prompt: `login` asks a user who is signed in to sign in again.
            code_challenge: of a PKCE verifier (RFC 7636).
            code_challenge_method: how it was made.

        Raises:
            AppInvalid: the client id or the redirect address cannot be right.
            TypeError: an argument has another type.
            ValueError: `response_type` is not `code`, or another argument cannot be right.
        """
        App(client_id, redirect_uri=redirect_uri)
        if state is not None:
            authorization.check_state(state)
        if signup is not None and not isinstance(signup, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - "true", say
            raise TypeError(f"signup must be a bool or None, not {type(signup).__name__}")
        _check_optional("prompt", prompt)
        _check_optional("code_challenge", code_challenge)
        _check_value("code_challenge_method", code_challenge_method)
        return authorization.authorization_url(
            self.service,
            client_id=client_id,
            redirect_uri=redirect_uri,
            response_type=response_type,
            state=state,
            signup=signup,
            prompt=prompt,
            code_challenge=code_challenge,
            code_challenge_method=code_challenge_method,
        )

    def _exchange_code(
        self, code: str, client_id: str, client_secret: str | None, redirect_uri: str, code_verifier: str | None
    ) -> Flow[Token]:
        app = App(client_id, client_secret=client_secret, redirect_uri=redirect_uri)
        _check_optional("code_verifier", code_verifier)
        code = _check_value("code", code)
        request = build_code_request(self.service, app, code, redirect_uri=redirect_uri, code_verifier=code_verifier)
        return self._exchange(request, parse_token_response)

    def _refresh(self, refresh_token: str, client_id: str, client_secret: str | None, redirect_uri: str) -> Flow[Token]:
        app = App(client_id, client_secret=client_secret, redirect_uri=redirect_uri)
        request = build_refresh_request(self.service, app, _check_value("refresh_token", refresh_token))
        return self._exchange(request, parse_token_response)

    def _revoke(self, token: str, client_id: str, client_secret: str | None) -> Flow[None]:
        app = App(client_id, client_secret=client_secret)
        request = build_revocation_request(self.service, app, _check_value("token", token))
        return self._perform(request, parse_revocation)

    def _new_device_code(self, client_id: str, code_challenge: str | None) -> Flow[DeviceCode]:
        app = App(client_id)
        _check_optional("code_challenge", code_challenge)
        return self._perform(build_device_code_request(self.service, app, code_challenge), parse_device_code)

    def _poll(self, code: str, client_id: str, client_secret: str | None, code_verifier: str | None) -> Flow[Token]:
        app = App(client_id, client_secret=client_secret)
        _check_optional("code_verifier", code_verifier)
        request = build_poll_request(self.service, app, _check_value("code", code), code_verifier)
        return self._exchange(request, parse_polled_token)

    def _perform(self, request: Request, parse: Callable[[Response], T]) -> Flow[T]:
        return parse((yield from perform(request)))

    def _exchange(self, request: Request, parse: _ParseToken) -> Flow[Token]:
        """Send a request for a token, whose life counts from the moment at which the request is sent."""
        sent_at = self._clock()
        return parse((yield from perform(request)), sent_at=sent_at)


class AuthenticationOAuthApi(_Operations):
    """Trakt's OAuth operations, one call each, blocking.

    Args:
        service: `trakt`, `auth.trakt.tv`, `staging`, or a base address that serves everything.
        insecure: take `http://` on a host that is not this machine.
        clock: Unix seconds.
        http: an `httpx2.Client` or `httpx.Client` of your own to send with; it is not closed.

    Every call raises `TryLater` if Trakt is busy or was not reached, `AppRejected` if it refuses the app,
    `LoginRefused` if it refuses the code or token, `UnexpectedReply` if it responds outside its contract, `ValueError`
    if an argument cannot be right, and `TypeError` if it has another type. No request is sent twice.
    """

    def __init__(
        self,
        service: str | Service = "trakt",
        *,
        insecure: bool = False,
        clock: Callable[[], float] = time.time,
        http: HttpClient | None = None,
    ) -> None:
        super().__init__(service, insecure=insecure, clock=clock)
        self._http_clients = HttpClients(http, url=self.service.token)
        self._driver = Driver(None, self._http_clients.send)

    def exchange_code_for_access_token(
        self,
        *,
        code: str,
        client_id: str,
        client_secret: str | None,
        redirect_uri: str,
        code_verifier: str | None = None,
    ) -> Token:
        """Exchange a code for a token. Trakt: *Exchange code for access_token*."""
        flow = self._exchange_code(code, client_id, client_secret, redirect_uri, code_verifier)
        return self._driver.run(flow)

    def exchange_refresh_token_for_access_token(
        self, *, refresh_token: str, client_id: str, client_secret: str | None, redirect_uri: str = OUT_OF_BAND
    ) -> Token:
        """Exchange a refresh token, which works once. Trakt: *Exchange refresh_token for access_token*."""
        return self._driver.run(self._refresh(refresh_token, client_id, client_secret, redirect_uri))

    def revoke_an_access_token(self, *, token: str, client_id: str, client_secret: str | None) -> None:
        """Revoke a token. Trakt: *Revoke an access_token*."""
        return self._driver.run(self._revoke(token, client_id, client_secret))

    def generate_new_device_codes(self, *, client_id: str, code_challenge: str | None = None) -> DeviceCode:
        """Get a device code. Trakt: *Generate new device codes*."""
        return self._driver.run(self._new_device_code(client_id, code_challenge))

    def poll_for_the_access_token(
        self, *, code: str, client_id: str, client_secret: str | None, code_verifier: str | None = None
    ) -> Token:
        """Poll once for a token; `TryLater` while the user has not answered. Trakt: *Poll for the access_token*."""
        return self._driver.run(self._poll(code, client_id, client_secret, code_verifier))

    def close(self) -> None:
        """Close the connections."""
        self._http_clients.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AsyncAuthenticationOAuthApi(_Operations):
    """Trakt's OAuth operations, one call each; what sends is awaited. See `AuthenticationOAuthApi` for the errors."""

    def __init__(
        self,
        service: str | Service = "trakt",
        *,
        insecure: bool = False,
        clock: Callable[[], float] = time.time,
        http: HttpAsyncClient | None = None,
    ) -> None:
        # A blocking program does without asyncio.
        from traktauth.client.async_http_clients import AsyncHttpClients  # noqa: PLC0415
        from traktauth.client.driver.async_driver import AsyncDriver  # noqa: PLC0415

        super().__init__(service, insecure=insecure, clock=clock)
        self._http_clients = AsyncHttpClients(http, url=self.service.token)
        self._driver = AsyncDriver(None, self._http_clients.send)

    async def exchange_code_for_access_token(
        self,
        *,
        code: str,
        client_id: str,
        client_secret: str | None,
        redirect_uri: str,
        code_verifier: str | None = None,
    ) -> Token:
        """Exchange a code for a token. Trakt: *Exchange code for access_token*."""
        flow = self._exchange_code(code, client_id, client_secret, redirect_uri, code_verifier)
        return await self._driver.run(flow)

    async def exchange_refresh_token_for_access_token(
        self, *, refresh_token: str, client_id: str, client_secret: str | None, redirect_uri: str = OUT_OF_BAND
    ) -> Token:
        """Exchange a refresh token, which works once. Trakt: *Exchange refresh_token for access_token*."""
        return await self._driver.run(self._refresh(refresh_token, client_id, client_secret, redirect_uri))

    async def revoke_an_access_token(self, *, token: str, client_id: str, client_secret: str | None) -> None:
        """Revoke a token. Trakt: *Revoke an access_token*."""
        return await self._driver.run(self._revoke(token, client_id, client_secret))

    async def generate_new_device_codes(self, *, client_id: str, code_challenge: str | None = None) -> DeviceCode:
        """Get a device code. Trakt: *Generate new device codes*."""
        return await self._driver.run(self._new_device_code(client_id, code_challenge))

    async def poll_for_the_access_token(
        self, *, code: str, client_id: str, client_secret: str | None, code_verifier: str | None = None
    ) -> Token:
        """Poll once for a token; `TryLater` while the user has not answered. Trakt: *Poll for the access_token*."""
        return await self._driver.run(self._poll(code, client_id, client_secret, code_verifier))

    async def close(self) -> None:
        """Close the connections."""
        await self._http_clients.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()


def _check_value(name: str, value: str) -> str:
    check_text(name, value, or_none=True)
    if not value or any(not "!" <= character <= "~" for character in value):
        raise ValueError(f"{name} must be given, without blanks, line ends or control characters")
    return value


def _check_optional(name: str, value: str | None) -> None:
    if value is not None:
        _check_value(name, value)
