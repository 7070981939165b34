"""The commissioned document's interface, one to one: no store, no life cycle, blocking and async."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from traktauth.client.driver.sync_driver import Driver
from traktauth.client.http_clients import AsyncHttpClients, HttpClients
from traktauth.client.operation_requests import OperationRequests
from traktauth.flow import operations
from traktauth.protocol import OUT_OF_BAND

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.client.http import HttpAsyncClient, HttpClient
    from traktauth.models import Token
    from traktauth.models.device_code import DeviceCode
    from traktauth.protocol import Service


class AuthenticationOAuthApi(OperationRequests):
    """Trakt's OAuth operations, one call each, blocking.

    Args:
        service: `trakt`, `auth.trakt.tv`, `staging`, or a base address that serves everything.
        insecure: take `http://` on a host that is not this machine.
        clock: Unix seconds.
        http: a client of your own to send with; it is not closed.

    Every call raises `TryLater` if Trakt is busy or was not reached, `AppRejected` if it refuses the app,
    `LoginRefused` if it refuses the code or token, `UnexpectedReply` if it responds outside its contract, and
    `ValueError` if an argument cannot be right. No request is sent twice.
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
        request = self._code_exchange(code, client_id, client_secret, redirect_uri, code_verifier)
        return self._driver.run(operations.granted(request, self._clock))

    def exchange_refresh_token_for_access_token(
        self, *, refresh_token: str, client_id: str, client_secret: str | None, redirect_uri: str = OUT_OF_BAND
    ) -> Token:
        """Exchange a refresh token, which works once. Trakt: *Exchange refresh_token for access_token*."""
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
        """Poll once for a token; `TryLater` while the user has not answered. Trakt: *Poll for the access_token*."""
        request = self._poll(code, client_id, client_secret, code_verifier)
        return self._driver.run(operations.polled(request, self._clock))

    def close(self) -> None:
        """Close the connections."""
        self._http_clients.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AsyncAuthenticationOAuthApi(OperationRequests):
    """Same as `AuthenticationOAuthApi`, but what sends is awaited; `authorize_application` sends nothing."""

    def __init__(
        self,
        service: str | Service = "trakt",
        *,
        insecure: bool = False,
        clock: Callable[[], float] = time.time,
        http: HttpAsyncClient | None = None,
    ) -> None:
        from traktauth.client.driver.async_driver import AsyncDriver  # noqa: PLC0415 - a blocking program does without asyncio

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
        """Exchange a code for a token; otherwise as `AuthenticationOAuthApi.exchange_code_for_access_token`."""
        request = self._code_exchange(code, client_id, client_secret, redirect_uri, code_verifier)
        return await self._driver.run(operations.granted(request, self._clock))

    async def exchange_refresh_token_for_access_token(
        self, *, refresh_token: str, client_id: str, client_secret: str | None, redirect_uri: str = OUT_OF_BAND
    ) -> Token:
        """Exchange a refresh token; see `AuthenticationOAuthApi.exchange_refresh_token_for_access_token`."""
        request = self._refresh(refresh_token, client_id, client_secret, redirect_uri)
        return await self._driver.run(operations.granted(request, self._clock))

    async def revoke_an_access_token(self, *, token: str, client_id: str, client_secret: str | None) -> None:
        """Revoke a token; otherwise as `AuthenticationOAuthApi.revoke_an_access_token`."""
        return await self._driver.run(operations.revoked(self._revocation(token, client_id, client_secret)))

    async def generate_new_device_codes(self, *, client_id: str, code_challenge: str | None = None) -> DeviceCode:
        """Get a device code; otherwise as `AuthenticationOAuthApi.generate_new_device_codes`."""
        return await self._driver.run(operations.device_code(self._new_device_code(client_id, code_challenge)))

    async def poll_for_the_access_token(
        self, *, code: str, client_id: str, client_secret: str | None, code_verifier: str | None = None
    ) -> Token:
        """Poll once for a token; otherwise as `AuthenticationOAuthApi.poll_for_the_access_token`."""
        request = self._poll(code, client_id, client_secret, code_verifier)
        return await self._driver.run(operations.polled(request, self._clock))

    async def close(self) -> None:
        """Close the connections."""
        await self._http_clients.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
