"""A little of Trakt's API behind the token, and responses of a test's own: `responses={"GET /sync/history": […]}`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from traktauth.server.engines.trakt_wire import challenge
from traktauth.server.errors import BareStatusError, OAuthError
from traktauth.server.http.context import ServerContext
from traktauth.server.http.exchange import APP, Exchange
from traktauth.server.messages import (
    MAX_API_BODY,
    Handler,
    RequestTooLarge,
    as_object,
    bearer_token,
    json_response,
    read_body,
)
from traktauth.server.oauth.request import ClientRequest
from traktauth.server.oauth.rotation import end_parent
from traktauth.server.settings import read_json
from traktauth.server.storage.repositories import Repositories
from traktauth.server.storage.schema import TokenPair, User

DEFAULT_LIMIT = 10  # items a page, as at Trakt
_DIGITS = 6
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
STATUS = {"POST": 201}  # of any other method: 200
RESERVED = re.compile(r"/(oauth|_control|api/auth|\.well-known)(/|$)")
EXPECTED = 'such as {"GET /sync/history": [{"id": 1}]}'
EXPECTED_FILE = f"an object of JSON values by method and path, {EXPECTED}"


class Operation(NamedTuple):
    """What the API does for a method of an address.

    Attributes:
        describe: returns the response's JSON for the token's user.
        status: the response's HTTP status.
        is_list: whether it is a list, which has Trakt's paging headers.
    """

    describe: Callable[[User], Any]
    status: int = 200
    is_list: bool = False

    def response(self, user: User, query: Mapping[str, str]) -> Response:
        """Return the response for a user; of a list the page that the query names."""
        headers = {"cache-control": "private, no-store"}
        found = self.describe(user)
        if not self.is_list:
            return json_response(self.status, found, headers)
        page, limit = _whole(query.get("page", ""), 1), _whole(query.get("limit", ""), DEFAULT_LIMIT)
        headers |= {
            "x-pagination-page": str(page),
            "x-pagination-limit": str(limit),
            "x-pagination-page-count": str(-(-len(found) // limit)),
            "x-pagination-item-count": str(len(found)),
        }
        return json_response(self.status, found[(page - 1) * limit : page * limit], headers)


def behind_token(context: ServerContext, **operations: Operation) -> Handler:
    """Make an address of the API that needs a token, by method."""
    if "GET" in operations:
        operations["HEAD"] = operations["GET"]
    allowed = ", ".join(method for method in operations if method != "HEAD")

    async def respond(request: Request) -> Response:
        operation = operations.get(request.method)
        if operation is None:
            return Response(status_code=405, headers={"allow": allowed})
        await read_body(request, largest=MAX_API_BODY)
        exchange: Exchange = request.scope["exchange"]
        exchange.source, exchange.request = APP, ClientRequest({}, "", "", bearer=bearer_token(request.headers))
        try:
            user = user_of(context, request.headers)
        except Exception as error:
            exchange.fail(error)
            raise
        exchange.username = user.username
        return operation.response(user, request.query_params)

    async def authorized(request: Request) -> Response:
        try:
            return await respond(request)
        except OAuthError as refusal:
            headers = {"www-authenticate": challenge(refusal, "Trakt"), "cache-control": "no-store"}
            return Response(status_code=refusal.status, headers=headers)
        except BareStatusError as plain:
            return PlainTextResponse("Forbidden", plain.status)
        except RequestTooLarge:
            return json_response(413, {"error": "the request is too large"})

    return authorized


def _whole(value: str, default: int) -> int:
    """Return a number in a query; the default for anything else, or if it is not positive."""
    return int(value) or default if value.isascii() and value.isdecimal() and len(value) <= _DIGITS else default


def user_of(context: ServerContext, headers: Headers) -> User:
    """Return the user that a request's token belongs to; raise what the API answers without a valid token or app."""
    now = context.clock()

    def look(db: Repositories) -> tuple[TokenPair | None, User | None]:
        if db.clients.by_client_id(headers.get("trakt-api-key", "")) is None:
            raise BareStatusError(403)
        return find_token(db, bearer_token(headers))

    pair, user = context.database.read(look)
    if pair is not None and pair.parent is not None:
        used = pair
        context.database.write(lambda db: end_parent(db, used, access_outlives=context.policy.access_outlives))
    problem = problem_of(pair, user, now=now)
    if problem or user is None:
        raise OAuthError(401, "invalid_token", f"The access token {problem}")
    return user


