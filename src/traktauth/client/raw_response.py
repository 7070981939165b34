"""The bytes of a token response as they arrived, for a response that breaks HTTP and holds a whole token."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import httpcore2

from traktauth.wire.messages import Response

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_SIZE = 256 * 1024  # bytes; a larger response is not looked at
_SUCCESS = range(200, 300)  # statuses
_READ_SIZE = 64 * 1024
_HEAD = re.compile(rb"\s*HTTP/[0-9.]+ ([0-9]{3})\b.*?\r?\n\r?\n", re.DOTALL)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]*\r?\n")
# A number may have more digits than Python converts; the response itself is parsed by `Response.document`.
_DECODER = json.JSONDecoder(parse_int=str)


class RawResponse:
    """The raw bytes of a response, for when the HTTP library cannot parse it."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._is_over = False

    def clear(self) -> None:
        """Forget what came before the request was sent, as a proxy's response."""
        self._bytes.clear()

    def keep(self, data: bytes) -> None:
        """Keep what has arrived; nothing is the end."""
        self._is_over = not data
        if len(self._bytes) <= _MAX_SIZE:
            self._bytes += data

    def token_response(self) -> Response | None:
        """Return the response with its token, however it is framed; None if no whole token has arrived."""
        status, body = self._split()
        if body is None or status not in _SUCCESS:
            return None
        for text in _readings(body):
            response = Response(status, {}, text[: _end_of_object(text)])
            token = response.document().get("access_token")
            if token and isinstance(token, str):
                return response
        return None

    def read_on(self, stream: httpcore2.NetworkStream, limit: float, *, is_refused: bool) -> None:
        """Read the rest of a response, for at most `limit` seconds.

        Args:
            stream: calls `keep` with all that it reads.
            limit: seconds.
            is_refused: the HTTP library did not accept the head of the response.
        """
        until = time.monotonic() + limit
        with suppress(httpcore2.NetworkError, httpcore2.TimeoutException):  # the end of the connection
            while (left := until - time.monotonic()) > 0 and self._lacks_rest(is_refused=is_refused):
                stream.read(_READ_SIZE, left)
        self._is_over = True

    def _lacks_rest(self, *, is_refused: bool) -> bool:
        if self._is_over or len(self._bytes) > _MAX_SIZE:
            return False
        status, body = self._split()
        if body is None:  # the end of the head has not arrived
            return is_refused
        if status not in _SUCCESS:
            return False
        begins_object = any(text.startswith(b"{") for text in _readings(body))
        return (begins_object or (is_refused and not body.strip())) and self.token_response() is None

    def _split(self) -> tuple[int, bytes | None]:
        """Return the status and what follows the head; None if the end of the head has not arrived."""
        data, status = bytes(self._bytes), 0
        if len(data) > _MAX_SIZE:
            return 0, None
        while status < _SUCCESS.start:  # interim responses come before it
            head = _HEAD.match(data)
            if head is None:
                return 0, None
            status, data = int(head[1]), data[head.end() :]
        return status, data


def _readings(body: bytes) -> Iterator[bytes]:
    """Yield the body as it is, as the chunks that it consists of, and as one chunk of a wrong size."""
    text = body.lstrip()
    yield text
    if first := _CHUNK_SIZE.match(text):
        yield b"".join(_chunks(text)).lstrip()
        yield text[first.end() :].lstrip()


def _chunks(data: bytes) -> Iterator[bytes]:
    """Yield the chunks of a body up to the first that is broken."""
    place = 0
    while size := _CHUNK_SIZE.match(data, place):
        end = size.end() + int(size[1], 16)
        yield data[size.end() : end]
        after = re.compile(rb"\r?\n").match(data, end)
        if after is None or int(size[1], 16) == 0:
            return
        place = after.end()


def _end_of_object(text: bytes) -> int:
    """Return where the JSON object at the begin of a text ends; 0 if it has not arrived whole."""
    try:
        # In Latin-1 each byte is a character; that the object is UTF-8 is checked when it is read.
        return _DECODER.raw_decode(text.decode("latin-1"))[1] if text.startswith(b"{") else 0
    except (ValueError, RecursionError):
        return 0
