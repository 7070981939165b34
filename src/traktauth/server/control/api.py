"""Who may call the control API, and how calls are read and answered.

A web page in the developer's browser must not reach it: on loopback every call needs a loopback `Host`, JSON as its
media type and no foreign `Origin` or `Sec-Fetch-Site` (which rules out forms and, without CORS, scripts), and must not
come through a proxy, behind which the client is unknown. Anywhere else it needs a key.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from traktauth.server.control.calls import CALLS, Call, ControlError, run_call
from traktauth.server.http.context import ServerContext
from traktauth.server.http.throttle import network_of
from traktauth.server.messages import (
    JSON,
    MAX_CONTROL_BODY,
    RequestTooLarge,
    address_of,
    bearer_token,
    content_type,
    json_response,
    read_body,
)
from traktauth.server.settings import is_loopback, name_in

NO_CACHE = {"cache-control": "no-store"}
PROXIED = frozenset(("forwarded", "via", "x-real-ip"))
"""Header fields that a proxy adds, besides `X-Forwarded-…`."""


def call_routes(context: ServerContext) -> list[Route]:
    """Return the routes of the control API, which a server has that was started with `--control`."""
    by_path: dict[str, dict[str, type[Call]]] = {}
    for call in CALLS:
        method, path = call.address.split(" ")
        by_path.setdefault(path, {})[method] = call
    return [Route(path, _endpoint(context, calls), methods=list(calls)) for path, calls in by_path.items()]


def _endpoint(context: ServerContext, calls: Mapping[str, type[Call]]) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of one control address; *calls* by method."""

    async def respond(request: Request) -> Response:
        try:
            body = await read_body(request, largest=MAX_CONTROL_BODY)
            check_access(context, request)
            call = calls["GET" if request.method == "HEAD" else request.method].read(_read_json(request.headers, body))
            return json_response(200, await run_call(context, call, request.scope["exchange"]), NO_CACHE)
        except ControlError as error:
            return json_response(error.status, {"error": str(error)}, NO_CACHE)
        except RequestTooLarge:
            return json_response(413, {"error": "the request is too large"}, NO_CACHE)

    return respond


def _read_json(headers: Headers, body: bytes) -> object:
    """Return a call's JSON body, an empty object without one; raise ControlError if it is not JSON."""
    if not body:
        return {}
    if content_type(headers) != JSON:
        raise ControlError("the body must be application/json", status=415)
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ControlError("the body is not valid JSON") from error


def check_access(context: ServerContext, request: Request) -> None:
    """Raise ControlError if a call may come from a web page, or from someone without the key."""
    if has_key(context, request):
        return
    if not context.settings.loopback:
        raise ControlError("the control API needs its key as a Bearer token", status=401)
    headers = request.headers
    if any(name in PROXIED or name.startswith("x-forwarded-") for name in headers):
        raise ControlError("the control API takes calls through a proxy only with TRAKTAUTH_CONTROL_KEY", status=403)
    host = headers.get("host", "")
    if not is_loopback(name_in(host)):
        raise ControlError("the control API needs a loopback Host", status=403)
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        raise ControlError("the control API rejects requests from other origins", status=403)
    site = headers.get("sec-fetch-site", "none")
    if site == "cross-site" or (site == "same-site" and request.method not in ("GET", "HEAD")):
        raise ControlError("the control API takes no call from another site", status=403)


def has_key(context: ServerContext, request: Request) -> bool:
    """Return whether a call carries the control API's key; raise ControlError after too many wrong ones."""
    key, sent = context.settings.control_key, bearer_token(request.headers)
    if not key or not sent:
        return False
    now, address = context.clock(), network_of(address_of(request))
    wait = context.control_keys.wait(address, now=now)
    if wait > 0:
        raise ControlError(f"too many wrong keys; wait {math.ceil(wait)} seconds", status=429)
    if hmac.compare_digest(sent.encode("utf-8", "replace"), key.encode()):
        return True
    context.control_keys.count(address, now=now)
    return False
