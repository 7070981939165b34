"""Write an answer in one piece, past what uvicorn checks again and again in fields that never change.

Where anything is out of the ordinary (another server, a connection that is about to close, a client that does not take
what it is sent), it is left to ASGI.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

if TYPE_CHECKING:
    from starlette.types import Send


def head_of(status: int, fields: list[tuple[bytes, bytes]]) -> bytes:
    """Give the status line and the header fields, without the length."""
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
    return line + b"".join(b"%b: %b\r\n" % field for field in fields)


def written_whole(send: Send, head: bytes, body: bytes) -> bool:
    """Write head, length and body at once; whether that could be done."""
    cycle: object = getattr(send, "__self__", None)
    if type(cycle) is not RequestResponseCycle:
        return False
    if cycle.disconnected or cycle.response_started or not cycle.keep_alive or cycle.access_log:
        return False
    if cycle.flow.write_paused:
        return False
    own = b"".join([b"%b: %b\r\n" % field for field in cycle.default_headers])
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"%b%bcontent-length: %d\r\n\r\n%b" % (head, own, len(body), body))
    cycle.message_event.set()
    cycle.on_response()
    return True
