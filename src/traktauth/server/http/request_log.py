"""What is recorded of requests: the log of recent ones, for the control page and the terminal, and the counters.

Kept in memory; the log only if the control API is served. Parameters are kept as they came and turned into fingerprints
when they are shown, so that a request pays next to nothing for its entry.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import Counter, defaultdict, deque
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from traktauth.server.errors import BareStatusError, OAuthError, ValidationError
from traktauth.server.oauth.request import ClientRequest
from traktauth.server.storage.base import StorageUnavailable
from traktauth.server.tokens import IssuedTokens

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

LENGTH = 1_000
"""Requests that are kept: many times what the control page shows, and few enough to stay in a processor's cache.

Each takes 1.6 kB. With 2,000 a refresh takes 4 % longer in the server, and another 7 % with 10,000.
"""
MOST_CREATED = 240
"""Pairs made by one control call that are kept: as many as the control page shows."""
MOST_CHARACTERS, MOST_NAMES = 2_000, 40
"""Of the parameters of an entry; longer ones are cut, so that the log cannot fill the memory."""
PLAIN = frozenset((
    "advance", "client_id", "code_challenge_method", "decision", "disabled", "grant_type", "kind", "redirect_uri",
    "response_type", "scope", "token_type_hint", "via",
))  # fmt: skip
"""Parameters that are shown as they are; any other could be a secret and is shown as a fingerprint."""
LONGEST = 60
current_entries: ContextVar[list[LogEntry] | None] = ContextVar("current_entries", default=None)
"""Collects the entries of the request that is being served, for the access log."""
UNREAD = ClientRequest({}, "", "")
"""Stands for a request that was not read."""
TOKEN_PATHS = ("/oauth/token", "/api/auth/oauth2/token")
"""Requests for tokens are counted by grant type; those that were not read, as a fault answered, apart."""
TOTALS = ("rotations", "replays", "families_killed")


class ApiResult(NamedTuple):
    """The outcome of a request to the API with a valid token of this user."""

    status: int
    username: str


class PageResult(NamedTuple):
    """The outcome of a browser's request: the status, where it redirects to, and who is signed in."""

    status: int
    location: str
    username: str

    def __repr__(self) -> str:
        return f"PageResult(status={self.status})"  # a location may carry a code


class ControlResult(NamedTuple):
    """The outcome of a control call: what its response says, and what makes a sentence of it for a named app."""

    members: Mapping[str, Any]
    sentence: Callable[[str, Mapping[str, Any]], str]

    def __repr__(self) -> str:
        return "ControlResult()"  # the members may hold a code


class Failure(NamedTuple):
    """The outcome of a request that was refused, or that a fault answered or cut."""

    how: str


class TokensCreated(NamedTuple):
    """The outcome of a control call that made so many *pairs*, with the tokens of the last."""

    pairs: int
    tokens: tuple[IssuedTokens, ...]

    def __repr__(self) -> str:
        return f"TokensCreated(pairs={self.pairs})"


class LogEntry:
    """One request.

    Attributes:
        number: its place in the log, from 1; grows for as long as the server runs.
        at: when it came, in Unix seconds of the server's clock.
        method: its HTTP method.
        path: its path.
        request: its parameters and credentials.
        outcome: its result, one of the outcomes above, or None until it has one.
        events: what it did to tokens: `rotations`, `replays`, `families_killed`.
        replayed_pair: the row of the pair whose used refresh token it sent again, 0 if it did not.
    """

    __slots__ = ("_log", "at", "events", "method", "number", "outcome", "path", "replayed_pair", "request")

    def __init__(self, number: int, at: float, method: str, path: str, request: ClientRequest, log: RequestLog) -> None:
        self.number = number
        self.at = at
        self.method = method
        self.path = path
        self.request = request
        self.outcome: object = None
        self.events: tuple[str, ...] = ()
        self.replayed_pair = 0
        self._log = log

    def finish(self, outcome: object) -> None:
        """Set the outcome."""
        self.outcome = outcome
        self._log.notify()

    def fail(self, error: Exception) -> None:
        """Set an exception as the outcome: its text alone, as its traceback would keep the request's body."""
        self.finish(Failure(_error_text(error)))


