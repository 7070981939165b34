"""Cut a story that ends in a difference down to what it needs, and say whether the difference is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fidelity.fuzz.execution import Step, run_story
from fidelity.fuzz.expected import is_expected

if TYPE_CHECKING:
    from fidelity.fuzz.execution import Found
    from fidelity.replay.compare import Difference
    from fidelity.replay.server import Server


class ReducedStory(NamedTuple):
    """A story that two servers answer differently.

    Attributes:
        story: what it needs of its steps.
        found: the differences in the answers to its last step.
        meant: whether the local Trakt answers otherwise on purpose.
    """

    story: list[Step]
    found: list[Difference]
    meant: bool

    def __str__(self) -> str:
        return "\n".join([*(f"   {step}" for step in self.story), *(f"   -> {one}" for one in self.found)])


def reduce_story(story: list[Step], engine: Server, local: Server) -> ReducedStory | None:
    """Tell a story, and give what it needs of it where it ends in a difference."""
    found = run_story(story, engine, local)
    if found is None:
        return None
    needed, why = cut_down(story, found, engine, local)
    return ReducedStory(needed, why, is_expected(engine.profile, needed, why))


def cut_down(story: list[Step], found: Found, engine: Server, local: Server) -> tuple[list[Step], list[Difference]]:
    """Leave out every step without which the story still ends in a difference of the same kind."""
    story = story[: story.index(found[0]) + 1]
    kind = {one.what for one in found[1]}
    for step in story[-2::-1]:
        shorter = [one for one in story if one is not step]
        again = run_story(shorter, engine, local)
        if again and {one.what for one in again[1]} == kind:
            story, found = shorter[: shorter.index(again[0]) + 1], again
    return story, found[1]
