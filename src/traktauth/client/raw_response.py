"""The bytes of a token response as they arrived, for a response that breaks HTTP and holds a whole token."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from traktauth.wire.messages import Response

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST = 256 * 1024  # bytes; a larger response is not looked at
_READ_SIZE = 64 * 1024
_HEAD = re.compile(rb"\s*HTTP/[0-9.]+ ([0-9]{3})\b.*?\r?\n\r?\n", re.DOTALL)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]*\r?\n")
# A number may have more digits than Python converts; the response itself is parsed by `Response.document`.
_DECODER = json.JSONDecoder(parse_int=str)


class RawResponse:
    """The raw bytes of a response, for when the HTTP library cannot parse it.

    It is told of the connection's streams by the library's trace. If the library's streams cannot be watched, nothing
    is kept, and a response that breaks HTTP cannot be read.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._stream: Any = None
        self._is_refused = False
        self._is_over = False

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Watch a new stream, and note how reading a response ended."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._watch(info.get("return_value"))
        elif event.endswith(("receive_response_headers.failed", "receive_response_body.failed")):
            # A body that is not read to its end (GeneratorExit) is one that the library could not decode.
            kind = type(info.get("exception")).__name__
            self._is_refused = kind in {"RemoteProtocolError", "GeneratorExit"}
            self._is_over |= not self._is_refused

    def begin(self) -> None:
        """Forget what came before the request was sent, as a proxy's response."""
        self._bytes.clear()

    def release(self) -> None:
        """Let the stream go, which is about to be closed."""
        stream, self._stream = self._stream, None
        with suppress(AttributeError):
            del stream.read

    def token_response(self) -> Response | None:
        """Return the response with its token, however it is framed; None if no whole token has arrived."""
        status, body = self._split()
        if body is None or not 200 <= status < 300:  # noqa: PLR2004 - the statuses of success
            return None
        for text in _readings(body):
            response = Response(status, {}, text[: _end_of_object(text)])
            token = response.document().get("access_token")
            if token and isinstance(token, str):
                return response
        return None

    # ------------------------------------------------------------ reading on
    def read_on(self, limit: float) -> None:
        """Read the rest of a response that the library refuses or has cut off, for at most `limit` seconds."""
        until = time.monotonic() + limit
        with suppress(Exception):  # whatever ends the connection ends the response
            while (left := until - time.monotonic()) > 0 and self._lacks_rest():
                self._stream.read(_READ_SIZE, timeout=left)

    def _lacks_rest(self) -> bool:
        if self._stream is None or self._is_over or len(self._bytes) > _LARGEST:
            return False
        status, body = self._split()
        if body is None:  # the end of the head has not arrived
            return self._is_refused
        if not 200 <= status < 300:  # noqa: PLR2004 - the statuses of success
            return False
        begins_object = any(text.startswith(b"{") for text in _readings(body))
        return (begins_object or (self._is_refused and not body.strip())) and self.token_response() is None

    # ------------------------------------------------------------ watching
    def _watch(self, stream: Any) -> None:  # noqa: ANN401 - a stream of the library
        self.release()
        read = getattr(stream, "read", None)
        if read is None:
            return

        def receive(max_bytes: int, timeout: float | None = None) -> bytes:
            return self._keep(read(max_bytes, timeout=timeout))

        with suppress(AttributeError):  # a class with slots
            stream.read = receive
            self._stream = stream

    def _keep(self, data: bytes) -> bytes:
        self._is_over = not data
        if len(self._bytes) <= _LARGEST:
            self._bytes += data
        return data

    def _split(self) -> tuple[int, bytes | None]:
        """Return the status and what follows the head; None if the end of the head has not arrived."""
        data, status = bytes(self._bytes), 0
        if len(data) > _LARGEST:
            return 0, None
        while status < 200:  # noqa: PLR2004 - interim responses come before it
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
