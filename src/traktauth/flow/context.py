"""The context of the flows of one login: app, service, clocks, and the lost-reply policy."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Literal

from traktauth.models import App, Sender
from traktauth.protocol import Service

LostReply = Literal["last-attempt", "sign-in", "resend"]


def _never_alive(_sender: Sender) -> bool:
    return False


def _unknown_sender() -> Sender:
    return Sender("")


class Cooldown:
    """Until when no refresh is sent after one that failed while the token is still valid.

    Attributes:
        until: of the monotonic clock.
    """

    __slots__ = ("until",)

    def __init__(self) -> None:
        self.until = float("-inf")


class PendingWatch:
    """Limits the age of a pending refresh by when this process has seen another one, or none.

    The time that a record tells is of its sender's clock, which may differ from this host's.
    """

    __slots__ = ("_looked_at", "_seen", "_since")

    def __init__(self) -> None:
        self._seen: Hashable = None
        self._since = self._looked_at = float("-inf")

    def longest_age(self, pending: Hashable, now: float) -> float:
        """Return the seconds since the last look that did not show this pending refresh.

        Args:
            pending: what tells the pending refresh from others; None without one.
            now: of the monotonic clock.
        """
        if pending != self._seen:
            self._seen, self._since = pending, self._looked_at
        self._looked_at = now
        return now - self._since


@dataclass(frozen=True, slots=True)
class FlowContext:
    """What the flows of one login are given.

    Attributes:
        app: the app.
        service: the service.
        clock: Unix seconds.
        monotonic: seconds that never run backwards.
        new_secret: makes a fresh secret of at least 256 bits, URL-safe, 43 to 128 characters.
        lost_reply: what happens if a refresh was sent and no response came.
        sender: returns this process, as the sender of a refresh.
        other_is_alive: returns whether a sender is another process of this host that is known to run.
        cooldown: shared by the flows of one client.
        pending_watch: the same.
        lock_expires: whether the store's lock is a lease, which another program may take while it is held.
    """

    app: App
    service: Service
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    new_secret: Callable[[], str] = field(repr=False)
    lost_reply: LostReply = "last-attempt"
    sender: Callable[[], Sender] = field(default=_unknown_sender, repr=False)
    other_is_alive: Callable[[Sender], bool] = field(default=_never_alive, repr=False)
    cooldown: Cooldown = field(default_factory=Cooldown, repr=False)
    pending_watch: PendingWatch = field(default_factory=PendingWatch, repr=False)
    lock_expires: bool = True
