"""The tokens of each login as a tree: which token led to which, and what ended them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from traktauth.server.http.exchange import TEST, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from traktauth.server.http.exchange import Exchange
    from traktauth.server.storage.schema import TokenPair
    from traktauth.server.tokens import IssuedTokens


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


class Replay(NamedTuple):
    """A used refresh token that was sent again.

    Attributes:
        number: the number of the request.
        at: when it came, in Unix seconds.
        token: the fingerprint of the refresh token.
        killed: whether it ended the family.
    """

    number: int
    at: float
    token: str
    killed: bool


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
    replays: list[Replay]
    children: list[Node] = field(default_factory=list["Node"])


class Tree(NamedTuple):
    """A login: everything that came from one sign-in.

    Attributes:
        username: whose it is, empty for a token of an app for itself.
        app: the app's name.
        root: the first pair that is known.
        hidden: how many pairs are left out.
    """

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


def replays_by_pair(exchanges: Iterable[Exchange]) -> dict[int, list[Replay]]:
    """Return the replays, by the row of the pair whose refresh token was sent again."""
    found: dict[int, list[Replay]] = {}
    for exchange in exchanges:
        if exchange.replay:
            replay = Replay(exchange.number, exchange.at, exchange.replay, exchange.killed_family)
            found.setdefault(exchange.replayed_pair, []).append(replay)
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


def build_tree(
    login: list[IssuedPair],
    pairs: Mapping[int, TokenPair],
    replays: Mapping[int, list[Replay]],
    kills: Mapping[tuple[int, int], Replay],
    *,
    now: float,
) -> Node | None:
    """Build the tree of a login; None if its pairs are gone.

    Args:
        login: its selected pairs, the oldest first.
        pairs: the pairs as they are stored, by row.
        replays: the replays, by row.
        kills: the replay that killed a family, by the family's number and epoch.
        now: the time, in Unix seconds.
    """
    nodes: dict[int, Node] = {}
    root: Node | None = None
    for origin in login:
        pair = pairs.get(origin.number)
        if pair is None:
            continue
        kill = kills.get((pair.family, pair.epoch))
        node = Node(
            origin,
            _state(pair, pair.access_ended, pair.access_expires, origin.access, kill, now=now),
            _state(pair, pair.refresh_ended, pair.refresh_expires, origin.refresh, kill, now=now)
            if pair.refreshable
            else TokenState("", "none", ""),
            replays.get(origin.number, []),
        )
        nodes[origin.number] = node
        if root is None:
            root = node
        else:
            nodes.get(origin.parent, root).children.append(node)
    return root


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
    pair: TokenPair, ended: str | None, expires: float | None, token: str, kill: Replay | None, *, now: float
) -> TokenState:
    if ended == "rotated":
        return TokenState(token, "used", "refreshed")
    if ended is not None:
        return TokenState(token, "revoked", "revoked by the app")
    if expires is not None and expires <= now and pair.in_family:
        return TokenState(token, "expired", "expired")
    if not pair.in_family:
        why = f"killed by the replay of {kill.token}" if kill else "ended with its consent, app or family"
        return TokenState(token, "killed", why)
    left = "does not expire" if expires is None else f"{_duration(expires - now)} left"
    return TokenState(token, "valid", left)


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
