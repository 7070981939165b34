"""The one record of a request: what came, what was done for it, and what was answered.

The dispatcher makes an `Exchange` for each request; the endpoint adds what it has read and done. The control page, the
ledger, the access log and the terminal read it. Parameters are kept as they came and turned into fingerprints when they
are shown, so that a request pays next to nothing for its record.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from traktauth.private_files import open_to_append
from traktauth.server.errors import BareStatusError, OAuthError, StorageUnavailable, ValidationError
from traktauth.server.http.faults import Fault
from traktauth.server.oauth.request import ClientRequest
from traktauth.server.settings import SettingError
from traktauth.server.storage.schema import TokenPair
from traktauth.server.tokens import IssuedTokens

LENGTH = 1_000
"""Exchanges that are kept: many times what the control page shows, and few enough to stay in a processor's cache.

Each takes 1.6 kB. With 2,000 a refresh takes 4 % longer in the server, and another 7 % with 10,000.
"""
MAX_CREATED = 240
"""Pairs made by one control call that are kept: as many as the control page shows."""
MAX_CHARACTERS, MAX_NAMES = 2_000, 40
"""Of the parameters that are kept; longer ones are cut, so that the log cannot fill the memory."""
PLAIN = frozenset((
    "advance", "client_id", "code_challenge_method", "count", "decision", "disabled", "grant_type", "kind",
    "redirect_uri", "response_type", "scope", "token_type_hint", "via",
))  # fmt: skip
"""Parameters that are shown as they are; any other could be a secret and is shown as a fingerprint."""
MAX_LENGTH = 60
UNREAD = ClientRequest({}, "", "")
"""Stands for a request that was not read."""
TOKEN_PATHS = ("/oauth/token", "/api/auth/oauth2/token")
"""Requests for tokens are counted by grant type; those that were not read, as a fault answered, apart."""
TOTALS = ("rotations", "replays", "families_killed")
APP, BROWSER, TEST = "App", "Browser", "Test"
"""Who sends requests that the control page shows."""
STDOUT = "-"
OTHER = "other"


DROPS = {
    "before": "cut by a fault before it was done",
    "after": "cut by a fault after it was done",
    "reset": "reset by a fault after it was done",
    "hang": "done, and left without a response by a fault",
}
"""What a fault did to the connection of a request."""


class Exchange:
    """One request.

    Attributes:
        number: its place in the log, from 1; 0 if it is not in the log.
        at: when it came, in Unix seconds of the server's clock.
        method: its HTTP method, `other` for one that HTTP does not have.
        path: its path as the client sent it, without the query.
        route: its path if that is one of the server's, with variable parts as their names; else `other`.
        client: the address that it came from; empty if that is unknown.
        host: the Trakt host that a program in a sandbox asked; empty outside a sandbox.
        source: who sent it, for the control page: `APP`, `BROWSER`, `TEST`; empty for a request that is not shown.
        request: its parameters and credentials.
        username: the user whom it is about, empty if that is unknown.
        issued: the tokens that were issued, of many the last.
        is_effective: False if a revocation found nothing to revoke.
        events: what it did to tokens: `rotations`, `replays`, `families_killed`.
        replayed: the pair whose used refresh token it sent again, None if it did not.
        sentence: what the control call that it was says of itself.
        fault: the fault that applied to it.
        failure: why it was refused, as a status and a text; empty if it was not.
        status: the status of its response, 0 if none was sent.
        length: bytes of the response's body.
        location: where the response redirects to; empty if it does not.
        seconds: how long it took.
    """

    __slots__ = (
        "at", "client", "events", "failure", "fault", "host", "is_effective", "issued", "length", "location", "method",
        "number", "path", "replayed", "request", "route", "seconds", "sentence", "source", "status", "username",
    )  # fmt: skip

    def __init__(self, method: str, path: str, *, at: float, route: str = OTHER, client: str = "") -> None:
        self.method = method
        self.path = path
        self.at = at
        self.route = route
        self.client = client
        self.number = self.status = self.length = 0
        self.host = self.source = self.username = self.sentence = self.failure = self.location = ""
        self.request = UNREAD
        self.issued: tuple[IssuedTokens, ...] = ()
        self.events: tuple[str, ...] = ()
        self.replayed: TokenPair | None = None
        self.is_effective = True
        self.fault: Fault | None = None
        self.seconds = 0.0

    def fail(self, error: Exception) -> None:
        """Note why it was refused: the exception's text alone, as its traceback would keep the request's body."""
        self.failure = _error_text(error)

    @property
    def address(self) -> str:
        """Its method and path, without the values of variable parts."""
        return f"{self.method} {self.path if self.route == OTHER else self.route}"

    @property
    def replay(self) -> str:
        """The fingerprint of the used refresh token that it sent again, empty if it did not."""
        if "replays" not in self.events:
            return ""
        parameters = self.request.parameters
        return fingerprint(parameters.get("refresh_token") or parameters.get("token", ""))

    @property
    def killed_family(self) -> bool:
        """Whether it was a replay that revoked a family."""
        return "families_killed" in self.events

    @property
    def is_replaced(self) -> bool:
        """Whether a fault stood in for its response, or cut the connection."""
        return self.fault is not None and (self.fault.drop is not None or self.fault.status is not None)

    def shown_parameters(self) -> str:
        """Return its parameters, with fingerprints in place of secrets."""
        sent = self.request
        basic = {"client_id": sent.client_id, "client_secret": sent.client_secret} if sent.by_basic else {}
        members: Mapping[str, str] = {**sent.parameters, **basic, **({"bearer": sent.bearer} if sent.bearer else {})}
        return " ".join(f"{name}={_redact(name, value)}" for name, value in members.items())

    def result(self) -> str:
        """Return how it ended, for developers: the status, and what is known beside it."""
        words = [str(self.status)] if self.status and not self.failure else []
        if self.failure:
            words.append(self.failure)
        elif self.source == APP and self.issued:
            access, refresh = self.issued[0].access_token, self.issued[0].refresh_token
            words.append(f"access {fingerprint(access)}{f', refresh {fingerprint(refresh)}' if refresh else ''}")
        elif self.source == APP:
            words.append(self.username)
        cut = DROPS[self.fault.drop] if self.fault and self.fault.drop else ""
        return ", ".join(filter(None, (" ".join(filter(None, words)), cut)))


class ExchangeLog:
    """The last exchanges, the newest last, and counts of all since the last reset.

    Args:
        is_kept: whether exchanges are kept, for the control page.
        writers: are called with each exchange once its response has been sent.
    """

    def __init__(self, *, is_kept: bool, writers: Sequence[Callable[[Exchange], None]] = ()) -> None:
        self._kept: deque[Exchange] = deque(maxlen=LENGTH if is_kept else 0)
        self._number = 0
        self._writers = tuple(writers)
        self._watchers: set[asyncio.Event] = set()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._grants: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._totals: Counter[str] = Counter()
        self.is_closed = False

    def count(self, exchange: Exchange) -> None:
        """Count a request to an endpoint that has come."""
        self._requests[exchange.method, exchange.path] += 1

    def add(self, exchange: Exchange) -> None:
        """Count what a request did, and keep it if the control page shows it; its response is about to be sent."""
        if exchange.path in TOKEN_PATHS and exchange.request is not UNREAD:
            self._grants[exchange.path][exchange.request.parameters.get("grant_type") or OTHER] += 1
        if exchange.events:
            self._totals.update(exchange.events)
        if exchange.source:
            self._number = exchange.number = self._number + 1
            exchange.request = _shorten(exchange.request)
            self._kept.append(exchange)
            for event in self._watchers:
                event.set()

    def end(self, exchange: Exchange, began: float) -> None:
        """Give an exchange that began at this value of `time.perf_counter` to the writers."""
        if self._writers:
            exchange.seconds = time.perf_counter() - began
            for write in self._writers:
                write(exchange)

    def reset(self) -> None:
        """Remove all exchanges and set all counts to zero."""
        for each in (self._kept, self._requests, self._grants, self._totals):
            each.clear()
        self._notify()

    def close(self) -> None:
        """End every watcher, because the server stops."""
        self.is_closed = True
        self._notify()

    @contextlib.contextmanager
    def watch(self) -> Generator[asyncio.Event]:
        """Return an event that is set whenever an exchange is added; the watcher clears it."""
        event = asyncio.Event()
        self._watchers.add(event)
        try:
            yield event
        finally:
            self._watchers.discard(event)

    @property
    def kept(self) -> list[Exchange]:
        """The exchanges that are kept, the oldest first."""
        return list(self._kept)

    def ledger(self) -> dict[str, Any]:
        """Return all counts as the control API has them, without the valid tokens."""
        counts: dict[str, Any] = {f"{method} {path}": count for (method, path), count in self._requests.items()}
        for path in TOKEN_PATHS:
            sent, read = counts.get(f"POST {path}"), self._grants.get(path, Counter())
            if sent is not None:
                unread = sent - read.total()
                counts[f"POST {path}"] = {**read, **({"unread": unread} if unread > 0 else {})}
        return {"counts": counts, **{name: self._totals[name] for name in TOTALS}}

    def _notify(self) -> None:
        for event in self._watchers:
            event.set()


class AccessLog:
    """A file with one line of JSON for each request, made of nothing that a client chose.

    A line has the route of the request; queries, header fields and bodies are never in it. So no secret can be. Only
    this user can read the file, which is appended to; `-` is standard output.
    """

    def __init__(self, place: str | Path) -> None:
        self._own = str(place) != STDOUT
        self._file: BinaryIO = _open(place) if self._own else sys.stdout.buffer

    def write(self, exchange: Exchange) -> None:
        """Write a line, whole; a full disk costs the line and no answer."""
        members = {
            "at": round(time.time(), 3),
            "client": exchange.client,
            "method": exchange.method,
            "path": exchange.route,
            "status": exchange.status,
            "bytes": exchange.length,
            "ms": round(exchange.seconds * 1000, 2),
        }
        with contextlib.suppress(OSError, ValueError):
            self._file.write(json.dumps(members).encode() + b"\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._own:
            self._file.close()


def fingerprint(secret: str) -> str:
    """Return a short text that tells one secret from another and reveals neither."""
    return f"#{hashlib.sha256(secret.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _open(place: str | Path) -> BinaryIO:
    try:
        return open(place, "ab", buffering=0, opener=open_to_append)
    except OSError as error:
        raise SettingError(
            "{access_log} {given} cannot be written: {why}", given=place, why=error.strerror or error
        ) from error


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


def _shorten(request: ClientRequest) -> ClientRequest:
    """Return a request with only the beginning of parameters that are many or long."""
    if len("".join(request.parameters.values())) <= MAX_CHARACTERS:
        return request
    parameters = list(request.parameters.items())[:MAX_NAMES]
    short = {
        name[:MAX_LENGTH]: value if len(value) <= MAX_LENGTH else f"{value[:MAX_LENGTH]}…" for name, value in parameters
    }
    return request._replace(parameters=short)


def _redact(name: str, value: str) -> str:
    return value[:MAX_LENGTH] if not value or name in PLAIN else fingerprint(value)
