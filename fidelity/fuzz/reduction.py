"""Cut a scenario that ends in a difference down to what it needs, and say whether the difference is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fidelity.fuzz.execution import Step, run_scenario
from fidelity.fuzz.expected import is_expected

if TYPE_CHECKING:
    from fidelity.fuzz.execution import Found
    from fidelity.replay.compare import Difference
    from fidelity.replay.server import Server


class ReducedScenario(NamedTuple):
    """A scenario that two servers answer differently.

    Attributes:
        scenario: what it needs of its steps.
        found: the differences in the answers to its last step.
        meant: whether the local Trakt answers otherwise on purpose.
    """

    scenario: list[Step]
    found: list[Difference]
    meant: bool

    def __str__(self) -> str:
        return "\n".join([*(f"   {step}" for step in self.scenario), *(f"   -> {one}" for one in self.found)])


def reduce_scenario(scenario: list[Step], engine: Server, local: Server) -> ReducedScenario | None:
    """Tell a scenario, and give what it needs of it where it ends in a difference."""
    found = run_scenario(scenario, engine, local)
    if found is None:
        return None
    needed, why = cut_down(scenario, found, engine, local)
    return ReducedScenario(needed, why, is_expected(engine.profile, needed, why))


def cut_down(scenario: list[Step], found: Found, engine: Server, local: Server) -> tuple[list[Step], list[Difference]]:
    """Leave out every step without which the scenario still ends in a difference of the same kind."""
    scenario = scenario[: scenario.index(found[0]) + 1]
    kind = {one.what for one in found[1]}
    for step in scenario[-2::-1]:
        shorter = [one for one in scenario if one is not step]
        again = run_scenario(shorter, engine, local)
        if again and {one.what for one in again[1]} == kind:
            scenario, found = shorter[: shorter.index(again[0]) + 1], again
    return scenario, found[1]
