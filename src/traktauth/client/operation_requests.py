"""The commissioned document's operations as requests, checked before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.models import App, find_service
from traktauth.wire import authorization, device_endpoint, token_endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.protocol import Service
    from traktauth.wire.messages import Request


class OperationRequests:
    """One method an operation; what sends nothing is whole, what sends is a request."""

    def __init__(self, service: str | Service, *, insecure: bool, clock: Callable[[], float]) -> None:
        self.service = find_service(service, insecure=insecure) if isinstance(service, str) else service
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
            ValueError: `response_type` is not `code`.
        """
        App(client_id, redirect_uri=redirect_uri)
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

    def _code_exchange(
        self, code: str, client_id: str, client_secret: str | None, redirect_uri: str, code_verifier: str | None
    ) -> Request:
        App(client_id, client_secret=client_secret, redirect_uri=redirect_uri)
        return token_endpoint.exchange_code(
            self.service,
            code=_check_value("code", code),
            client_id=client_id,
            client_secret=client_secret,
            redirect_uri=redirect_uri,
            code_verifier=code_verifier,
        )

    def _refresh(self, refresh_token: str, client_id: str, client_secret: str | None, redirect_uri: str) -> Request:
        App(client_id, client_secret=client_secret, redirect_uri=redirect_uri)
        return token_endpoint.exchange_refresh_token(
            self.service,
            refresh_token=_check_value("refresh_token", refresh_token),
            client_id=client_id,
            client_secret=client_secret,
            redirect_uri=redirect_uri,
        )

    def _revocation(self, token: str, client_id: str, client_secret: str | None) -> Request:
        App(client_id, client_secret=client_secret)
        return token_endpoint.revoke(
            self.service, token=_check_value("token", token), client_id=client_id, client_secret=client_secret
        )

    def _new_device_code(self, client_id: str, code_challenge: str | None) -> Request:
        App(client_id)
        return device_endpoint.new_device_code(self.service, client_id=client_id, code_challenge=code_challenge)

    def _poll(self, code: str, client_id: str, client_secret: str | None, code_verifier: str | None) -> Request:
        App(client_id, client_secret=client_secret)
        return device_endpoint.poll_device_code(
            self.service,
            code=_check_value("code", code),
            client_id=client_id,
            client_secret=client_secret,
            code_verifier=code_verifier,
        )


def _check_value(name: str, value: str) -> str:
    if not value or any(not "!" <= character <= "~" for character in value):
        raise ValueError(f"{name} must be given, without blanks, line ends or control characters")
    return value
