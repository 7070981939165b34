"""Requests that schemathesis makes up from `/openapi.json`; a server may refuse them, and must not fail."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.generation import GenerationMode

if TYPE_CHECKING:
    from collections.abc import Callable

HALF, MOSTLY = 0.5, 0.9
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


class Fuzzing:
    """What came of made-up requests.

    In every other request to an address that takes a body, some members are true ones: an app's, a living code's or
    token's; and in every other one to the rest the access token is. Else all would be refused at the first check.

    Args:
        url: of a local Trakt with the control API.
        app: its id, secret and redirect address.

    Attributes:
        answers: how many answers had which status.
        faults: what a server must not answer, as `METHOD path: status`.
    """

    def __init__(self, url: str, app: tuple[str, str, str]) -> None:
        self.session = requests.Session()
        self.url, self.app = url, app
        self.answers: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()
        description: dict[str, Any] = self.session.get(f"{url}/openapi.json", timeout=60).json()
        described = schemathesis.openapi.from_dict(description)
        self.operations = [found.ok() for found in described.get_all_operations()]

    @property
    def done(self) -> int:
        return self.answers.total()

    def round(self, each: int, number: int, stop: Callable[[], bool] = lambda: False) -> None:
        """Send up to *each* requests of each kind to each address; *number* is the seed."""
        for operation in self.operations:
            described = operation.definition.raw
            takes = any(name in described for name in ("parameters", "requestBody", "security"))
            for mode in MODES if takes else MODES[:1]:  # where nothing is taken, no rule can be broken
                if not stop():
                    self._some(operation, mode, each, number)

    def _some(self, operation: Any, mode: GenerationMode, each: int, number: int) -> None:
        chance, truths = random.Random(f"{number} {operation.label} {mode}"), self._truths()

        @seed(number)
        @settings(
            max_examples=each,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            if chance.random() < HALF:
                self._tell_truths(case, truths, chance)
            reply = case.call(base_url=self.url, session=self.session, allow_redirects=False, timeout=60)
            self.answers[reply.status_code] += 1
            if reply.status_code >= 500 or str(reply.status_code) not in operation.definition.raw["responses"]:
                self.faults[f"{operation.label}: {reply.status_code}"] += 1

        state = random.getstate()
        try:
            send()
        finally:
            random.setstate(state)

    def _truths(self) -> dict[str, list[str]]:
        """Sign in a few times; return by member what is true."""
        client_id, secret, redirect = self.app
        self._control("clock", advance=61)  # a client that guessed at secrets may try again after a minute
        made = self._control("tokens", client_id=client_id, count=5)["tokens"]
        asked = {"client_id": client_id, "redirect_uri": redirect, "username": "sean"}
        codes = [self._control("authorize", **asked)["code"] for _ in range(3)]
        device = self.session.post(f"{self.url}/oauth/device/code", json={"client_id": client_id}, timeout=60).json()
        return {
            "client_id": [client_id],
            "client_secret": [secret],
            "redirect_uri": [redirect],
            "response_type": ["code"],
            "grant_type": ["authorization_code", "refresh_token", "client_credentials"],
            "code": [*codes, device["device_code"]],
            "device_code": [device["device_code"]],
            "refresh_token": [each["refresh_token"] for each in made],
            "token": [each[kind] for each in made for kind in ("access_token", "refresh_token")],
            "access_token": [each["access_token"] for each in made],
        }

    def _tell_truths(self, case: Any, truths: dict[str, list[str]], chance: random.Random) -> None:
        described = case.operation.definition.raw
        members = described.get("requestBody")
        if members is None:
            reported = {"Authorization": f"Bearer {chance.choice(truths['access_token'])}"}
            if "security" in described:
                reported["trakt-api-key"] = truths["client_id"][0]
            case.headers = {**(case.headers or {}), **reported}
            known = [each["name"] for each in described.get("parameters", []) if each["in"] == "query"]
            true = {name: chance.choice(truths[name]) for name in known if name in truths}
            case.query = {**(case.query or {}), **true}
            return
        described = next(iter(members["content"].values()))["schema"]["properties"]
        body = dict(case.body) if isinstance(case.body, dict) else {}
        for name in sorted(described.keys() & truths.keys()):
            if chance.random() < MOSTLY:
                body[name] = chance.choice(truths[name])
        case.body = body

    def _control(self, name: str, **members: Any) -> Any:
        reply = self.session.post(f"{self.url}/_control/{name}", json=members, timeout=60)
        reply.raise_for_status()
        return reply.json()

    def close(self) -> None:
        self.session.close()
