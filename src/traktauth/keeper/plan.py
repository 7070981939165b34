"""What a keeper is to do: for which app, at what pace, in what numbers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from traktauth.flow.terms import LEASE, LostReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.models import App
    from traktauth.protocol import Service


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a service lets itself be asked: so many requests, then a silence.

    That is the counter of Trakt's present engine (20, and 60 s without a request), and a pace that keeps to it keeps to
    any other counter of as many requests in as many seconds.

    Attributes:
        limit: requests that pass.
        period: seconds of silence after which as many pass again.
    """

    limit: int = 20
    period: float = 61.0

    def __post_init__(self) -> None:
        if self.limit < 1 or self.period < 0:
            raise ValueError("a pace needs at least one request, and a period of at least 0 seconds")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a keeper is to do.

    Attributes:
        app: whose logins.
        service: where.
        pace: of all keepers of this service together.
        in_flight: requests on the wire at once, at most, of one keeper.
        lost_reply: as for `Trakt`.
        lease: seconds for which a claim holds; longer than a request and its save may take.
        idle: seconds between two looks at a store in which nothing is due.
        clock: Unix seconds.
    """

    app: App
    service: Service
    pace: Pace = field(default_factory=Pace)
    in_flight: int = 32
    lost_reply: LostReply = "last-attempt"
    lease: float = LEASE + 15.0
    idle: float = 15.0
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if self.in_flight < 1:
            raise ValueError("in_flight must be at least 1")
        if self.lease <= LEASE:
            raise ValueError(f"lease must be longer than {LEASE:.0f} s, the longest that a renewal takes")
