"""The lab's report on a program: its verdict as a line of text, as JSON, and as a picture for a README."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from traktauth.lab.verdicts import KEEPS, LOSES, NOT_JUDGED, Evidence, Verdict, conclude


@dataclass(frozen=True, slots=True)
class LabReport:
    """What the lab found.

    Attributes:
        verdict: one line: `keeps its login`, `would lose a login: …` or `not judged: …`.
        scenarios: each scenario's evidence and verdict, in their order.
    """

    verdict: str
    scenarios: tuple[tuple[Evidence, Verdict], ...]

    @property
    def keeps(self) -> bool:
        """Whether the program keeps its login."""
        return self.verdict == KEEPS

    @property
    def loses(self) -> bool:
        """Whether the program would lose a login."""
        return self.verdict.startswith(LOSES)

    @property
    def partial(self) -> str:
        """How many scenarios were judged, if not all: `7 of 9 scenarios judged`."""
        judged = sum(verdict is not Verdict.NOT_JUDGED for _, verdict in self.scenarios)
        return "" if judged == len(self.scenarios) else f"{judged} of {len(self.scenarios)} scenarios judged"

    def as_json(self) -> dict[str, Any]:
        """Return it as `traktauth lab --json` prints it."""
        return {
            "verdict": self.verdict,
            "scenarios": [
                {
                    "name": evidence.name,
                    "verdict": verdict.value,
                    "exits": list(evidence.exits),
                    "rotations": evidence.rotations,
                    "replays": evidence.replays,
                    "families_killed": evidence.families_killed,
                    "second_device": "kept" if evidence.second_device else "signed-out",
                    "note": evidence.note,
                }
                for evidence, verdict in self.scenarios
            ],
        }


def not_judged(control: Evidence) -> LabReport:
    """Return the report on a program that cannot do what all scenarios need of it."""
    failed = [status for status in control.exits if status]
    if failed:
        words = f" ({control.note})" if control.note else ""
        reason = f"a single run exits with {failed[0]}{words}"
    elif not control.second_device:
        reason = "a single run signs out another device"
    else:
        reason = "a single run gets no 200 from the API"
    return LabReport(conclude([], reason), ((control, Verdict.NOT_JUDGED),))


LABEL = "Trakt login"
CHARACTER_WIDTH = 7  # pixels of the average character at 11 pixels
PADDING = 10
COLOURS = {KEEPS: "#2e7d32", LOSES: "#c62828", NOT_JUDGED: "#616161"}


def draw_badge(report: LabReport) -> str:
    """Return the badge of a report."""
    verdict = report.verdict.partition(":")[0]
    message = f"{verdict} ({report.partial})" if report.keeps and report.partial else verdict
    left, right = (len(text) * CHARACTER_WIDTH + 2 * PADDING for text in (LABEL, message))
    title = escape(f"{LABEL}: {report.verdict}")
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" \
role="img" aria-label="{title}">
<title>{title}</title>
<clipPath id="r"><rect width="{left + right}" height="20" rx="3"/></clipPath>
<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#424242"/>\
<rect x="{left}" width="{right}" height="20" fill="{COLOURS[verdict]}"/></g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">\
<text x="{left / 2:g}" y="14" textLength="{left - 2 * PADDING}">{LABEL}</text>\
<text x="{left + right / 2:g}" y="14" textLength="{right - 2 * PADDING}">{escape(message)}</text></g>
</svg>
"""
