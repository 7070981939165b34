"""The tokens of each login as a tree: which token led to which, and what ended them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from traktauth.server.http.exchange import TEST, Exchange, fingerprint
from traktauth.server.storage.repositories import Repositories
from traktauth.server.storage.schema import TokenPair
from traktauth.server.tokens import IssuedTokens

MAX_PAIRS = 12
"""Pairs of a login that are shown."""
MAX_READ = 240
"""Pairs that are looked at to count the tokens that a replay ended."""
NO_APP, UNKNOWN_APP = "an app", "unknown app"
"""Stand for an app without a name, and begin a sentence with a capital."""


class IssuedPair(NamedTuple):
    """Where a pair of tokens came from.

    Attributes:
        number: the row of the pair.
        at: when it was issued, in Unix seconds.
        parent: the row of the pair whose refresh token it was issued for, 0 without one.
        source: what it was issued for, in words.
        access: the fingerprint of its access token, empty if it is not known.
        refresh: the fingerprint of its refresh token, empty without one or if it is not known.
    """

    number: int
    at: float
    parent: int
    source: str
    access: str
    refresh: str


class TokenState(NamedTuple):
    """One token as it is shown.

    Attributes:
        fingerprint: its fingerprint, empty if it is not known.
        state: `valid`, `used`, `expired`, `revoked`, `killed`, or `none` without such a token.
        why: what ended it, or until when it is valid.
    """

    fingerprint: str
    state: str
    why: str


@dataclass
class Node:
    """A pair of tokens and the pairs that it was refreshed to."""

    origin: IssuedPair
    access: TokenState
    refresh: TokenState
    replays: list[Exchange]
    children: list[Node] = field(default_factory=list["Node"])


class Tree(NamedTuple):
    """A login: what came from one sign-in, without *hidden* pairs; that of an app itself has no user name."""

    username: str
    app: str
    root: Node
    hidden: int


def token_origins(exchanges: Iterable[Exchange]) -> dict[int, IssuedPair]:
    """Return the pairs that were issued, the oldest first, by row."""
    found: dict[int, IssuedPair] = {}
    for exchange in exchanges:
        for issued in exchange.issued:
            found.setdefault(issued.pair, _make_origin(exchange, issued))
    return found


def newest_logins(origins: Mapping[int, IssuedPair], most: int) -> list[list[IssuedPair]]:
    """Return the pairs of the logins that were issued to last, each login's oldest pair first."""
    roots: dict[int, int] = {}
    logins: dict[int, list[IssuedPair]] = {}
    for number, origin in origins.items():
        root = roots.get(origin.parent, number) if origin.parent in origins else number
        roots[number] = root
        logins.setdefault(root, []).append(origin)
    return sorted(logins.values(), key=lambda pairs: pairs[-1].number, reverse=True)[:most]


def select_pairs(login: list[IssuedPair], most: int) -> list[IssuedPair]:
    """Return the first pair of a login and its last ones."""
    return login if len(login) <= most else [login[0], *login[-most + 1 :]]


