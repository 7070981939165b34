"""The recorded cases, whichever of the two forms they were recorded in."""

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
    "current": ("better-auth.json", "better-auth-further.json"),
    "classic": ("doorkeeper.json", "doorkeeper-further.json"),
}
ANY = "{{any}}"
BAD_BEARERS = ("me_bad_token", "token_info_bad")


@dataclass(frozen=True)
class Case:
    """One recorded request and what came of it.

    Attributes:
        name: its name, unique within a profile.
        profile: `current` or `classic`.
        mode: which server of a profile it is for: `prev` (also `main`), `noprev`, `ui`.
        via: whose paths it uses on `current`, `native` or `shim`.
        server: the engine and its version.
        request: as it was sent, with placeholders; None for a series that was only summed up.
        response: as it came, with placeholders.
        effects: what was seen afterwards.
        given: the name of its set-up; empty where the name of the case tells it.
        rest: whatever else was recorded.
    """

    name: str
    profile: str
    mode: str
    via: str
    server: str
    request: Mapping[str, Any] | None
    response: Mapping[str, Any]
    effects: Mapping[str, Any] = field(default_factory=dict)
    given: str = ""
    rest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def signed_in(self) -> bool:
        """Whether it was sent by a signed-in browser."""
        return self.request is not None and "cookie" in self.request["headers"]


def cases_of(profile: str) -> list[Case]:
    """Read every case of a profile that is there."""
    there = (CASES / name for name in FILES[profile] if (CASES / name).exists())
    return [case_of(profile, said) for path in there for said in json.loads(path.read_text())]


def case_of(profile: str, said: Mapping[str, Any]) -> Case:
    """Read one case."""
    if "request_template" in said:
        said = _with_templates_applied(said)
    known = {name: said[name] for name in ("name", "server", "effects", "given") if name in said}
    return Case(
        profile=profile,
        mode=said.get("mode", "prev"),
        via=said.get("via", "native" if profile == "current" else "shim"),
        request=said.get("request") or None,
        response=said.get("response") or {},
        rest={
            name: said[name] for name in ("trials", "note", "setup", "passed_before_429", "decision") if name in said
        },
        **known,
    )


def _with_templates_applied(said: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a case of `doorkeeper.json` into the form of the others: placeholders within request and response."""
    if not said["request"]:
        return {**said, "response": {"body": said["response"]["body"]}}
    headers, template = dict(said["response"]["headers"]), said["response_template"]
    if template["location"]:
        headers["location"] = re.sub(r"^http://127\.0\.0\.1:\d+(?=/oauth/)", "{{base}}", template["location"])
    response = {**said["response"], "headers": headers, "body": template["body"]}
    request_headers = dict(said["request"]["headers"])
    if request_headers.get("Authorization", "").startswith("Bearer ") and said["name"] not in BAD_BEARERS:
        request_headers["Authorization"] = "Bearer {{access_token}}"  # the token that was good on that day
    request = {**said["request"], **said["request_template"], "headers": request_headers}
    return {**said, "request": request, "response": response}
