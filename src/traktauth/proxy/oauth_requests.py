"""Programs' requests to Trakt's OAuth endpoints: refreshes are answered here, and grants are saved on their way."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import parse_qsl

from starlette.responses import Response

from traktauth.errors import AppRejected, LoginRequired, StoreFailed, TraktAuthError, TryLater
from traktauth.models import App
from traktauth.protocol import (
    AUTHORIZATION_CODE,
    DEVICE_CODE,
    DEVICE_TOKEN,
    OUT_OF_BAND,
    POLL_GRANTED,
    REFRESH_TOKEN,
    REVOKE,
    TOKEN,
)
from traktauth.proxy.logins import Granted, Logins
from traktauth.proxy.upstream import error_response
from traktauth.wire import messages

TOKEN_PATHS = frozenset((TOKEN, "/api/auth/oauth2/token"))
REVOKE_PATHS = frozenset((REVOKE, "/api/auth/oauth2/revoke"))
DEVICE_CODE_PATHS = frozenset((DEVICE_CODE, "/api/auth/device/code"))
DEVICE_TOKEN_PATHS = frozenset((DEVICE_TOKEN, "/api/auth/device/token"))
OAUTH_PATHS = TOKEN_PATHS | REVOKE_PATHS | DEVICE_CODE_PATHS | DEVICE_TOKEN_PATHS
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
LOCAL_CODE_SECONDS = 600
STORE_RETRY_AFTER = 5.0
_PASSED_FIELDS = ("content-type", "accept", "user-agent")
_RETURNED_FIELDS = ("content-type", "retry-after", "www-authenticate")


@dataclass(frozen=True, slots=True)
class OAuthRequest:
    """A request to an OAuth endpoint.

    Attributes:
        path: with single slashes.
        url: where it would be passed on to.
        fields: its header fields, names in lower case.
        body: as it came.
    """

    path: str
    url: str
    fields: Mapping[str, str]
    body: bytes

    def parameters(self) -> dict[str, str]:
        """Return the members of a JSON or form body."""
        try:
            document: Any = json.loads(self.body)
        except (ValueError, RecursionError):
            return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        members = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
        return {name: value for name, value in members.items() if isinstance(value, str)}


class OAuthRequests:
    """Answers requests to OAuth endpoints; called in threads.

    Args:
        logins: the logins.
        sign_in: `shared` answers device codes from the account's login.
        may_revoke: whether a program's sign-out is the account's.
        tell: is called with what the user should know of.
    """

    def __init__(
        self,
        logins: Logins,
        *,
        sign_in: Literal["own", "shared"],
        may_revoke: bool,
        tell: Callable[[str, TraktAuthError | None], None],
    ) -> None:
        self._logins = logins
        self._sign_in = sign_in
        self._may_revoke = may_revoke
        self._tell = tell
        self._codes: dict[str, tuple[str, float]] = {}  # client id and end by device code, of those answered here

    def answer(self, request: OAuthRequest) -> Response | None:
        """Return the response; None if the request is passed on unchanged."""
        parameters = request.parameters()
        try:
            app = App(
                parameters.get("client_id", ""),
                client_secret=parameters.get("client_secret") or None,
                redirect_uri=parameters.get("redirect_uri") or OUT_OF_BAND,
            )
        except (AppRejected, TypeError):
            return None  # Trakt says what is wrong
        try:
            return self._answer(request, parameters, app)
        except TraktAuthError as error:
            return self._refuse(error)

    def _answer(self, request: OAuthRequest, parameters: Mapping[str, str], app: App) -> Response | None:
        grant_type, path = parameters.get("grant_type"), request.path
        code = parameters.get("device_code") or parameters.get("code", "")
        if path in REVOKE_PATHS:
            is_done = self._logins.revoke(app, parameters.get("token", ""), for_all=self._may_revoke)
            return _json({}) if is_done else None
        if path in DEVICE_CODE_PATHS:
            return self._start_device(app) if self._sign_in == "shared" else None
        if path in DEVICE_TOKEN_PATHS or grant_type == DEVICE_GRANT:
            return self._poll(request, app, code)
        if grant_type == REFRESH_TOKEN and parameters.get("refresh_token"):
            return _granted(self._logins.refresh(app, parameters["refresh_token"]), {})
        return self._grant(request, app) if grant_type == AUTHORIZATION_CODE else None

    def _grant(self, request: OAuthRequest, app: App) -> Response:
        fields = {name: request.fields[name] for name in _PASSED_FIELDS if name in request.fields}
        response, granted = self._logins.grant(app, messages.Request("POST", request.url, fields, request.body))
        if granted is not None:
            return _granted(granted, response.document())
        returned = {name: response.headers[name] for name in _RETURNED_FIELDS if name in response.headers}
        return Response(response.body, response.status, returned)

    def _start_device(self, app: App) -> Response | None:
        if self._logins.shared(app.client_id) is None:
            return None
        code, user_code = secrets.token_urlsafe(32), secrets.token_hex(4).upper()
        now = time.monotonic()
        self._codes = {each: (owner, end) for each, (owner, end) in self._codes.items() if end > now}
        self._codes[code] = app.client_id, now + LOCAL_CODE_SECONDS
        page = "https://trakt.tv/activate"
        members = {"device_code": code, "user_code": user_code, "verification_url": page, "verification_uri": page}
        return _json({**members, "expires_in": LOCAL_CODE_SECONDS, "interval": 1})

    def _poll(self, request: OAuthRequest, app: App, code: str) -> Response:
        if self._codes.get(code, ("", 0.0))[0] != app.client_id:
            return self._grant(request, app)
        known = self._logins.shared(app.client_id)
        if known is None or known.client_secret != app.client_secret:
            raise AppRejected("The client secret is not the one of the login's app")
        granted = self._logins.share(app)
        del self._codes[code]
        return _granted(granted, {})

    def _refuse(self, error: TraktAuthError) -> Response:
        """Return the response for an error, in the form that programs know from Trakt."""
        match error:
            case LoginRequired():
                self._tell(error.message, error)
                return error_response(400, "invalid_grant", error.message)
            case AppRejected():
                self._tell(error.message, error)
                return error_response(401, "invalid_client", error.message)
            case TryLater():
                return unavailable(error)
            case _:
                self._tell(error.message, error)
                return unavailable(error)


def unavailable(error: TraktAuthError) -> Response:
    """Return the response for what is impossible now."""
    retry_after = error.retry_after if isinstance(error, TryLater) else STORE_RETRY_AFTER
    name = "store_failed" if isinstance(error, StoreFailed) else "temporarily_unavailable"
    return error_response(503, name, error.message, retry_after=retry_after)


def _granted(granted: Granted, members: Mapping[str, Any]) -> Response:
    """Return a token response as Trakt's, with the placeholder; `members` are those that it came with."""
    token = granted.token
    shown: dict[str, Any] = {
        **members,
        "access_token": token.access_token,
        "token_type": token.token_type,
        "expires_in": max(1, int(granted.left)),
        "refresh_token": granted.placeholder,
        "scope": token.scope,
        "created_at": int(granted.now),
    }
    if "expires_at" in shown:
        shown["expires_at"] = int(granted.now) + shown["expires_in"]
    return _json({name: value for name, value in shown.items() if value is not None})


def _json(document: Mapping[str, Any]) -> Response:
    fields = {"cache-control": "no-store", "pragma": "no-cache"}
    return Response(json.dumps(document), POLL_GRANTED, fields, "application/json; charset=utf-8")
