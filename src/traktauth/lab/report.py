"""The lab's report on a program: its verdict as a line of text, and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from traktauth.lab.verdicts import KEEPS, LOSES, Evidence, Verdict, conclude


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
