"""What the protocol's addresses were asked of late, and what came of it.

Kept in memory only, and only where the control API is served. What was said is kept as it was said and turned into
fingerprints when it is looked at, so that keeping it costs next to nothing.
"""

from __future__ import annotations

import hashlib
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from traktauth.server.grants.issue import Issued
from traktauth.server.refusals import Invalid, Refusal, Unwritten
from traktauth.server.strings import row_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traktauth.server.attempt import Spoken

LENGTH = 500
# What is shown as it is; anything else could be a secret and is shown as a fingerprint.
PLAIN = frozenset(("grant_type", "client_id", "redirect_uri", "scope", "token_type_hint", "code_challenge_method"))
LONGEST = 60


class Entry:
    """One request; its outcome is None until it has one."""

    __slots__ = ("at", "outcome", "path", "said")

    def __init__(self, at: float, path: str, said: Spoken) -> None:
        self.at = at
        self.path = path
        self.said = said
        self.outcome: object = None


class Timeline:
    """The last requests, the newest last."""

    def __init__(self, *, kept: bool) -> None:
        self._entries: deque[Entry] = deque(maxlen=LENGTH if kept else 0)

    def add(self, at: float, path: str, said: Spoken) -> Entry:
        """Note a request; whoever answers it sets its outcome."""
        entry = Entry(at, path, said)
        self._entries.append(entry)
        return entry

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()

    def newest_first(self) -> list[Entry]:
        """Give what is kept."""
        return list(reversed(self._entries))


class Line(NamedTuple):
    """A request as it is shown."""

    at: float
    path: str
    said: str
    came: str
    good: bool


class Birth(NamedTuple):
    """A pair of tokens, and the one or the code that it came from."""

    number: int
    source: str


def fingerprint(secret: str) -> str:
    """Give what tells one secret from another and nothing else."""
    return f"#{hashlib.sha256(secret.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def line_of(entry: Entry) -> Line:
    """Show a request with its secrets as fingerprints."""
    said = " ".join(f"{name}={_shown(name, value)}" for name, value in _members(entry.said).items())
    outcome = entry.outcome
    if isinstance(outcome, Refusal):
        return Line(entry.at, entry.path, said, f"{outcome.status} {outcome.error}: {outcome.description}", good=False)
    if isinstance(outcome, Invalid):
        return Line(entry.at, entry.path, said, f"{outcome.status} {outcome.message}", good=False)
    if isinstance(outcome, Unwritten):
        return Line(entry.at, entry.path, said, str(outcome.status), good=False)
    if isinstance(outcome, Issued):
        gave = f"access {fingerprint(outcome.access_token)}"
        if outcome.refresh_token:
            gave += f", refresh {fingerprint(outcome.refresh_token)}"
        return Line(entry.at, entry.path, said, f"200 {gave}", good=True)
    return Line(entry.at, entry.path, said, "under way" if outcome is None else "200", good=True)


def births(entries: list[Entry]) -> list[Birth]:
    """Give the pairs that were issued, the newest first, and what each came from."""
    found: dict[int, Birth] = {}
    for entry in entries:
        if isinstance(entry.outcome, Issued):
            number = row_of(entry.outcome.access_token)
            old = entry.said.parameters.get("refresh_token")
            code = entry.said.parameters.get("code", "")
            source = f"pair {row_of(old)}, refreshed" if old else f"code {fingerprint(code)}" if code else "the app"
            found.setdefault(number, Birth(number, source))
    return list(found.values())


def _members(said: Spoken) -> Mapping[str, Any]:
    bearer = {"bearer": said.bearer} if said.bearer else {}
    basic = {"client_id": said.client_id, "client_secret": said.client_secret} if said.by_basic else {}
    return {**said.parameters, **basic, **bearer}


def _shown(name: str, value: str) -> str:
    if not value or name in PLAIN:
        return value[:LONGEST]
    return fingerprint(value)
