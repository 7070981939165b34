"""Cut a story that ends in a difference down to what it needs, and say whether the difference is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from interop.replay.walk.known import is_known
from interop.replay.walk.telling import Step, tell

if TYPE_CHECKING:
    from interop.replay.compare import Difference
    from interop.replay.server import Server
    from interop.replay.walk.telling import Found


class Different(NamedTuple):
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


def differing(story: list[Step], engine: Server, local: Server) -> Different | None:
    """Tell a story, and give what it needs of it where it ends in a difference."""
    found = tell(story, engine, local)
    if found is None:
        return None
    needed, why = cut_down(story, found, engine, local)
    return Different(needed, why, is_known(engine.profile, needed, why))


def cut_down(story: list[Step], found: Found, engine: Server, local: Server) -> tuple[list[Step], list[Difference]]:
    """Leave out every step without which the story still ends in a difference of the same kind."""
    story = story[: story.index(found[0]) + 1]
    kind = {one.what for one in found[1]}
    for step in story[-2::-1]:
        shorter = [one for one in story if one is not step]
        again = tell(shorter, engine, local)
        if again and {one.what for one in again[1]} == kind:
            story, found = shorter[: shorter.index(again[0]) + 1], again
    return story, found[1]
