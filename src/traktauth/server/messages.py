"""HTTP messages: read a request and its parameters, write a response."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qsl, quote, unquote_to_bytes

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

Handler = Callable[[Scope, Receive], Awaitable["HttpResponse"]]

# The largest requests that are read, in bytes.
LARGEST_QUERY = 16 * 1024
LARGEST_BODY = 64 * 1024
LARGEST_API_BODY = 1024 * 1024
LARGEST_CONTROL_BODY = 4 * 1024 * 1024
MOST_FIELDS = 100
"""Header fields; browsers send some twenty."""
MOST_PARAMETERS = 1000
"""Of a query or a form."""
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
"""A percent sign without two hexadecimal digits after it."""
URL_CHARACTERS = "%/:?#[]@!$&'()*+,;=~"
"""What a URL may contain (RFC 3986); anything else, above all a line break, is percent-encoded."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class RequestTooLarge(Exception):
    """A request is larger than the limit."""


class HttpRequest(NamedTuple):
    """A request.

    Attributes:
        method: its method, in capitals.
        path: its path, without doubled slashes.
        query: its query as it was sent, percent-encoded.
        fields: its header fields by name in lower case; of a repeated one, the last.
        body: its body.
        client: the address it came from.
    """

    method: str
    path: str
    query: bytes
    fields: dict[bytes, bytes]
    body: bytes
    client: str

    @property
    def headers(self) -> dict[str, str]:
        """The header fields as text, decoded at each access."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.fields.items()}

    @property
    def content_type(self) -> str:
        """The body's media type with its parameters, empty if the request names none."""
        return self.fields.get(b"content-type", b"").decode("latin-1")

    @property
    def authorization(self) -> str:
        """The Authorization field, empty if it is absent."""
        return self.fields.get(b"authorization", b"").decode("latin-1")

    @property
    def media_type(self) -> str:
        """The body's media type alone, in lower case."""
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def bearer(self) -> str:
        """The token in the Authorization field, or empty."""
        return bearer_token(self.authorization)


def bearer_token(authorization: str) -> str:
    """Return the token in an Authorization field, empty if it holds none; the scheme may be in any case."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def read_request(scope: Scope, receive: Receive, *, largest: int = LARGEST_BODY) -> HttpRequest:
    """Read a request to its end.

    Raises:
        RequestTooLarge: it announces, or has, more than *largest* bytes; the rest is not read.
        ClientDisconnect: the client disconnected before the end.
    """
    fields: dict[bytes, bytes] = dict(scope["headers"])
    query: bytes = scope["query_string"]
    length = fields.get(b"content-length", b"0")
    if len(query) > LARGEST_QUERY or not length.isdigit() or int(length) > largest:
        raise RequestTooLarge
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > largest:
            raise RequestTooLarge
    client = scope.get("client") or ("", 0)
    return HttpRequest(scope["method"], scope["path"], query, fields, body, client[0])


class ParseError(Exception):
    """A body or a query cannot be parsed; the message says why, without quoting it."""


def parse_form(data: bytes, *, strictly: bool = False) -> list[tuple[str, str]]:
    """Return a form's parameters in order.

    Args:
        data: what was sent.
        strictly: reject broken percent-encoding, broken UTF-8 and NUL (Rails) instead of replacing them (WHATWG URL).

    Raises:
        ParseError: it cannot be parsed.
    """
    if strictly:
        _check_form(data)
    try:
        text = data.decode("utf-8", "replace")
        return parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MOST_PARAMETERS)
    except ValueError as error:
        raise ParseError("It has too many parameters.") from error


def parse_json(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text.

    Raises:
        ParseError: it is not JSON, or nested too deeply.
    """
    try:
        return _decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ParseError("The request body is not valid JSON.") from error


def as_object(value: object) -> dict[str, Any] | None:
    """Return an object's members, None for any other value."""
    if type(value) is dict:  # which is all that a JSON text or a form can give
        return cast("dict[str, Any]", value)
    return dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else None


def as_list(value: object) -> list[Any] | None:
    """Return a list's items, None for any other value."""
    return list(cast("Sequence[Any]", value)) if isinstance(value, (list, tuple)) else None


def first_duplicate(pairs: list[tuple[str, str]], names: frozenset[str]) -> str | None:
    """Return the first of *names* that occurs more than once (RFC 6749 section 3.2), None if none does."""
    if len({name for name, _ in pairs}) == len(pairs):
        return None
    counts = Counter(name for name, _ in pairs if name in names)
    return next((name for name, count in counts.items() if count > 1), None)


def duplicate_member(data: bytes, value: object, names: frozenset[str]) -> str | None:
    """Return the first of *names* that a JSON object has more than once; *value* is what it was decoded to."""
    if as_object(value) is None:
        return None
    found: list[list[tuple[str, object]]] = []
    try:
        json.loads(data, object_pairs_hook=found.append)
    except (ValueError, RecursionError):
        return None
    outermost = found[-1] if found else []  # it is finished last
    return first_duplicate([(name, "") for name, _ in outermost], names)


def parse_basic(header: str) -> tuple[str, str] | None:
    """Return the name and password of an HTTP Basic header field, None if it is malformed."""
    try:
        decoded = base64.b64decode(header[6:].strip(), validate=True).decode()
    except ValueError:  # of which binascii and Unicode errors are kinds
        return None
    name, colon, secret = decoded.partition(":")
    return (name, secret) if colon else None


def _check_form(data: bytes) -> None:
    if BAD_PERCENT.search(data):
        raise ParseError("The request has a broken percent-encoding.")
    decoded = unquote_to_bytes(data)
    if b"\0" in decoded:
        raise ParseError("The request has a NUL in it.")
    try:
        decoded.decode()
    except UnicodeDecodeError as error:
        raise ParseError("The request is not valid UTF-8.") from error


class HttpResponse:
    """An HTTP response; also the ASGI application that sends it."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send the response."""
        fields = encode_headers(self.headers)
        fields.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": fields})
        body = b"" if scope["method"] == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body})


def encode_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return header fields as ASGI has them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def json_response(status: int, value: object, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return a response whose body is JSON."""
    return HttpResponse(status, _encode(value), {"content-type": JSON, **(headers or {})})


def drop_none(members: Mapping[str, object]) -> dict[str, object]:
    """Return the members that are not None."""
    return {name: value for name, value in members.items() if value is not None}


def redirect(location: str, status: int = 302) -> HttpResponse:
    """Return a redirect that no cache keeps and that sends no referrer (RFC 9700 section 4.2)."""
    headers = {
        "location": quote(location, safe=URL_CHARACTERS),
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
    }
    return HttpResponse(status, b"", headers)


class Application:
    """An ASGI application that is not a function, which a route of Starlette would call with a request."""

    __slots__ = ("_serve",)

    def __init__(self, serve: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._serve(scope, receive, send)


def get_only(respond: HttpResponse | Callable[[], Awaitable[HttpResponse]]) -> Application:
    """Return an application for GET and HEAD alone; other methods get 405 (RFC 9110 section 15.5.6)."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            response = HttpResponse(405, b"", {"allow": "GET"})
        else:
            response = respond if isinstance(respond, HttpResponse) else await respond()
        await response(scope, receive, send)

    return Application(serve)
