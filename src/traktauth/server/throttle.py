"""Slow down guessing: of passwords, user codes (RFC 8628 section 5.1) and apps' secrets (RFC 6749 section 2.3.1)."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import OrderedDict
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from traktauth.server.http.answers import NO_STORE, Answer, in_json

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from traktauth.server.clock import Clock
    from traktauth.server.front import Direct

UNPROVEN = 401
LARGEST = 10_000
"""Keys remembered; the oldest make room for new ones."""


class Throttle:
    """Counts failures by key; *limit* in *seconds* are forgiven.

    Of a key only a hash is kept: it may hold what somebody typed, of any length.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._failures: OrderedDict[bytes, list[float]] = OrderedDict()
        self._turns: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    def turn(self, key: str) -> asyncio.Lock:
        """Give what one who tries *key* holds until the outcome is counted, where that takes time to find out.

        Of many at once each is then asked to wait, or not, when all before it have been counted.
        """
        short = _short(key)
        lock = self._turns.get(short)
        if lock is None:
            lock = self._turns[short] = asyncio.Lock()
        return lock

    def wait(self, key: str, *, now: float) -> float:
        """Give the seconds until *key* may try again, 0 where it may now."""
        recent = [at for at in self._failures.get(_short(key), []) if 0 <= now - at < self._seconds]
        return recent[0] + self._seconds - now if len(recent) >= self._limit else 0.0

    def failed(self, key: str, *, now: float) -> None:
        """Count a failure."""
        short = _short(key)
        recent = [at for at in self._failures.pop(short, []) if 0 <= now - at < self._seconds]
        self._failures[short] = [*recent, now][-self._limit :]
        while len(self._failures) > LARGEST:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of *key*."""
        self._failures.pop(_short(key), None)

    def clear(self) -> None:
        """Forget all failures."""
        self._failures.clear()


def guarded(direct: Direct, failures: Throttle, clock: Clock) -> Direct:
    """Put a stop in front of an address for whoever proves to be nobody again and again.

    A right proof forgives nothing: it may be the guesser's own app's.
    """

    async def answered(scope: Scope, receive: Receive) -> Answer:
        client = (scope.get("client") or ("", 0))[0]
        wait = failures.wait(client, now=clock())
        if wait > 0:
            return _too_often(wait)
        answer = await direct(scope, receive)
        if answer.status == UNPROVEN and b'"invalid_client"' in answer.body:
            failures.failed(client, now=clock())
        return answer

    return answered


def _short(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _too_often(wait: float) -> Answer:
    seconds = math.ceil(wait)
    said = f"Too many wrong client secrets have come from here; wait {seconds} seconds."
    members = {"error": "invalid_client", "error_description": said}
    return in_json(429, members, {**NO_STORE, "retry-after": str(seconds)})
