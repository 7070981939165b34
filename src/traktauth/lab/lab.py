"""The lab: all scenarios, and what they say together."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from traktauth.interception.command_process import CommandProcess
from traktauth.lab.report import LabReport, not_judged
from traktauth.lab.scenarios import NAMES, SCENARIOS, Scenario
from traktauth.lab.verdicts import CONTROL, Evidence, Verdict, conclude, judge
from traktauth.lab.world import Program, Stop

WORLDS_AT_ONCE = 3


class Lab:
    """Runs a program through scenarios that lose logins at Trakt.

    Args:
        program: what is judged.
        copies: how many copies race.
        names: the scenarios, `single` is always played; empty: all.

    Raises:
        ValueError: a name is not one of a scenario.
    """

    def __init__(self, program: Program, *, copies: int = 8, names: Sequence[str] = ()) -> None:
        unknown = [name for name in names if name not in NAMES]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not a scenario; give one of {', '.join(NAMES)}")
        self._program = program
        self._copies = copies
        self._names = {CONTROL, *(names or NAMES)}

    def run(self, progress: Callable[[Evidence], None] | None = None) -> LabReport:
        """Play the scenarios and return what they say.

        Args:
            progress: called with the evidence of each scenario when it has ended, in a thread of its own.

        Raises:
            TraktAuthError: a sandbox cannot be started, or a login cannot be written.
        """
        stop = Stop()
        control, *others = [scenario for scenario in SCENARIOS if scenario.name in self._names]
        with CommandProcess() as guard, tempfile.TemporaryDirectory(prefix="traktauth-lab-") as folder:
            guard.guard([Path(folder)])

            def observe(scenario: Scenario) -> Evidence:
                evidence = scenario.observe(self._program, Path(folder), self._copies, stop)
                if progress is not None:
                    progress(evidence)
                return evidence

            try:
                first = observe(control)
            except LookupError as error:
                return LabReport(conclude([], str(error.args[0])), ())
            if judge(first) is not Verdict.KEPT or first.exits[0] != 0:
                return not_judged(first)
            with ThreadPoolExecutor(WORLDS_AT_ONCE, thread_name_prefix="lab") as pool:
                try:
                    evidence = [first, *pool.map(observe, others)]
                except BaseException:  # Ctrl-C as well; the pool waits for its threads
                    stop.set()
                    raise
        judged = [(one, judge(one)) for one in evidence]
        return LabReport(conclude([(one.name, verdict) for one, verdict in judged]), tuple(judged))
