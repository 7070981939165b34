"""The last probe of a token endpoint, shared by every process of a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ProbeOutcome = Literal["pending", "healthy", "failed", "limited", "rejected"]


@dataclass(frozen=True, slots=True)
class Probe:
    """A refresh request with a made-up refresh token, which spends nothing, and what came of it.

    Attributes:
        at: Unix seconds, by the clock of the process that made it: when it was begun, then when it ended.
        outcome: "pending" until it has ended; "healthy" if the token endpoint works; "limited" after a 429; "rejected"
            if the app was; else "failed".
        wait: seconds after `at` in which no other probe is made.
        failures: failed probes in a row.
        reason: why the endpoint does not count as healthy, without a secret; empty if it does.
    """

    at: float
    outcome: ProbeOutcome
    wait: float
    failures: int = 0
    reason: str = ""
