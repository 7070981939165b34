"""HTTP messages: read a request and its parameters, write a response."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

Handler = Callable[[Request], Awaitable[Response]]
Pairs = Sequence[tuple[str, Any]]
"""Names and values of a form, a query or a JSON object, in order."""

# The largest requests that are read, in bytes.
MAX_QUERY = 16 * 1024
MAX_BODY = 64 * 1024
MAX_API_BODY = 1024 * 1024
MAX_CONTROL_BODY = 4 * 1024 * 1024
MAX_FIELDS = 100
"""Header fields; browsers send some twenty."""
MAX_PARAMETERS = 1000
"""Of a query or a form."""
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
"""A percent sign without two hexadecimal digits after it."""
_decode_pairs = json.JSONDecoder(object_pairs_hook=tuple).decode
_encode = msgspec.json.Encoder().encode


class RequestTooLarge(Exception):
    """A request is larger than the limit."""


def content_type(headers: Headers) -> str:
    """Return the body's media type alone, in lower case; empty if the request names none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def bearer_token(headers: Headers) -> str:
    """Return the token in the Authorization field, empty if it holds none; the scheme may be in any case."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def address_of(request: Request) -> str:
    """Return the address that a request came from, empty if that is unknown."""
    return request.client.host if request.client else ""


async def read_body(request: Request, *, largest: int = MAX_BODY) -> bytes:
    """Read a request's body to its end, unless that, or the query, is too large."""
    length = request.headers.get("content-length", "0")
    if len(request.scope["query_string"]) > MAX_QUERY or not length.isdigit() or int(length) > largest:
        raise RequestTooLarge
    receive, body, more = request.receive, b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > largest:
            raise RequestTooLarge
    return body


class ParseError(Exception):
    """A body or a query cannot be parsed; the message says why, without quoting it."""


def parse_form(data: bytes, *, strictly: bool = False) -> list[tuple[str, str]]:
    """Return a form's parameters in order; raise ParseError if there are too many.

    *strictly*: reject broken percent-encoding, broken UTF-8 and NUL (Rails) instead of replacing them (WHATWG URL).
    """
    if strictly:
        _check_form(data)
    try:
        text = data.decode("utf-8", "replace")
        return parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise ParseError("It has too many parameters.") from error


def parse_json(data: bytes) -> object:
    """Return the value of a JSON text; an object as a tuple of pairs, so that repeated members can be found."""
    try:
        msgspec.json.decode(data)  # which is stricter about numbers and unpaired surrogates, but loses what is repeated
        return _decode_pairs(data.decode())
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ParseError("The request body is not valid JSON.") from error


def as_object(value: object) -> dict[str, Any] | None:
    """Return an object's members, None for any other value."""
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    return dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else None


def as_list(value: object) -> list[Any] | None:
    """Return a list's items, None for any other value."""
    return list(cast("Sequence[Any]", value)) if isinstance(value, (list, tuple)) else None


def as_pairs(value: object) -> Pairs:
    """Return the members of an object that `parse_json` has read; none of any other value."""
    return cast("Pairs", value) if isinstance(value, tuple) else ()


def first_duplicate(pairs: Pairs, names: frozenset[str]) -> str | None:
    """Return the first of *names* that occurs more than once (RFC 6749 section 3.2), None if none does."""
    if len({name for name, _ in pairs}) == len(pairs):
        return None
    counts = Counter(name for name, _ in pairs if name in names)
    return next((name for name, count in counts.items() if count > 1), None)


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


def json_response(status: int, value: object, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response whose body is JSON."""
    return Response(_encode(value), status, {"content-type": JSON, **(headers or {})})


def drop_none(members: Mapping[str, object]) -> dict[str, object]:
    """Return the members that are not None."""
    return {name: value for name, value in members.items() if value is not None}


def redirect(location: str, status: int = 302) -> Response:
    """Return a redirect that no cache keeps and that sends no referrer (RFC 9700 section 4.2)."""
    return RedirectResponse(location, status, {"cache-control": "no-store", "referrer-policy": "no-referrer"})
