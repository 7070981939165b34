"""Configuration of a keeper, and what the parts of one keeper share."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from traktauth.flow.context import LostReply
from traktauth.keeper.events import Event, Summary
from traktauth.models import App
from traktauth.protocol import Service
from traktauth.stores.fleet import FleetStore
from traktauth.timeouts import LEASE

T = TypeVar("T")


class InThread(Protocol):
    """Does blocking work in a thread."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        """Do the work, and return its result."""
        ...


CLAIM_LEASE = LEASE + 15.0
"""Seconds that a claim of a login lasts, unless the keeper is configured: a refresh, and the save of its response."""
IN_FLIGHT = 32
"""Concurrent requests of one keeper at most, unless it is configured."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many requests may be sent to a service, and after what silence as many more.

    This is how Trakt's present engine counts (20, then 60 s without a request); requests that keep to it also keep to
    any other counter of as many requests in as many seconds.

    Attributes:
        limit: requests that may be sent.
        period: seconds of silence after which as many may be sent again.
    """

    limit: int = 20
    period: float = 61.0

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"limit must be at least 1, not {self.limit}")
        if self.period < 0:
            raise ValueError(f"period must be at least 0 seconds, not {self.period:g}")


@dataclass(frozen=True, slots=True)
class KeeperConfig:
    """What a keeper does.

    Attributes:
        app: the app whose logins are refreshed.
        service: the service of these logins.
        rate_limit: the limit that all keepers of this service share.
        in_flight: the most concurrent requests of one keeper.
        lost_reply: what happens when a refresh was sent and no response came.
        lease: seconds that a claim lasts; longer than a request and the save of its response may take.
        idle: seconds between two looks at a store in which nothing is due.
        clock: returns Unix seconds.
    """

    app: App
    service: Service
    rate_limit: RateLimit = field(default_factory=RateLimit)
    in_flight: int = IN_FLIGHT
    lost_reply: LostReply = "last-attempt"
    lease: float = CLAIM_LEASE
    idle: float = 15.0
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if self.in_flight < 1:
            raise ValueError(f"in_flight must be at least 1, not {self.in_flight}")
        if self.lease <= LEASE:
            raise ValueError(f"lease must be longer than {LEASE:.0f} s, the longest that a refresh takes")


@dataclass(frozen=True, slots=True)
class KeeperContext:
    """What the parts of one keeper share.

    Attributes:
        store: holds the logins.
        config: what the keeper does.
        owner: names the claims of this keeper.
        on_event: reports an event; it never raises.
        in_thread: does a store's work, so that it does not block the event loop.
        summary: counts what was done.
    """

    store: FleetStore
    config: KeeperConfig
    owner: str
    on_event: Callable[[Event], None]
    in_thread: InThread
    summary: Summary = field(default_factory=Summary)