class Lookup:
    """What the log and the database know of tokens, apps and users, while one view is made."""

    def __init__(self, db: Repositories, exchanges: Sequence[Exchange]) -> None:
        self._db = db
        self._pairs: dict[int, TokenPair | None] = {}
        self._replays: defaultdict[int, list[Exchange]] = defaultdict(list)
        self._kills: dict[tuple[int, int], Exchange] = {}
        self.origins = token_origins(exchanges)
        for exchange in exchanges:
            pair = exchange.replayed
            if pair is not None:
                self._replays[pair.id].append(exchange)
                if exchange.killed_family:
                    self._kills.setdefault((pair.family, pair.epoch), exchange)

    def app(self, client_id: str) -> str:
        """Return an app's name; of an unknown one the first characters of its id."""
        client = self._db.clients.by_client_id(client_id)
        return app_name(client_id, client.name if client else None)

    def username(self, pair: TokenPair) -> str:
        """Return the name of a pair's user, empty without one."""
        user = self._db.users.get(pair.user_id)
        return user.username if user else ""

    def describe_killed(self, replayed: TokenPair, at: float) -> str:
        """Return how many tokens were valid when a replay revoked their family, in words."""
        issued = [self._pair(number) for number in list(self.origins)[-MAX_READ:]]
        family = [pair for pair in issued if pair and (pair.family, pair.epoch) == (replayed.family, replayed.epoch)]
        count = sum(_count_valid(pair, at) for pair in family)
        least = "at least " if len(self.origins) > MAX_READ else ""
        owner = self.username(replayed)
        return f"{least}{count} valid {'token' if count == 1 else 'tokens'}{f' of {owner}' if owner else ''}"

    def tree(self, login: list[IssuedPair], *, now: float) -> Tree | None:
        """Return the tree of a login, without most pairs of a long one; None if its pairs are gone."""
        nodes: dict[int, Node] = {}
        root: tuple[Node, TokenPair] | None = None
        shown = select_pairs(login, MAX_PAIRS)
        for origin in shown:
            pair = self._pair(origin.number)
            if pair is None:
                continue
            kill = self._kills.get((pair.family, pair.epoch))
            access = _state(pair, pair.access_ended, pair.access_expires, origin.access, kill, now=now)
            refresh = _state(pair, pair.refresh_ended, pair.refresh_expires, origin.refresh, kill, now=now)
            refresh = refresh if pair.refreshable else TokenState("", "none", "")
            node = nodes[origin.number] = Node(origin, access, refresh, self._replays.get(origin.number, []))
            if root is None:
                root = node, pair
            else:
                nodes.get(origin.parent, root[0]).children.append(node)
        if root is None:
            return None
        client = self._db.clients.get(root[1].client)
        app = client.name if client else "a deleted app"
        return Tree(self.username(root[1]), app, root[0], len(login) - len(shown))

    def _pair(self, number: int) -> TokenPair | None:
        if number not in self._pairs:
            self._pairs[number] = self._db.tokens.get(number)
        return self._pairs[number]


def app_name(client_id: str, name: str | None) -> str:
    """Return what to call an app; of one without a name the first characters of its id."""
    return (name or f"{UNKNOWN_APP} {client_id[:12]}") if client_id else NO_APP


def _count_valid(pair: TokenPair, at: float) -> int:
    """Count the tokens of a pair that were valid at a time."""
    access = pair.access_ended is None and pair.access_expires > at
    expired = pair.refresh_expires is not None and pair.refresh_expires <= at
    return int(access) + int(pair.refreshable and pair.refresh_ended is None and not expired)


def _make_origin(exchange: Exchange, issued: IssuedTokens) -> IssuedPair:
    parameters = exchange.request.parameters
    old, code = parameters.get("refresh_token", ""), parameters.get("code", "")
    device = parameters.get("device_code") or (code if exchange.path.endswith("/device/token") else "")
    if exchange.source == TEST:
        source = "by a test"
    elif old:
        source = f"refreshed with {fingerprint(old)}"
    elif device:
        source = f"for device code {fingerprint(device)}"
    else:
        source = f"for code {fingerprint(code)}" if code else "for the app itself"
    access, refresh = issued.access_token, issued.refresh_token
    shown = fingerprint(access), fingerprint(refresh) if refresh else ""
    return IssuedPair(issued.pair, exchange.at, issued.predecessor, source, *shown)


def _state(
    pair: TokenPair, ended: str | None, expires: float | None, token: str, kill: Exchange | None, *, now: float
) -> TokenState:
    if ended == "rotated":
        return TokenState(token, "used", "refreshed")
    if ended is not None:
        return TokenState(token, "revoked", "revoked by the app")
    if expires is not None and expires <= now and pair.in_family:
        return TokenState(token, "expired", "expired")
    if not pair.in_family:
        why = f"killed by the replay of {kill.replay}" if kill else "ended with its consent, app or family"
        return TokenState(token, "killed", why)
    left = "does not expire" if expires is None else f"{_duration(expires - now)} left"
    return TokenState(token, "valid", left)


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
