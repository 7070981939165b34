"""Each fault of a refresh, in each profile: what is sent, what is stored, what the user sees.

The tests run this table, and the page `docs/faults.md` contains it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PROFILES = ("current", "classic")
KEPT = "the old token; no pending refresh"
PENDING = "the old token and the pending refresh"
SERVED = "the old token is used; nothing is sent"


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        name: the name on the page.
        how: the fault for the local Trakt, as in the body of `PUT /_control/faults`.
        spent: `no` if the refresh token was certainly not used, else `unknown`.
        arrived: whether the engine used the refresh token.
        error: the error if no access token is valid.
    """

    name: str
    how: dict[str, Any] = field(hash=False)
    spent: str
    arrived: bool = False
    error: str = "TryLater"

    @property
    def kept(self) -> str:
        """Return what the store keeps."""
        return KEPT if self.spent == "no" else PENDING

    def at_the_end(self, profile: str) -> str:
        """Return what happens when the old access token has expired."""
        if self.spent == "no":
            return "refreshed"
        if self.arrived and profile == "current":
            return "sent again after a probe and refused: sign-in required"
        return "sent again after a probe: refreshed"


def answered(status: int, body: str = "", **headers: str) -> dict[str, Any]:
    """Return the fault that replaces the engine's response."""
    return {"status": status, "body": body, "headers": headers}


PAGE = "<!doctype html><title>Just a moment…</title>"
FAULTS = (
    Fault("429", answered(429, "slow down", **{"x-retry-after": "7"}), "no"),
    Fault("521, web server is down", answered(521, PAGE, **{"content-type": "text/html"}), "no"),
    Fault("522, connection timed out", answered(522, PAGE, **{"content-type": "text/html"}), "no"),
    Fault("523, origin is unreachable", answered(523, PAGE, **{"content-type": "text/html"}), "no"),
    Fault("525, TLS to the origin failed", answered(525, PAGE, **{"content-type": "text/html"}), "no"),
    Fault("526, the origin's certificate is invalid", answered(526, PAGE, **{"content-type": "text/html"}), "no"),
    Fault("530, an error 1xxx of Cloudflare", answered(530, PAGE, **{"content-type": "text/html"}), "no"),
    Fault("421, misdirected request", answered(421), "no"),
    Fault("425, too early", answered(425), "no"),
    Fault("403, Cloudflare's page", answered(403, PAGE, **{"content-type": "text/html"}), "no"),
    Fault("401 invalid_client", answered(401, '{"error":"invalid_client"}'), "no", error="AppRejected"),
    Fault("500", answered(500), "unknown"),
    Fault("502", answered(502, PAGE), "unknown"),
    Fault("503", answered(503, PAGE), "unknown"),
    Fault("504", answered(504, PAGE), "unknown"),
    Fault("520", answered(520, PAGE), "unknown"),
    Fault("524", answered(524, PAGE), "unknown"),
    Fault("a 200 that cannot be read", answered(200, "<html>hello"), "unknown"),
    Fault("a captcha page with 200", answered(200, PAGE, **{"content-type": "text/html"}), "unknown"),
    Fault("a 200 without a token", answered(200, "{}"), "unknown"),
    Fault("an unknown response", answered(418, "teapot"), "unknown"),
    Fault("connection closed before the refresh was done", {"drop": "before"}, "unknown"),
    Fault("connection reset after the refresh was done", {"drop": "reset"}, "unknown", arrived=True),
    Fault("connection closed after the refresh was done", {"drop": "after"}, "unknown", arrived=True),
)


def page() -> str:
    """Return the table of the page."""
    lines = [
        "| fault | used? | stored | old token valid | expired, `current` | expired, `classic` | test |",
        "|---|---|---|---|---|---|---|",
    ]
    for fault in FAULTS:
        ends = " | ".join(fault.at_the_end(profile) for profile in PROFILES)
        test = f"`tests/faults/test_faults.py`, `[{fault.name}]`"
        lines.append(f"| {fault.name} | {fault.spent} | {fault.kept} | {SERVED} | {ends} | {test} |")
    return "\n".join(lines)
