"""The ASGI application behind Trakt's names: what becomes of each request of a program."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import ParamSpec, TypeVar

import httpx2
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from traktauth.client.api_address import ApiAddress
from traktauth.client.attempt import UNAUTHORIZED, Attempt
from traktauth.errors import LoginRequired, TraktAuthError, TryLater
from traktauth.proxy.logins import Logins
from traktauth.proxy.oauth_requests import OAUTH_PATHS, OAuthRequest, OAuthRequests, unavailable
from traktauth.proxy.upstream import Body, Fields, Upstream, error_response, pass_back, unreachable

P = ParamSpec("P")
T = TypeVar("T")
DOUBLED = re.compile("//+")
BEARER = re.compile("Bearer +([!-~]+)", re.IGNORECASE)
THREADS = 32
"""Requests that wait for a token, or for the store, at once."""


class Application:
    """Answers the requests that programs send to Trakt's hosts.

    Args:
        logins: the logins.
        oauth: answers requests to OAuth endpoints.
        upstream: gets the others.

    Attributes:
        reached: how many requests each host was sent.
    """

    def __init__(self, logins: Logins, oauth: OAuthRequests, upstream: Upstream) -> None:
        self._logins = logins
        self._oauth = oauth
        self._upstream = upstream
        self._api = ApiAddress(logins.service.api)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="traktauth-proxy")
        self.reached: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; `scope["state"]["host"]` is the host that the connection was made for."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            response = await self._respond(request, request.state.host)
            await response(scope, receive, send)
        except (ClientDisconnect, httpx2.HTTPError):
            pass  # one side has gone; uvicorn closes a connection whose response is not complete

    async def _respond(self, request: Request, host: str) -> Response:
        self.reached[host] += 1
        raw_path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
        if not raw_path.startswith("/"):
            return error_response(HTTPStatus.BAD_REQUEST, "invalid_request", "the request names no path")
        if request.headers.get("upgrade", "").lower() == "websocket":
            return error_response(HTTPStatus.NOT_IMPLEMENTED, "not_implemented", "WebSocket is not passed on")
        url = self._upstream.url(host, f"{raw_path}?{query}" if query else raw_path)
        path, body, fields = DOUBLED.sub("/", request.scope["path"]).rstrip("/"), Body(request), request.headers.raw
        content = await body.read()
        if request.method == "POST" and path in OAUTH_PATHS and content is not None:
            oauth_request = OAuthRequest(path, url, request.headers, content)
            answer = await self._in_thread(self._oauth.answer, oauth_request)
            return answer or await self._upstream.pass_on("POST", url, fields, body)
        sent = BEARER.fullmatch(request.headers.get("authorization", ""))
        client_id = request.headers.get("trakt-api-key", "")
        if sent is None or not client_id or not self._api.contains(url):
            return await self._upstream.pass_on(request.method, url, fields, body)
        return await self._call_api(request.method, url, fields, body, (client_id, sent[1]))

    async def _call_api(self, method: str, url: str, fields: Fields, body: Body, sent: tuple[str, str]) -> Response:
        """Pass an API request on with the current token of the login, if one has the token that was sent."""
        attempt: Attempt | None
        try:
            attempt = self._logins.peek(*sent, url) or await self._in_thread(self._logins.attempt, *sent, url)
        except LoginRequired:
            attempt = None  # the API answers 401
        except TraktAuthError as error:
            return unavailable(error)
        if attempt is None:
            return await self._upstream.pass_on(method, url, fields, body)
        while True:
            try:
                response = await self._upstream.send(method, url, _authorized(fields, attempt), body)
            except (httpx2.HTTPError, httpx2.InvalidURL, TryLater) as error:
                return unreachable(url, error)
            if response.status_code != UNAUTHORIZED:
                return pass_back(response)
            try:
                attempt = await self._in_thread(attempt.retry, url)
            except LoginRequired:
                attempt = None
            except TraktAuthError as error:
                await response.aclose()
                return unavailable(error)
            if attempt is None or not body.can_be_sent_again:
                return pass_back(response)
            await response.aclose()

    async def _in_thread(self, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        call = partial(function, *arguments, **keywords)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def _authorized(fields: Fields, attempt: Attempt) -> Fields:
    token = attempt.headers["Authorization"].encode()
    return [(name, token if name.lower() == b"authorization" else value) for name, value in fields]
