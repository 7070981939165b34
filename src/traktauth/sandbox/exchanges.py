"""Requests and responses of one connection, read beside the bytes that pass (RFC 9112)."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import httptools

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_BODY = 65_536
"""Bytes of a body that are kept: more than any OAuth message has."""
CONTINUE_BELOW = 200


@dataclass(slots=True)
class Exchange:
    """One request to a Trakt host and its response.

    Attributes:
        host: the host that the program asked.
        method: the request's method.
        path: its path, without the query.
        authorized: whether it carries an access token.
        request: the parameters of its body, of JSON or a form; empty for any other body.
        status: the response's status; 0 until it has come.
        response: the members of its body, if that is a JSON object.
    """

    host: str
    method: str
    path: str
    authorized: bool
    request: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    status: int = 0
    response: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)


class ExchangeReader:
    """Reads the exchanges of a connection; what it cannot read passes unread.

    Args:
        host: the host that the connection is for.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._waiting: deque[Exchange] = deque()
        self._requests = _Requests()
        self._responses = _Responses()
        self._readable = True

    def read_request(self, data: bytes) -> list[Exchange]:
        """Return the exchanges whose request is complete with *data*."""
        if not self._readable:
            return []
        self._feed(self._requests.parser, data)
        requests, self._requests.complete = self._requests.complete, []
        exchanges = [
            Exchange(self._host, method, path, authorized, _parameters(body))
            for method, path, authorized, body in requests
        ]
        self._waiting.extend(exchanges)
        if any(exchange.method == "HEAD" for exchange in exchanges):
            self._readable = False  # the parser would wait for the body that its response announces
        return exchanges

    def read_response(self, data: bytes) -> list[Exchange]:
        """Return the exchanges whose response is complete with *data*."""
        if not self._readable:
            return []
        self._feed(self._responses.parser, data)
        responses, self._responses.complete = self._responses.complete, []
        answered: list[Exchange] = []
        for status, body in responses:
            if status < CONTINUE_BELOW or not self._waiting:
                continue
            exchange = self._waiting.popleft()
            exchange.status, exchange.response = status, _members(body)
            answered.append(exchange)
        return answered

    def _feed(self, parser: httptools.HttpRequestParser | httptools.HttpResponseParser, data: bytes) -> None:
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._readable = False


class _Messages:
    """What both parsers call back."""

    def __init__(self) -> None:
        self._fields: dict[bytes, bytes] = {}
        self._body = bytearray()

    def on_message_begin(self) -> None:
        self._fields, self._body = {}, bytearray()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._body += body[: LARGEST_BODY - len(self._body)]


class _Requests(_Messages):
    def __init__(self) -> None:
        super().__init__()
        self._target = b""
        self.complete: list[tuple[str, str, bool, bytes]] = []
        self.parser = httptools.HttpRequestParser(self)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._target = b""

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_message_complete(self) -> None:
        method = self.parser.get_method().decode("ascii", "replace")
        path = self._target.partition(b"?")[0].decode("ascii", "replace")
        self.complete.append((method, path, b"authorization" in self._fields, bytes(self._body)))


class _Responses(_Messages):
    def __init__(self) -> None:
        super().__init__()
        self.complete: list[tuple[int, bytes]] = []
        self.parser = httptools.HttpResponseParser(self)

    def on_message_complete(self) -> None:
        self.complete.append((self.parser.get_status_code(), bytes(self._body)))


def _parameters(body: bytes) -> dict[str, str]:
    members = _members(body)
    if members:
        return {name: value for name, value in members.items() if isinstance(value, str)}
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except ValueError:
        return {}


def _members(body: bytes) -> dict[str, object]:
    if not body.lstrip().startswith(b"{"):
        return {}
    try:
        found: dict[str, object] = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found
