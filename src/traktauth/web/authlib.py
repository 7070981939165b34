# pyright: basic
"""Trakt for Authlib's registry: `oauth.register("trakt", **trakt(web_login))`.

Authlib gets access tokens that are valid, and no refresh token: the store has the only copy, and traktauth refreshes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

from traktauth.errors import LoginRequired, TraktAuthError
from traktauth.extras import check_version
from traktauth.models import Token
from traktauth.protocol import AUTHORIZE, TOKEN
from traktauth.web.login import AsyncWebLogin, WebLogin
from traktauth.web.requests import NOT_SIGNED_IN
from traktauth.web.routes import SignInSession
from traktauth.wire.messages import api_headers

__all__ = ["trakt"]

if find_spec("authlib") is None:
    raise TraktAuthError("Authlib is not installed", hint="pip install 'traktauth[authlib]'")
check_version("authlib", (1, 6))


def trakt(web_login: WebLogin | AsyncWebLogin, *, account: Callable[..., str | None] | None = None) -> dict[str, Any]:
    """Return the arguments of `oauth.register`.

    Args:
        web_login: a `WebLogin` for Flask and Django, an `AsyncWebLogin` for Starlette and FastAPI.
        account: returns who is signed in; is given the request where Authlib has one (not with Flask). By default the
            account in the request's session.

    Returns:
        The app, the addresses, and a `fetch_token` that returns a valid access token of the user. A request to an
        address outside the API is a ValueError: it would carry the token.

    Raises:
        TypeError: `web_login` is neither.
    """
    if not isinstance(web_login, WebLogin | AsyncWebLogin):
        raise TypeError(f"trakt needs WebLogin(app, …) or AsyncWebLogin(app, …), not {type(web_login).__name__}")
    find = account or partial(_account_of, web_login)
    service, app = web_login.service, web_login.app
    headers, api = api_headers(app.client_id), web_login.config.api

    def check_request(url: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
        api.check(url)
        return url, headers, body

    def prepare(session: Any) -> None:
        session.headers.update(headers)
        session.register_compliance_hook("protected_request", check_request)

    def find_trakt(request: tuple[Any, ...]) -> Any:
        user = find(*request)
        if user is None:
            raise LoginRequired(NOT_SIGNED_IN)
        return web_login.trakt(user)

    def fetch_token(*request: Any) -> dict[str, Any]:
        return _entry(find_trakt(request).token())

    async def fetch_token_async(*request: Any) -> dict[str, Any]:
        return _entry(await find_trakt(request).token())

    return {
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "authorize_url": service.website + AUTHORIZE,
        "access_token_url": service.token + TOKEN,
        "api_base_url": f"{service.api}/",
        "client_kwargs": {"code_challenge_method": "S256"},
        "compliance_fix": prepare,
        "fetch_token": fetch_token_async if isinstance(web_login, AsyncWebLogin) else fetch_token,
    }


def _entry(token: Token) -> dict[str, Any]:
    return {"access_token": token.access_token, "token_type": "bearer", "expires_at": int(token.expires_at)}


def _account_of(web_login: WebLogin | AsyncWebLogin, request: Any = None) -> str | None:
    if request is None:
        raise TypeError("Authlib has no request here: give trakt(web_login, account=…) what returns the user's account")
    return SignInSession(request.session, web_login).account
