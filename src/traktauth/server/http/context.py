"""The state of one local Trakt, which every endpoint gets."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from starlette.types import Scope

from traktauth.server.clock import Clock
from traktauth.server.engines.base import Profile
from traktauth.server.http.exchange import ExchangeLog
from traktauth.server.http.faults import Fault
from traktauth.server.http.throttle import Counters, Throttle
from traktauth.server.oauth.request import TokenPolicy
from traktauth.server.oauth.rotation import make_rotation
from traktauth.server.settings import Settings, grace_seconds
from traktauth.server.storage.database import Database

MAX_CONTROL_CODES = 100


class Connection(Protocol):
    """An open connection, as uvicorn keeps it."""

    transport: asyncio.Transport
    client: tuple[str, int] | None
    server: tuple[str, int | None] | None


class Demo(NamedTuple):
    """The demo app and the demo user that this start has made."""

    client_id: str
    client_secret: str
    redirect_uri: str
    username: str
    password: str


@dataclass(frozen=True)
class ServerContext:
    """One local Trakt.

    Attributes:
        settings: how it was started.
        profile: the Trakt version that it imitates.
        policy: the numbers and modes in force.
        database: the database.
        key: what forms are signed with.
        exchanges: the last requests, and counts of all.
        clock: the time it goes by.
        faults: the faults that wait for their turn.
        passwords: failed sign-ins, by user and network.
        user_codes: user codes that did not exist, by the user who entered them.
        control_keys: wrong keys of the control API, by network.
        control_codes: the last codes that the control API has made, which no browser's session stands behind.
        counters: requests by what limits them; counted under `rate_limits` alone.
        connections: the open connections, for faults that cut one; uvicorn's own set.
        demo: the demo app and user, whose secrets the pages show; None unless this start made them, on loopback.
    """

    settings: Settings
    profile: Profile
    policy: TokenPolicy
    database: Database
    key: bytes
    exchanges: ExchangeLog
    clock: Clock = field(default_factory=Clock)
    faults: list[Fault] = field(default_factory=list["Fault"])
    passwords: Throttle = field(default_factory=lambda: Throttle(5, 60))
    user_codes: Throttle = field(default_factory=lambda: Throttle(10, 60))
    control_keys: Throttle = field(default_factory=lambda: Throttle(20, 60))
    control_codes: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_CONTROL_CODES))
    counters: Counters = field(default_factory=Counters)
    connections: set[Connection] = field(default_factory=set[Connection])
    demo: Demo | None = None

    def cut(self, scope: Scope, *, reset: bool) -> None:
        """Close or reset the connection of a request without a response, which can be done only under uvicorn."""
        ends = scope.get("client"), scope.get("server")
        found = next((each for each in self.connections if (each.client, each.server) == ends), None)
        if found is None:
            raise RuntimeError("a connection can only be cut under uvicorn")
        if reset:
            linger = struct.pack("ii", 1, 0)
            found.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        found.transport.abort()


def make_policy(settings: Settings, profile: Profile, issuer: str) -> TokenPolicy:
    """Return a profile's lifetimes and modes, with what the settings override."""
    lifetimes, rotation = profile.lifetimes, settings.rotation or profile.rotation
    overridden = lifetimes._replace(
        access=settings.access_life or lifetimes.access,
        refresh=settings.refresh_life or lifetimes.refresh,
        code=settings.code_life or lifetimes.code,
    )
    return TokenPolicy(
        lifetimes=overridden,
        scopes=profile.scopes,
        default_scope=profile.default_scope,
        rotation=make_rotation(rotation, grace_seconds(rotation)),
        access_outlives=profile.access_outlives,
        interval=profile.interval,
        issuer=issuer,
    )