class RequestLog:
    """The last requests, the newest last."""

    def __init__(self, *, kept: bool) -> None:
        self._entries: deque[LogEntry] = deque(maxlen=LENGTH if kept else 0)
        self._count = 0
        self._watchers: set[asyncio.Event] = set()
        self.is_closed = False

    def add(self, at: float, method: str, path: str, request: ClientRequest = UNREAD) -> LogEntry:
        """Add a request and return its entry, whose outcome the caller sets."""
        self._count += 1
        if len("".join(request.parameters.values())) > MOST_CHARACTERS:
            short = {name[:LONGEST]: _shorten(value) for name, value in list(request.parameters.items())[:MOST_NAMES]}
            request = request._replace(parameters=short)
        entry = LogEntry(self._count, at, method, path, request, self)
        self._entries.append(entry)
        entries = current_entries.get()
        if entries is not None:
            entries.append(entry)
        return entry

    def clear(self) -> None:
        """Remove all entries."""
        self._entries.clear()
        self.notify()

    def close(self) -> None:
        """End every watcher, because the server stops."""
        self.is_closed = True
        self.notify()

    @contextlib.contextmanager
    def watch(self) -> Generator[asyncio.Event]:
        """Return an event that is set whenever an entry changes; the watcher clears it."""
        event = asyncio.Event()
        self._watchers.add(event)
        try:
            yield event
        finally:
            self._watchers.discard(event)

    @property
    def entries(self) -> list[LogEntry]:
        """The entries, the oldest first."""
        return list(self._entries)

    def notify(self) -> None:
        """Tell every watcher that an entry has changed."""
        for event in self._watchers:
            event.set()


class Metrics:
    """Counts of requests and of what became of tokens.

    The three totals are noted after the commit that made them true.
    """

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str]] = Counter()
        self._grants: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._totals: Counter[str] = Counter()

    def request(self, method: str, path: str) -> None:
        """Count a request."""
        self._requests[method, path] += 1

    def grant(self, path: str, grant_type: str) -> None:
        """Count a request for tokens."""
        self._grants[path][grant_type or "other"] += 1

    def note(self, events: list[str]) -> None:
        """Count the events of committed work."""
        self._totals.update(events)

    def reset(self) -> None:
        """Set all counts to zero."""
        self._requests.clear()
        self._grants.clear()
        self._totals.clear()

    def sums(self) -> dict[str, Any]:
        """Return all counts as the control API has them, without the valid tokens."""
        counts: dict[str, Any] = {f"{method} {path}": count for (method, path), count in self._requests.items()}
        for path in TOKEN_PATHS:
            asked, read = counts.get(f"POST {path}"), self._grants.get(path, Counter())
            if asked is not None:
                unread = asked - read.total()
                counts[f"POST {path}"] = {**read, **({"unread": unread} if unread > 0 else {})}
        return {"counts": counts, **{name: self._totals[name] for name in TOTALS}}


class LogLine(NamedTuple):
    """An entry as text, with fingerprints in place of secrets."""

    at: float
    request: str
    parameters: str
    result: str
    is_error: bool


def fingerprint(secret: str) -> str:
    """Return a short text that tells one secret from another and reveals neither."""
    return f"#{hashlib.sha256(secret.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def format_entry(entry: LogEntry) -> LogLine:
    """Format an entry."""
    parameters = " ".join(f"{name}={_redact(name, value)}" for name, value in _members(entry.request).items())
    request = f"{entry.method} {entry.path}"
    return LogLine(entry.at, request, parameters, _format_outcome(entry.outcome), isinstance(entry.outcome, Failure))


def _format_outcome(outcome: object) -> str:
    match outcome:
        case None:
            return "in progress"
        case IssuedTokens():
            refresh = f", refresh {fingerprint(outcome.refresh_token)}" if outcome.refresh_token else ""
            return f"200 access {fingerprint(outcome.access_token)}{refresh}"
        case ApiResult():
            return f"{outcome.status} {outcome.username}"
        case PageResult():
            return str(outcome.status)
        case Failure():
            return outcome.how
        case TokensCreated():
            return f"200 {outcome.pairs} {'login' if outcome.pairs == 1 else 'logins'}"
        case _:
            return "200"


def _error_text(error: Exception) -> str:
    match error:
        case OAuthError():
            return f"{error.status} {error.error}: {error.description}"
        case ValidationError():
            return f"{error.status} {error.message}"
        case BareStatusError():
            return str(error.status)
        case StorageUnavailable():
            return "503 the database cannot be used"
        case _:
            return "500"


def _members(request: ClientRequest) -> Mapping[str, Any]:
    bearer = {"bearer": request.bearer} if request.bearer else {}
    basic = {"client_id": request.client_id, "client_secret": request.client_secret} if request.by_basic else {}
    return {**request.parameters, **basic, **bearer}


def _shorten(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}…"


def _redact(name: str, value: str) -> str:
    if not value or name in PLAIN:
        return value[:LONGEST]
    return fingerprint(value)
