"""What every flow has to know: whose app, which service, what time it is, what may be risked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.models import App
    from traktauth.protocol import Service

LostReply = Literal["last-attempt", "sign-in", "resend"]

# Seconds. A lease outlives the longest request by construction, so that a holder who is still waited for has either
# its answer or its time-out by then.
REQUEST_LIMIT = 20.0
LEASE = 30.0
# A waiter's patience: the holder's whole lease, and a little for its last write.
PATIENCE = LEASE + 5.0
SAVE_LIMIT = 10.0


class Rest:
    """Until when a renewal that failed harmlessly is not tried again, by the monotonic clock."""

    def __init__(self) -> None:
        self.until = float("-inf")


@dataclass(frozen=True, slots=True)
class Terms:
    """The givens of one login's flows.

    Attributes:
        app: who asks.
        service: who is asked.
        clock: Unix seconds.
        monotonic: seconds that never run backwards.
        secret: makes a fresh secret of at least 256 bits, URL-safe, 43 to 128 characters.
        lost_reply: what happens when a refresh was sent and no answer came.
    """

    app: App
    service: Service
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    secret: Callable[[], str] = field(repr=False)
    lost_reply: LostReply = "last-attempt"
    rest: Rest = field(default_factory=Rest, repr=False)
