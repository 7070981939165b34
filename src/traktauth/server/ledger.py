"""What has happened since the last reset, in numbers."""

from __future__ import annotations

from collections import Counter
from typing import Any

# Requests for tokens are counted by what they asked with; those that a fault answered were never read.
TOKEN_PATHS = ("/oauth/token", "/api/auth/oauth2/token")
UNNAMED = "other"
UNREAD = "unread"


class Ledger:
    """Counts of requests and of what became of tokens.

    The three totals are noted after the commit that made them true.
    """

    TOTALS = ("rotations", "replays", "families_killed")

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str]] = Counter()
        self._grants: dict[str, Counter[str]] = {}
        self._totals: Counter[str] = Counter()

    def request(self, method: str, path: str) -> None:
        """Count a request."""
        self._requests[method, path] += 1

    def grant(self, path: str, grant_type: str) -> None:
        """Count a request for tokens."""
        counts = self._grants.get(path)
        if counts is None:
            counts = self._grants[path] = Counter()
        counts[grant_type or UNNAMED] += 1

    def note(self, events: list[str]) -> None:
        """Count what committed work had to tell."""
        self._totals.update(events)

    def reset(self) -> None:
        """Begin at nothing."""
        self._requests.clear()
        self._grants.clear()
        self._totals.clear()

    def sums(self) -> dict[str, Any]:
        """Give everything counted, as the control API has it (without the living)."""
        counts: dict[str, Any] = {f"{method} {path}": count for (method, path), count in self._requests.items()}
        for path in TOKEN_PATHS:
            asked, read = counts.get(f"POST {path}"), self._grants.get(path, Counter())
            if asked is not None:
                unread = asked - read.total()
                counts[f"POST {path}"] = {**read, **({UNREAD: unread} if unread > 0 else {})}
        return {"counts": counts, **{name: self._totals[name] for name in self.TOTALS}}
