"""Requests and responses of one connection, read beside the bytes that pass (RFC 9112)."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import httptools

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LARGEST_BODY = 65_536
"""Bytes of a body that are kept: more than any OAuth message has."""
CONTINUE_BELOW = 200
HEAD_END = b"\r\n\r\n"
_DOUBLED = re.compile("//+")  # the local Trakt takes them for one slash, as Trakt does


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
        complete: whether the whole request came before its response.
    """

    host: str
    method: str
    path: str
    authorized: bool
    request: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    status: int = 0
    response: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)
    complete: bool = True


class ExchangeReader:
    """Reads the exchanges of a connection; what it cannot read passes unread.

    A response can come before the whole request has (413 to a large body): its exchange is without a request's body.

    Args:
        host: the host that the connection is for.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._waiting: deque[Exchange] = deque()
        self._requests = _Requests()
        self._responses = _Responses()
        self._head = bytearray()
        self._answered_early = False
        self._readable = True

    def read_request(self, data: bytes) -> list[Exchange]:
        """Return the exchanges whose request is complete with *data*."""
        if not self._readable:
            return []
        self._feed(self._requests.parser, data)
        requests, self._requests.complete = self._requests.complete, []
        if requests and self._answered_early:
            self._answered_early = False
            del requests[0]
        exchanges = [
            Exchange(self._host, method, path, authorized, _parameters(body))
            for method, path, authorized, body in requests
        ]
        self._waiting.extend(exchanges)
        if len(self._waiting) > 1 and any(exchange.method == "HEAD" for exchange in self._waiting):
            self._readable = False  # which of several responses has no body cannot be told here
        return exchanges

    def read_response(self, data: bytes) -> list[Exchange]:
        """Return the exchanges whose response is complete with *data*."""
        if not self._readable:
            return []
        if self._waiting and self._waiting[0].method == "HEAD":
            return self._read_head(data)
        self._feed(self._responses.parser, data)
        responses, self._responses.complete = self._responses.complete, []
        answered: list[Exchange] = []
        for status, body in responses:
            if status < CONTINUE_BELOW:
                continue
            exchange = self._waiting.popleft() if self._waiting else self._open_exchange()
            if exchange is None:
                continue
            exchange.status, exchange.response = status, _members(body)
            answered.append(exchange)
        return answered

    def _read_head(self, data: bytes) -> list[Exchange]:
        """Read the response to HEAD, which ends with its head whatever length it announces."""
        self._head += data
        while (end := self._head.find(HEAD_END)) >= 0:
            status = self._head[:end].split(maxsplit=2)[1:2]
            del self._head[: end + len(HEAD_END)]
            if not status or not status[0].isdigit():
                self._readable = False
                return []
            if int(status[0]) >= CONTINUE_BELOW:
                self._head.clear()  # nothing follows, as only one request was waiting
                exchange = self._waiting.popleft()
                exchange.status = int(status[0])
                return [exchange]
        return []

    def _open_exchange(self) -> Exchange | None:
        """Return the exchange of a request whose body has not come yet; its rest is not another exchange."""
        begun = self._requests.begun
        if begun is None or self._answered_early:
            return None
        self._answered_early = True
        return Exchange(self._host, *begun, complete=False)

    def _feed(self, parser: httptools.HttpRequestParser | httptools.HttpResponseParser, data: bytes) -> None:
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if parser is not self._requests.parser:
                self._readable = False  # 101: what follows is another protocol
                return
            self._requests = _Requests(self._requests.complete)  # the server may refuse it, and more may follow
            if rest := data[upgrade.args[0] :]:
                self._feed(self._requests.parser, rest)
        except httptools.HttpParserError:
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
    """Requests: those that are complete, and the head of one whose body has not come yet."""

    def __init__(self, complete: Sequence[tuple[str, str, bool, bytes]] = ()) -> None:
        super().__init__()
        self._target = b""
        self.begun: tuple[str, str, bool] | None = None
        self.complete = list(complete)
        self.parser = httptools.HttpRequestParser(self)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._target = b""

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_headers_complete(self) -> None:
        method = self.parser.get_method().decode("ascii", "replace")
        path = _DOUBLED.sub("/", self._target.partition(b"?")[0].decode("ascii", "replace"))
        self.begun = method, path, b"authorization" in self._fields

    def on_message_complete(self) -> None:
        if self.begun is not None:
            self.complete.append((*self.begun, bytes(self._body)))
        self.begun = None


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
