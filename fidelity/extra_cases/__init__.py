"""Further cases: what is sent, and from which set-up. The recorder sends it to the real engines and keeps the answers.

They fill the rows of the engines' tables that the first recording left out: each rule at each of an engine's doors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fidelity.extra_cases.authorizations import authorize_cases
from fidelity.extra_cases.classic import classic_cases
from fidelity.extra_cases.classic_authorizations import classic_authorizations
from fidelity.extra_cases.devices import device_cases, plain_cases
from fidelity.extra_cases.introspection import cases_about_tokens
from fidelity.extra_cases.tokens import token_cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fidelity.extra_cases.case import ExtraCase


def extra_cases(profile: str) -> Iterator[ExtraCase]:
    """Return a profile's extra cases."""
    if profile == "current":
        for cases in (token_cases, cases_about_tokens, authorize_cases, device_cases, plain_cases):
            yield from cases()
    else:
        yield from classic_cases()
        yield from classic_authorizations()
