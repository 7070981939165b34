"""Tell one scenario to two servers, and compare what they say.

A step is data: a request or a call of the control API with placeholders in it, `{{code_3}}` being the code that step 3
came to. A placeholder whose step came to nothing, or is not told, is a value that no server knows; so any step can be
left out, and a scenario that ends in a difference can be cut down to what it needs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fidelity.replay.compare import Difference, differences, locations_differ
from fidelity.replay.http import parameters_of
from fidelity.replay.placeholders import PLACEHOLDER, UNKNOWN, fill, filled, known, scrubbed
from fidelity.replay.seed_file import APPS, OOB
from fidelity.replay.server import NoSuchState
from fidelity.replay.session import verifier_and_challenge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fidelity.replay.server import Server

KEPT = ("cache-control", "content-type", "location", "retry-after", "www-authenticate", "x-retry-after")
EARNED = {"access_token": "access", "refresh_token": "refresh", "device_code": "device", "user_code": "user"}


@dataclass(frozen=True)
class Step:
    """One thing that is done.

    Attributes:
        number: its place in the scenario that was made up; it keeps it where others are left out.
        request: what is sent, with placeholders; None for a call of the control API.
        call: a call's name.
        members: what a call says, with placeholders.
        whole: whether more than the answer's status is compared.
    """

    number: int
    request: Mapping[str, Any] | None = None
    call: str = ""
    members: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = True

    def __str__(self) -> str:
        if self.request is None:
            return f"{self.number}. {self.call} {json.dumps(self.members)}"
        body, headers = self.request["body"], self.request["headers"]
        return f"{self.number}. {self.request['method']} {self.request['path']} {json.dumps(headers)} {body or ''}"


class Values(dict[str, str]):
    """What placeholders stand for at one server; one that nothing stands for is unknown there."""

    def __init__(self, base: str) -> None:
        super().__init__({"session_cookie": "", **known(base)})

    def __missing__(self, name: str) -> str:
        return UNKNOWN.get(name, "n" * 32)


@dataclass
class Side:
    """One of the servers, and what the scenario has come to there."""

    server: Server
    values: Values

    @classmethod
    def fresh(cls, server: Server, *, signed_in: bool) -> Side:
        """Begin, with a browser that a person has signed in with."""
        server.reset()
        for app in APPS.values() if server.profile == "current" else ():
            server.control("disable-app", client_id=app.client_id, disabled=False)
        values = Values(server.base)
        if signed_in:
            values["session_cookie"] = server.cookie("user")
        return cls(server, values)

    def called(self, step: Step) -> dict[str, Any]:
        """Call the control API; a call that is refused has come to nothing."""
        members = {name: self._filled(value) for name, value in step.members.items()}
        if step.call == "authorize":
            app = APPS[members.pop("app")]
            return self.server.authorize(app, members.pop("username"), **members)
        try:
            return self.server.control(step.call, **members)
        except NoSuchState:
            return {}

    def earn(self, step: Step, response: Mapping[str, Any], location: str = "") -> None:
        """Keep what a step came to."""
        for member, name in EARNED.items():
            if isinstance(response.get(member), str):
                self.values[f"{name}_{step.number}"] = response[member]
        code = (
            response.get("code") if step.call == "authorize" else parameters_of(location.partition("?")[2]).get("code")
        )
        if code:
            self.values[f"code_{step.number}"] = code

    def _filled(self, value: Any) -> Any:
        return fill(value, complete(self.values, value)) if isinstance(value, str) else value


def complete(values: Values, *texts: str | None) -> dict[str, str]:
    """Give the values with one for each placeholder of some texts."""
    names = {name for text in texts if text for name in PLACEHOLDER.findall(text)}
    return {**values, **{name: values[name] for name in names}}


Found = tuple[Step, list[Difference]]


def run_scenario(scenario: Sequence[Step], engine: Server, local: Server) -> Found | None:
    """Tell a scenario, and give the first step that has different responses, None without one."""
    signed_in = any(step.request and "cookie" in step.request["headers"] for step in scenario)
    sides = [Side.fresh(engine, signed_in=signed_in), Side.fresh(local, signed_in=signed_in)]
    for step in scenario:
        for side, proof in zip(sides, [verifier_and_challenge()] * 2, strict=True):
            side.values |= {f"{name}_{step.number}": value for name, value in proof.items()}
        found = _sent(step, step.request, *sides) if step.request else _called(step, *sides)
        if found:
            return step, found
    return None


def _called(step: Step, engine: Side, local: Side) -> list[Difference]:
    responses = [side.called(step) for side in (engine, local)]
    for side, one in zip((engine, local), responses, strict=True):
        side.earn(step, one)
    if step.call != "authorize":
        return []
    expected, came = (one.get("location") for one in responses)
    expected = expected and scrubbed(expected, engine.values)
    if came is None and (expected or "").startswith(("{{base}}", "/")) | (expected is None):
        return []  # the local Trakt's control API gives no address of an error that stands on a page
    if (expected or "").startswith(OOB) and step.members.get("via") != "native":
        return _out_of_band(*responses)
    return list(locations_differ(expected, came, local.values))


def _out_of_band(expected: Mapping[str, Any], came: Mapping[str, Any]) -> list[Difference]:
    """Whether there is a code: at Trakt's address it stands on a page."""
    one, other = (bool(response.get("code")) for response in (expected, came))
    return [] if one == other else [Difference("a code out of band", one, other)]


def _sent(step: Step, recorded: Mapping[str, Any], engine: Side, local: Side) -> list[Difference]:
    texts = [recorded["path"], recorded["body"], *recorded["headers"].values()]
    requests = [filled(recorded, complete(side.values, *texts)) for side in (engine, local)]
    answers = [side.server.send(one) for side, one in zip((engine, local), requests, strict=True)]
    for side, answer in zip((engine, local), answers, strict=True):
        side.earn(step, answer.members, answer.headers.get("location", answer.members.get("url", "")))
    if not step.whole:
        expected, came = (answer.status for answer in answers)
        return [] if expected == came else [Difference("status", expected, came)]
    headers = {name: scrubbed(value, engine.values) for name, value in answers[0].headers.items() if name in KEPT}
    response = {"status": answers[0].status, "headers": headers, "body": scrubbed(answers[0].body, engine.values)}
    values = {name: local.values[name] for name in engine.values}
    return differences(response, answers[1], requests[1], values)