def find_token(db: Repositories, token: str) -> tuple[TokenPair | None, User | None]:
    """Return the pair and the user of an access token, valid or not."""
    pair = db.tokens.by_access_token(token)
    return pair, db.users.get(pair.user_id) if pair else None


def problem_of(pair: TokenPair | None, user: User | None, *, now: float) -> str:
    """Return what is wrong with a token, empty if nothing is."""
    if pair is None or user is None:
        return "is invalid"
    if pair.access_ended:
        return "was revoked"
    return "expired" if pair.access_expires <= now else ""


def settings_of(user: User) -> dict[str, Any]:
    """Trakt: *Retrieve settings*, as far as a client that has just signed in looks."""
    return {
        "user": profile_of(user),
        "account": {"timezone": "UTC", "date_format": "mdy", "time_24hr": False},
        "connections": {},
        "sharing_text": {},
        "limits": {},
    }


def profile_of(user: User) -> dict[str, Any]:
    """Trakt: *Get user profile*."""
    joined = datetime.fromtimestamp(user.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "username": user.username,
        "private": False,
        "name": user.username,
        "vip": False,
        "vip_ep": False,
        "ids": {"slug": user.username, "trakt": user.id, "uuid": uuid_of(user.username)},
        "joined_at": joined,
    }


def uuid_of(username: str) -> str:
    """Return a user's uuid: the same over restarts, and in a database that was made anew."""
    digest = sha256(b"traktauth local user " + username.encode("utf-8", "surrogatepass")).digest()
    return str(UUID(bytes=digest[:16], version=5))


def history_of(_user: User) -> list[Any]:
    """Trakt: *Get watched history*, of which none is kept."""
    return []


def nothing_added(_user: User) -> dict[str, Any]:
    """Trakt: *Add items to watched history*, of which none is kept."""
    return {
        "added": {"movies": 0, "episodes": 0},
        "not_found": {"movies": [], "shows": [], "seasons": [], "episodes": []},
    }


def read_responses(source: str | Path | Mapping[str, Any] | None) -> dict[str, dict[str, Operation]]:
    """Read responses of the API; return what it does by path and method.

    *source* has JSON values by method and path, such as `GET /sync/history`, or is the path of a JSON file with them. A
    ValueError says which key or value is invalid.
    """
    values = as_object({} if source is None else read_json(source, "response", expected=EXPECTED_FILE))
    if values is None:
        raise ValueError(f"responses must be {EXPECTED_FILE}")
    found: dict[str, dict[str, Operation]] = {}
    for key, value in values.items():
        method, path = _method_and_path(key)
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"responses[{key!r}] cannot be sent as JSON: {error}") from error
        operation = Operation(_constant(value), STATUS.get(method, 200), is_list=isinstance(value, list))
        found.setdefault(path, {})[method] = operation
    return found


def _method_and_path(key: object) -> tuple[str, str]:
    method, _, path = key.partition(" ") if isinstance(key, str) else ("", "", "")
    if method not in METHODS or not path.startswith("/"):
        raise ValueError(f"responses: {key!r} must be a method and a path, {EXPECTED}; methods: {', '.join(METHODS)}")
    if "?" in path or "#" in path or "//" in path or " " in path:
        raise ValueError(f"responses: {key!r} must have a path alone, without a query; it answers every query")
    if RESERVED.match(path):
        raise ValueError(f"responses: {key!r} is not an address of the API; use a fault to change what it answers")
    return method, path


def _constant(value: object) -> Callable[[User], Any]:
    return lambda _person: value
