"""What the protocol and the API were asked of late, which faults took a request, and what came of it.

Kept in memory only, and only where the control API is served. What was said is kept as it was said and turned into
fingerprints when it is looked at, so that keeping it costs next to nothing.
"""

from __future__ import annotations

import hashlib
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from traktauth.server.attempt import Spoken
from traktauth.server.grants.issue import Issued
from traktauth.server.refusals import Invalid, Refusal, Unwritten
from traktauth.server.storage.base import StorageDown
from traktauth.server.strings import row_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LENGTH = 500
# What is shown as it is; anything else could be a secret and is shown as a fingerprint.
PLAIN = frozenset(("grant_type", "client_id", "redirect_uri", "scope", "token_type_hint", "code_challenge_method"))
LONGEST = 60
NOTHING = Spoken({}, "", "")
"""What a request said that was not read."""


class Entry:
    """One request; its outcome is None until it has one: a result, or one of the three below."""

    __slots__ = ("at", "method", "outcome", "path", "said")

    def __init__(self, at: float, method: str, path: str, said: Spoken) -> None:
        self.at = at
        self.method = method
        self.path = path
        self.said = said
        self.outcome: object = None

    def failed(self, error: Exception) -> None:
        """Note what was raised: its words alone, as its traceback would hold the request's body."""
        self.outcome = Failed(_words_of(error))


class Known(NamedTuple):
    """The outcome of a request to the API: the token was good, and this user's."""

    status: int
    username: str


class Failed(NamedTuple):
    """The outcome of a request that was refused, or that a fault answered or cut."""

    how: str


class Made(NamedTuple):
    """The outcome of a control call: so many *pairs*, and the numbers of the last of them."""

    pairs: int
    numbers: tuple[int, ...]


class Timeline:
    """The last requests, the newest last."""

    def __init__(self, *, kept: bool) -> None:
        self._entries: deque[Entry] = deque(maxlen=LENGTH if kept else 0)

    def add(self, at: float, method: str, path: str, said: Spoken = NOTHING) -> Entry:
        """Note a request; whoever answers it sets its outcome."""
        entry = Entry(at, method, path, said)
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
    asked: str
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
    good = not isinstance(entry.outcome, Failed)
    return Line(entry.at, f"{entry.method} {entry.path}", said, _came(entry.outcome), good)


def births(entries: list[Entry]) -> list[Birth]:
    """Give the pairs that were made, the newest first, and what each came from."""
    found: dict[int, Birth] = {}
    for entry in entries:
        for birth in _born(entry):
            found.setdefault(birth.number, birth)
    return list(found.values())


def _came(outcome: object) -> str:
    match outcome:
        case None:
            return "under way"
        case Issued():
            renewable = f", refresh {fingerprint(outcome.refresh_token)}" if outcome.refresh_token else ""
            return f"200 access {fingerprint(outcome.access_token)}{renewable}"
        case Known():
            return f"{outcome.status} {outcome.username}"
        case Failed():
            return outcome.how
        case Made():
            return f"200 {outcome.pairs} {'pair' if outcome.pairs == 1 else 'pairs'}"
        case _:
            return "200"


def _words_of(error: Exception) -> str:
    match error:
        case Refusal():
            return f"{error.status} {error.error}: {error.description}"
        case Invalid():
            return f"{error.status} {error.message}"
        case Unwritten():
            return str(error.status)
        case StorageDown():
            return "503 the database cannot be used"
        case _:
            return "500"


def _born(entry: Entry) -> Iterator[Birth]:
    outcome, said = entry.outcome, entry.said.parameters
    if isinstance(outcome, Made):
        yield from (Birth(number, "the control API") for number in reversed(outcome.numbers))
    if isinstance(outcome, Issued):
        old, code = said.get("refresh_token"), said.get("code", "")
        source = f"pair {row_of(old)}, refreshed" if old else f"code {fingerprint(code)}" if code else "the app"
        yield Birth(row_of(outcome.access_token), source)


def _members(said: Spoken) -> Mapping[str, Any]:
    bearer = {"bearer": said.bearer} if said.bearer else {}
    basic = {"client_id": said.client_id, "client_secret": said.client_secret} if said.by_basic else {}
    return {**said.parameters, **basic, **bearer}


def _shown(name: str, value: str) -> str:
    if not value or name in PLAIN:
        return value[:LONGEST]
    return fingerprint(value)
