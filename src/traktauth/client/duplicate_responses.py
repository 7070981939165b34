"""Binds a token to the request that it was the response to: a proxy may give one request another's response."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from traktauth.flow.effects import NoResponse

if TYPE_CHECKING:
    from traktauth.wire.messages import Request, Response

_REMEMBERED = 4096  # tokens
_SECONDS = 300.0

# By the digest of an access token: the digest of the request that it answered, and when.
_received: dict[bytes, tuple[bytes, float]] = {}
_lock = threading.Lock()


def bind(request: Request, response: Response | NoResponse) -> Response | NoResponse:
    """Return the response to a refresh, unless its token has already come as the response to another refresh.

    A service issues each access token once. So it is another login's, whose copy must not be saved for this one; what
    became of this request is unknown.
    """
    if isinstance(response, NoResponse) or b'"refresh_token"' not in request.body:
        return response
    token = response.document().get("access_token")
    if not isinstance(token, str):
        return response
    name, sent, now = _digest(request.url, token), _digest(request.url, request.body.decode()), time.monotonic()
    with _lock:
        first, at = _received.setdefault(name, (sent, now))
        if first != sent and now - at < _SECONDS:
            return NoResponse(sent=True, reason="the response belongs to another request")
        _received[name] = sent, now
        while len(_received) > _REMEMBERED:
            del _received[next(iter(_received))]
    return response


def forget() -> None:
    """Forget every response: the next test may have another Trakt, which gives the same tokens at the same address."""
    with _lock:
        _received.clear()


def _digest(url: str, text: str) -> bytes:
    from hashlib import sha256  # noqa: PLC0415 - costs milliseconds, and most programs refresh nothing

    return sha256(f"{url}\n{text}".encode(errors="replace")).digest()


def _renew_lock() -> None:
    """In a forked child, take a new lock: another thread of the parent may have held it."""
    global _lock  # noqa: PLW0603 - see above
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_renew_lock)
