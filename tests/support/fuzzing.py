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

MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


class Fuzzing:
    """What came of made-up requests.

    Attributes:
        answers: how many answers had which status.
        faults: what a server must not answer, as `METHOD path: status`.
    """

    def __init__(self, url: str) -> None:
        self.session = requests.Session()
        self.url = url
        self.answers: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()
        description: dict[str, Any] = self.session.get(f"{url}/openapi.json", timeout=10).json()
        described = schemathesis.openapi.from_dict(description)
        self.operations = [found.ok() for found in described.get_all_operations()]

    @property
    def done(self) -> int:
        return self.answers.total()

    def round(self, each: int, number: int, stop: Callable[[], bool] = lambda: False) -> None:
        """Send up to *each* requests of each kind to each address; *number* is the seed."""
        for operation in self.operations:
            for mode in MODES:
                if not stop():
                    self._some(operation, mode, each, number)

    def _some(self, operation: Any, mode: GenerationMode, each: int, number: int) -> None:
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
            reply = case.call(base_url=self.url, session=self.session, allow_redirects=False, timeout=10)
            self.answers[reply.status_code] += 1
            if reply.status_code >= 500 or str(reply.status_code) not in operation.definition.raw["responses"]:
                self.faults[f"{operation.label}: {reply.status_code}"] += 1

        state = random.getstate()
        try:
            send()
        finally:
            random.setstate(state)

    def close(self) -> None:
        self.session.close()
