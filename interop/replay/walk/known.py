"""Differences that are meant: the deviations of `replay/deviations.py`, as a walk comes to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interop.replay.compare import Difference
    from interop.replay.walk.telling import Step


def is_known(story: Sequence[Step], found: Sequence[Difference]) -> bool:
    """Whether a story that has been cut down ends in a difference that is meant."""
    calls, paths = {step.call for step in story}, [step.request["path"] for step in story if step.request]
    last = found[0]
    if "clock" in calls and last.what == "location" and last.came == "/sign-in":
        return True  # the browser's session at better-auth grows longer with each use
    if "disable-app" in calls and paths[-1:] == ["/oauth/device/token"]:
        return True  # the guess at Trakt's paths asks nothing about an app that is switched off
    if last.what != "status" or last.recorded != 200 or not paths:
        return False
    if paths[-1] == "/oauth/revoke":  # a confidential app may revoke a public one's token at Doorkeeper
        return str(last.came).startswith("403")
    return "clock" in calls and "/oauth/revoke" in paths[:-1]  # nor can it revoke what has expired
