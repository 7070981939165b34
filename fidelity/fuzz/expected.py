"""Differences that are meant: the deviations of `replay/deviations.py`, as a walk comes to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fidelity.fuzz.execution import Step
    from fidelity.replay.compare import Difference


def is_expected(profile: str, scenario: Sequence[Step], found: Sequence[Difference]) -> bool:
    """Whether a scenario that has been cut down ends in a difference that is meant."""
    calls, paths = {step.call for step in scenario}, [step.request["path"] for step in scenario if step.request]
    return KNOWN[profile](calls, paths, found[0])


def _at_better_auth(calls: set[str], paths: list[str], first: Difference) -> bool:
    if "disable-app" in calls and paths[-1:] == ["/oauth/device/token"]:
        return True  # the guess at Trakt's paths asks nothing about an app that is switched off
    # A browser's session grows longer there with each use.
    return "clock" in calls and (first.what, first.came) == ("location", "/sign-in")


def _at_doorkeeper(calls: set[str], paths: list[str], first: Difference) -> bool:
    if first.what != "status":
        return False
    if paths[-1] == "/oauth/revoke":  # a confidential app may revoke a public one's token there
        return first.recorded == 200 and str(first.came).startswith("403")
    # What has expired cannot be revoked there, and is refreshed all the same.
    return "clock" in calls and "/oauth/revoke" in paths[:-1] and str(first.came).startswith("400")


KNOWN = {"current": _at_better_auth, "classic": _at_doorkeeper}
