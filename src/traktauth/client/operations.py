"""The commissioned document's interface, one to one: no store, no life cycle, blocking and async."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from traktauth.client.connections import AsyncConnections, Connections
from traktauth.client.drive import Driver
from traktauth.client.requests import Requests
from traktauth.flow import operations
from traktauth.protocol import OUT_OF_BAND

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.client.http import HttpAsyncClient, HttpClient
    from traktauth.models import Token
    from traktauth.models.device import DeviceCode
    from traktauth.protocol import Service


class AuthenticationOAuthApi(Requests):
    """Trakt's OAuth operations, one call each, blocking.

    Args:
        service: `trakt`, `auth.trakt.tv`, `staging`, or a base address that serves everything.
        insecure: take `http://` on a host that is not this machine.
        clock: Unix seconds.
        http: a client of your own to send with; it is not closed.

    Every call raises `TryLater` where Trakt is busy or was not reached, `AppRejected` where it refuses the app,
    `LoginRefused` where it refuses the code or token, `UnexpectedReply` where it answers outside its contract, and
    `ValueError` where an argument cannot be right. Nothing is ever sent twice.
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
        self._connections = Connections(http)
        self._driver = Driver(None, self._connections.send)

    def exchange_code_for_access_token(
        self,
        *,
        code: str,
        client_id: str,
        client_secret: str | None,
        redirect_uri: str,
        code_verifier: str | None = None,
    ) -> Token:
        """Turn a code into a token. Trakt: *Exchange code for access_token*."""
        request = self._code_exchange(code, client_id, client_secret, redirect_uri, code_verifier)
        return self._driver.run(operations.granted(request, self._clock))

    def exchange_refresh_token_for_access_token(
        self, *, refresh_token: str, client_id: str, client_secret: str | None, redirect_uri: str = OUT_OF_BAND
    ) -> Token:
        """Turn a refresh token, which works once, into a token. Trakt: *Exchange refresh_token for access_token*."""
        request = self._refresh(refresh_token, client_id, client_secret, redirect_uri)
        return self._driver.run(operations.granted(request, self._clock))

    def revoke_an_access_token(self, *, token: str, client_id: str, client_secret: str | None) -> None:
        """Revoke a token. Trakt: *Revoke an access_token*."""
        return self._driver.run(operations.revoked(self._revocation(token, client_id, client_secret)))

    def generate_new_device_codes(self, *, client_id: str, code_challenge: str | None = None) -> DeviceCode:
        """Get a device code. Trakt: *Generate new device codes*."""
        return self._driver.run(operations.device_code(self._new_device_code(client_id, code_challenge)))

    def poll_for_the_access_token(
        self, *, code: str, client_id: str, client_secret: str | None, code_verifier: str | None = None
    ) -> Token:
        """Ask once whether a device code was answered; `TryLater` while not. Trakt: *Poll for the access_token*."""
        request = self._poll(code, client_id, client_secret, code_verifier)
        return self._driver.run(operations.polled(request, self._clock))

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AsyncAuthenticationOAuthApi(Requests):
    """Same as `AuthenticationOAuthApi`, but what sends is awaited; `authorize_application` sends nothing."""

    def __init__(
        self,
        service: str | Service = "trakt",
        *,
        insecure: bool = False,
        clock: Callable[[], float] = time.time,
        http: HttpAsyncClient | None = None,
    ) -> None:
        from traktauth.client.adrive import AsyncDriver  # noqa: PLC0415 - a blocking program does without asyncio

        super().__init__(service, insecure=insecure, clock=clock)
        self._connections = AsyncConnections(http)
        self._driver = AsyncDriver(None, self._connections.send)

    async def exchange_code_for_access_token(
        self,
        *,
        code: str,
        client_id: str,
        client_secret: str | None,
        redirect_uri: str,
        code_verifier: str | None = None,
    ) -> Token:
        """Same as `AuthenticationOAuthApi.exchange_code_for_access_token`."""
        request = self._code_exchange(code, client_id, client_secret, redirect_uri, code_verifier)
        return await self._driver.run(operations.granted(request, self._clock))

    async def exchange_refresh_token_for_access_token(
        self, *, refresh_token: str, client_id: str, client_secret: str | None, redirect_uri: str = OUT_OF_BAND
    ) -> Token:
        """Same as `AuthenticationOAuthApi.exchange_refresh_token_for_access_token`."""
        request = self._refresh(refresh_token, client_id, client_secret, redirect_uri)
        return await self._driver.run(operations.granted(request, self._clock))

    async def revoke_an_access_token(self, *, token: str, client_id: str, client_secret: str | None) -> None:
        """Same as `AuthenticationOAuthApi.revoke_an_access_token`."""
        return await self._driver.run(operations.revoked(self._revocation(token, client_id, client_secret)))

    async def generate_new_device_codes(self, *, client_id: str, code_challenge: str | None = None) -> DeviceCode:
        """Same as `AuthenticationOAuthApi.generate_new_device_codes`."""
        return await self._driver.run(operations.device_code(self._new_device_code(client_id, code_challenge)))

    async def poll_for_the_access_token(
        self, *, code: str, client_id: str, client_secret: str | None, code_verifier: str | None = None
    ) -> Token:
        """Same as `AuthenticationOAuthApi.poll_for_the_access_token`."""
        request = self._poll(code, client_id, client_secret, code_verifier)
        return await self._driver.run(operations.polled(request, self._clock))

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
