"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from traktauth.cli.exits import FAILED, status_of
from traktauth.errors import TraktAuthError

if TYPE_CHECKING:
    from traktauth.cli.place import Place


class Level(Enum):
    """How bad it is."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: a word: app, service, store, clock, …
        level: how bad it is.
        what: the fact.
        mend: the command or setting that mends it.
        status: the exit status that it stands for where it is wrong.
        details: lines that tell more, for a person.
    """

    about: str
    level: Level
    what: str
    mend: str = ""
    status: int = FAILED
    details: tuple[str, ...] = ()

    def aimed(self, place: Place) -> Finding:
        """Return it with commands that are about the store and login of a place."""
        return replace(self, what=place.aim(self.what), mend=place.aim(self.mend))

    def document(self) -> dict[str, Any]:
        """Return what a program reads."""
        return {"about": self.about, "level": self.level.value, "message": self.what, "hint": self.mend}


def good(about: str, what: str, details: tuple[str, ...] = ()) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(about, Level.GOOD, what, details=details)


def doubtful(about: str, what: str, mend: str, details: tuple[str, ...] = ()) -> Finding:
    """Return a finding that may become a problem."""
    return Finding(about, Level.DOUBTFUL, what, mend, details=details)


def wrong(about: str, error: TraktAuthError | ValueError, mend: str = "") -> Finding:
    """Return what an error says, and the status that it would end another command with."""
    if isinstance(error, TraktAuthError):
        return Finding(about, Level.WRONG, error.message, mend or error.hint, status_of(error))
    return Finding(about, Level.WRONG, str(error), mend, status_of(error))
