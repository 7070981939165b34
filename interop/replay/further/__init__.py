"""Further cases: what is sent, and from which set-up. The recorder sends it to the real engines and keeps the answers.

They fill the rows of the engines' tables that the first recording left out: each rule at each of an engine's doors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interop.replay.further.about import cases_about_tokens
from interop.replay.further.authorizations import authorize_cases
from interop.replay.further.classic import classic_cases
from interop.replay.further.classic_authorizations import classic_authorizations
from interop.replay.further.devices import device_cases, plain_cases
from interop.replay.further.tokens import token_cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interop.replay.further.words import Further


def further_cases(profile: str) -> Iterator[Further]:
    """Give a profile's further cases."""
    if profile == "current":
        for cases in (token_cases, cases_about_tokens, authorize_cases, device_cases, plain_cases):
            yield from cases()
    else:
        yield from classic_cases()
        yield from classic_authorizations()
