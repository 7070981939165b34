"""What the doctor finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from traktauth.cli.command_hints import command_hint
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.exit_codes import FAILED, exit_code_for
from traktauth.errors import TraktAuthError

Level = Literal["good", "doubtful", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: what was checked: app, service, store, clock, …
        level: how bad it is.
        what: the fact.
        fix: the command or setting that fixes it.
        status: the exit code of an error.
        details: more lines for a user.
    """

    about: str
    level: Level
    what: str
    fix: str = ""
    status: int = FAILED
    details: tuple[str, ...] = ()

    def with_flags(self, options: CommonOptions) -> Finding:
        """Return it with commands that are about the store and login of a place."""
        return replace(self, what=options.with_flags(self.what), fix=options.with_flags(self.fix))

    def to_json(self) -> dict[str, Any]:
        """Return what a program reads."""
        return {"about": self.about, "level": self.level, "message": self.what, "hint": self.fix}


def good(about: str, what: str, details: tuple[str, ...] = ()) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(about, "good", what, details=details)


def warning(about: str, what: str, fix: str, details: tuple[str, ...] = ()) -> Finding:
    """Return a finding that may become a problem."""
    return Finding(about, "doubtful", what, fix, details=details)


def error_finding(about: str, error: TraktAuthError | ValueError, fix: str = "") -> Finding:
    """Return what an error says, and the status that it would end another command with."""
    if isinstance(error, TraktAuthError):
        return Finding(about, "wrong", error.message, fix or command_hint(error), exit_code_for(error))
    return Finding(about, "wrong", str(error), fix, exit_code_for(error))


def is_any_wrong(findings: Iterable[Finding]) -> bool:
    """Return whether one of the findings is an error."""
    return any(each.level == "wrong" for each in findings)
