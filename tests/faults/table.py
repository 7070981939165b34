"""Each fault that a refresh can meet, in each profile: what is sent, what is kept, what the user sees.

The tests act by this table, and the page `docs/faults.md` is written from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PROFILES = ("current", "classic")
KEPT = "the old pair; nothing is open"
OPEN = "the old pair, and the open renewal"
SERVED = "nothing: the old token is served"


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        name: as the page has it.
        how: what the local Trakt is told to do, as `PUT /_control/faults` takes it.
        spent: `no`, it is certain that nothing was; `unknown`.
        arrived: whether the engine did its work.
        error: the error where no token lives.
    """

    name: str
    how: dict[str, Any] = field(hash=False)
    spent: str
    arrived: bool = False
    error: str = "TryLater"

    @property
    def kept(self) -> str:
        """Say what is kept."""
        return KEPT if self.spent == "no" else OPEN

    def at_the_end(self, profile: str) -> str:
        """Say what comes when the old token has ended."""
        if self.spent == "no":
            return "renewed"
        if self.arrived and profile == "current":
            return "one last attempt, refused: sign in again"
        return "one last attempt: renewed"


def answered(status: int, body: str = "", **headers: str) -> dict[str, Any]:
    """Return the fault of an answer in the engine's place."""
    return {"status": status, "body": body, "headers": headers}


PAGE = "<!doctype html><title>Just a moment…</title>"
FAULTS = (
    Fault("429", answered(429, "slow down", **{"x-retry-after": "7"}), "no"),
    Fault("521, web server is down", answered(521, PAGE, **{"content-type": "text/html"}), "no"),
    Fault("522, connection timed out", answered(522, PAGE, **{"content-type": "text/html"}), "no"),
    Fault("523, origin is unreachable", answered(523, PAGE, **{"content-type": "text/html"}), "no"),
    Fault("403, Cloudflare's page", answered(403, PAGE, **{"content-type": "text/html"}), "no"),
    Fault("401 invalid_client", answered(401, '{"error":"invalid_client"}'), "no", error="AppRejected"),
    Fault("500", answered(500), "unknown"),
    Fault("502", answered(502, PAGE), "unknown"),
    Fault("503", answered(503, PAGE), "unknown"),
    Fault("504", answered(504, PAGE), "unknown"),
    Fault("520", answered(520, PAGE), "unknown"),
    Fault("524", answered(524, PAGE), "unknown"),
    Fault("a 200 that cannot be read", answered(200, "<html>hello"), "unknown", error="UnexpectedReply"),
    Fault("a 200 without a token", answered(200, "{}"), "unknown", error="UnexpectedReply"),
    Fault("an answer nobody has heard of", answered(418, "teapot"), "unknown", error="UnexpectedReply"),
    Fault("cut before the work was done", {"drop": "before"}, "unknown"),
    Fault("cut after the work was done", {"drop": "after"}, "unknown", arrived=True),
)


def page() -> str:
    """Return the table as the page has it."""
    lines = [
        "| fault | spent? | kept | while the old token lives | its end, `current` | its end, `classic` | test |",
        "|---|---|---|---|---|---|---|",
    ]
    for fault in FAULTS:
        ends = " | ".join(fault.at_the_end(profile) for profile in PROFILES)
        test = f"`tests/faults/test_faults.py`, `[{fault.name}]`"
        lines.append(f"| {fault.name} | {fault.spent} | {fault.kept} | {SERVED} | {ends} | {test} |")
    return "\n".join(lines)
