"""Slow down guessing of passwords, user codes (RFC 8628 section 5.1) and the key of the control API."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from functools import lru_cache

MAX_KEYS = 10_000
"""Keys remembered; the oldest make room for new ones."""
KEY_CHARACTERS = 200


class Throttle:
    """Counts failures by key; *limit* failures in *seconds* are forgiven."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, key: str, *, now: float) -> float:
        """Return the seconds until *key* may be tried again, 0 if it may now."""
        recent = self._recent(key, now)
        return recent[0] + self._seconds - now if len(recent) >= self._limit else 0.0

    def count(self, key: str, *, now: float) -> None:
        """Count a failure."""
        recent = self._recent(key, now)
        self._failures.pop(key[:KEY_CHARACTERS], None)
        self._failures[key[:KEY_CHARACTERS]] = [*recent, now][-self._limit :]
        if len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)

    def forgive(self, key: str) -> None:
        """Forget the failures of *key*."""
        self._failures.pop(key[:KEY_CHARACTERS], None)

    def clear(self) -> None:
        """Forget all failures."""
        self._failures.clear()

    def _recent(self, key: str, now: float) -> list[float]:
        return [at for at in self._failures.get(key[:KEY_CHARACTERS], ()) if 0 <= now - at < self._seconds]


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
