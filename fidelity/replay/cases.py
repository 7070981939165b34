"""The recorded cases."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

CASES = Path(__file__).parents[1] / "cases"
FILES = {
    "current": ("better-auth.json", "better-auth-extra.json"),
    "classic": ("doorkeeper.json", "doorkeeper-extra.json"),
}
ANY = "{{any}}"
REST = ("trials", "note", "passed_before_429", "decision")


@dataclass(frozen=True)
class Case:
    """One recorded request, its response and what was observed afterwards.

    Attributes:
        name: its name, unique within a profile.
        profile: `current` or `classic`.
        mode: the server of a profile it is for: `prev` (also `main`), `noprev`, `ui`.
        via: whose paths it uses on `current`, `native` or `shim`.
        server: the engine and its version.
        setup: the name of the function in `setups/` that prepares its state; empty if it is never played.
        is_extra: whether it was recorded by `replay/record.py`, and not part of the first recording.
        request: the request as it was sent, with placeholders; None for a series that was only summed up.
        response: the response, with placeholders.
        effects: what was observed afterwards.
        rest: other recorded members.
    """

    name: str
    profile: str
    mode: str
    via: str
    server: str
    setup: str
    is_extra: bool
    request: Mapping[str, Any] | None
    response: Mapping[str, Any]
    effects: Mapping[str, Any] = field(default_factory=dict)
    rest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def signed_in(self) -> bool:
        """Whether it was sent by a signed-in browser."""
        return self.request is not None and "cookie" in self.request["headers"]


def cases_of(profile: str) -> list[Case]:
    """Read every case of a profile."""
    first, extra = FILES[profile]
    return [*_read(profile, first, is_extra=False), *_read(profile, extra, is_extra=True)]


def _read(profile: str, file: str, *, is_extra: bool) -> list[Case]:
    path = CASES / file
    recorded: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return [parse_case(profile, members, is_extra=is_extra) for members in recorded]


def parse_case(profile: str, members: Mapping[str, Any], *, is_extra: bool) -> Case:
    """Parse one case of a file."""
    return Case(
        name=members["name"],
        profile=profile,
        mode=members.get("mode", "prev"),
        via=members["via"],
        server=members["server"],
        setup=members.get("setup", ""),
        is_extra=is_extra,
        request=members.get("request"),
        response=members.get("response", {}),
        effects=members.get("effects", {}),
        rest={name: members[name] for name in REST if name in members},
    )


def matches(name: str, pattern: str) -> bool:
    """Return whether a case's name matches a pattern, in which `*` stands for anything."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name) is not None
