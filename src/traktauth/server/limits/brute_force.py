"""Slow down guessing: of passwords, user codes (RFC 8628 section 5.1) and apps' secrets (RFC 6749 section 2.3.1).

A guess is counted before it is judged, and taken back if it was right, so that no number of guesses at once gets past a
limit. Guesses beyond the limit that are not judged yet wait for those that are.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import math
from collections import OrderedDict
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from traktauth.server.http.messages import NO_STORE, HttpResponse, json_response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from traktauth.server.clock import Clock

LARGEST = 10_000
"""Keys remembered; the oldest make room for new ones."""


@dataclass
class Guess:
    """One guess.

    Attributes:
        wait: seconds until another may be made; 0 if this one is to be judged.
        wrong: to be set if it was judged and was wrong.
    """

    wait: float = 0.0
    wrong: bool = False


@dataclass
class Pending:
    """The guesses at one key that are being judged."""

    count: int
    judged: asyncio.Event


class Throttle:
    """Counts wrong guesses by key; *limit* in *seconds* are forgiven.

    Only a hash of a key is kept: it may hold typed text of any length.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._failures: OrderedDict[bytes, list[float]] = OrderedDict()
        self._pending: dict[bytes, Pending] = {}

    @asynccontextmanager
    async def guess(self, key: str, clock: Clock) -> AsyncGenerator[Guess]:
        """Count a guess at *key* while it is judged, and for good if it turns out wrong."""
        short = _short(key)
        wait = await self._admit(short, key, clock)
        if wait > 0:
            yield Guess(wait=wait)
            return
        guess = Guess()
        try:
            yield guess
        finally:
            if guess.wrong:
                self.count_failure(key, now=clock())
            self._release(short)

    async def _admit(self, short: bytes, key: str, clock: Clock) -> float:
        """Wait for the guesses being judged if they could reach the limit; return the seconds until one may be made."""
        while True:
            now = clock()
            wait = self.wait(key, now=now)
            pending = self._pending.get(short)
            if wait > 0:
                return wait
            if pending is None:
                self._pending[short] = Pending(1, asyncio.Event())
                return 0.0
            if pending.count + len(self._recent(short, now)) < self._limit:
                pending.count += 1
                return 0.0
            await pending.judged.wait()

    def _release(self, short: bytes) -> None:
        pending = self._pending[short]
        pending.count -= 1
        judged, pending.judged = pending.judged, asyncio.Event()
        judged.set()
        if not pending.count:
            del self._pending[short]

    def wait(self, key: str, *, now: float) -> float:
        """Return the seconds until *key* may be guessed at again, 0 if it may now."""
        recent = self._recent(_short(key), now)
        return recent[0] + self._seconds - now if len(recent) >= self._limit else 0.0

    def count_failure(self, key: str, *, now: float) -> None:
        """Count a wrong guess."""
        short = _short(key)
        recent = self._recent(short, now)
        self._failures.pop(short, None)
        self._failures[short] = [*recent, now][-self._limit :]
        while len(self._failures) > LARGEST:
            self._failures.popitem(last=False)

    def forgive(self, key: str) -> None:
        """Forget the wrong guesses at *key*."""
        self._failures.pop(_short(key), None)

    def clear(self) -> None:
        """Forget all wrong guesses."""
        self._failures.clear()

    def _recent(self, short: bytes, now: float) -> list[float]:
        return [at for at in self._failures.get(short, ()) if 0 <= now - at < self._seconds]


class SecretGuesses:
    """Guesses at apps' secrets: 20 wrong ones a minute by app and network, and 200 by app alone.

    The wider limit does not hold for a network from which the app has proven itself: strangers cannot stop it there. A
    right proof forgives no wrong one, and a secret that was proven before passes without being counted.
    """

    def __init__(self) -> None:
        self._by_network = Throttle(20, 60)
        self._by_app = Throttle(200, 60)
        self._proven: OrderedDict[bytes, bytes] = OrderedDict()

    @asynccontextmanager
    async def guess(self, client_id: str, secret: str, address: str, clock: Clock) -> AsyncGenerator[Guess]:
        """Count a guess while it is judged, and for good if it turns out wrong."""
        key, app = f"{client_id} {network_of(address)}", f"{client_id} anywhere"
        place, proof = _short(key), _short(secret)
        known = self._proven.get(place)
        if known is not None and hmac.compare_digest(known, proof) and not self._by_network.wait(key, now=clock()):
            guess = Guess()
            try:
                yield guess
            finally:
                if guess.wrong:  # the secret is another one since
                    self._by_network.count_failure(key, now=clock())
                    self._proven.pop(place, None)
            return
        async with AsyncExitStack() as limits:
            counted = [await limits.enter_async_context(self._by_network.guess(key, clock))]
            if known is None and not counted[0].wait:
                counted.append(await limits.enter_async_context(self._by_app.guess(app, clock)))
            guess = Guess(wait=max(one.wait for one in counted))
            try:
                yield guess
            finally:
                for one in counted:
                    one.wrong = guess.wrong and not guess.wait
            if not guess.wait and not guess.wrong:  # and nothing else went wrong before or after it was judged
                self._proven[place] = proof
                while len(self._proven) > LARGEST:
                    self._proven.popitem(last=False)

    def clear(self) -> None:
        """Forget all wrong guesses, and where apps have proven themselves."""
        self._by_network.clear()
        self._by_app.clear()
        self._proven.clear()


@dataclass(frozen=True)
class GuessLimits:
    """How many wrong guesses are forgiven a minute, for each kind of secret.

    Attributes:
        passwords: failed sign-ins, by user and network.
        user_codes: user codes that did not exist, by who entered them.
        user_codes_by_network: the same, by network.
        client_secrets: wrong secrets of apps; counted under `strict` alone.
        control_keys: wrong keys of the control API, by address.
    """

    passwords: Throttle = field(default_factory=lambda: Throttle(5, 60))
    user_codes: Throttle = field(default_factory=lambda: Throttle(10, 60))
    user_codes_by_network: Throttle = field(default_factory=lambda: Throttle(1000, 60))
    client_secrets: SecretGuesses = field(default_factory=SecretGuesses)
    control_keys: Throttle = field(default_factory=lambda: Throttle(20, 60))

    def clear(self) -> None:
        """Forget all wrong guesses."""
        for one in (
            self.passwords,
            self.user_codes,
            self.user_codes_by_network,
            self.client_secrets,
            self.control_keys,
        ):
            one.clear()


@lru_cache(maxsize=1024)
def network_of(address: str) -> str:
    """Return what an address is counted by: loopback is one, and so are the addresses that an IPv6 host may take."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or found
    if found.is_loopback:
        return "loopback"
    return str(found) if found.version == 4 else str(ipaddress.ip_network((int(found), 64), strict=False))  # noqa: PLR2004 - IPv4


def too_many_guesses(wait: float) -> HttpResponse:
    """Return the answer to a guess at a secret that is not judged."""
    seconds = math.ceil(wait)
    said = f"Too many wrong client secrets have come from here; wait {seconds} seconds."
    members = {"error": "invalid_client", "error_description": said}
    return json_response(429, members, {**NO_STORE, "retry-after": str(seconds)})


def _short(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
