"""What a keeper has done, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Summary:
    """Counts since a keeper began.

    Attributes:
        renewed: logins with a new pair.
        delayed: tries that spent nothing and are repeated.
        unconfirmed: renewals whose answer was lost.
        dying: logins that cannot be renewed any more and whose token lives.
        dead: logins that cannot be renewed any more and whose token has ended.
        passed: logins that somebody else was just renewing, or that were signed out or moved meanwhile.
        unsaved: logins whose new pair is held in memory, as the store failed.
    """

    renewed: int = 0
    delayed: int = 0
    unconfirmed: int = 0
    dying: int = 0
    dead: int = 0
    passed: int = 0
    unsaved: int = 0

    @property
    def tried(self) -> int:
        """Return how many logins were taken up."""
        answered = self.renewed + self.dying + self.dead
        return answered + self.delayed + self.unconfirmed + self.passed + self.unsaved
