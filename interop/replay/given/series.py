"""Cases of the profile `current` that are a series of requests: each compares by itself."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from interop.replay.compare import Difference, differences
from interop.replay.given.devices import device_approved
from interop.replay.given.registry import CURRENT
from interop.replay.placeholders import filled, known
from interop.replay.talk import Login, Talk, at_once, pair_of

if TYPE_CHECKING:
    from interop.replay.wire import Answer

given = CURRENT.named


@given("two polls at once", "native.device.token.concurrent_polls_on_approved")
def two_polls(talk: Talk) -> list[Difference]:
    found = []
    for recorded in talk.case.rest["trials"]:
        values = device_approved(talk).values
        seen = sorted(answer.short for answer in at_once(lambda: talk.poll(values), lambda: talk.poll(values)))  # noqa: B023
        if seen != sorted(recorded):
            found.append(Difference("two polls at once", recorded, seen))
    return found


@given("polls at recorded times", "native.device.token.slow_down_clock")
def polls_at_times(talk: Talk) -> list[Difference]:
    values, found = talk.device(), []
    began = talk.server.control("clock", advance=0)["now"]
    for trial in talk.case.rest["trials"]:
        # A slow machine may be later than meant, never earlier: where it is to be too early, be a little more so.
        at = float(trial["t"]) - (0.4 if "slow_down" in trial["r"] else 0.0)
        now = talk.server.control("clock", advance=0)["now"] - began
        talk.server.control("clock", advance=max(0.0, at - now))
        answer = talk.poll(values)
        seen = f"{answer.status} {answer.members.get('error')}"
        if seen != trial["r"]:
            found.append(Difference(f"the poll at {trial['t']} s", trial["r"], seen))
    return found


@given("two exchanges at once", "native.code.concurrent_exchange")
def two_exchanges(talk: Talk) -> list[Difference]:
    values = talk.code()
    seen = sorted(answer.short for answer in at_once(*[lambda: talk.exchange(values)] * 2))
    right = ["200 ok", "401 invalid_grant/invalid code"]
    return [] if seen == right else [Difference("two exchanges at once", right, seen)]


# What was recorded of races: from 5 ms on the second refresh ended the family each time; closer together the first may
# also have got away unharmed, until the loser tried again.
REPLAYED, GONE = "400 invalid_grant/invalid refresh token", "400 invalid_grant/session not found"
ENDED = {"loser": REPLAYED, "winner": (401, GONE), "second_device": (401, GONE), "old_access": 401}
SPARED = {"loser": REPLAYED, "winner": (200, "active"), "second_device": (200, "active"), "old_access": 200}


@given("two refreshes, so many milliseconds apart", "*.refresh.concurrent.stagger_*")
def race(talk: Talk) -> list[Difference]:
    apart = int(talk.case.name.rpartition("_")[2].removesuffix("ms")) / 1000
    allowed = [ENDED] if apart >= 0.005 else [ENDED, SPARED]
    found = []
    for _ in range(3):
        seen = _race(talk, apart)
        if seen not in allowed and not (seen == {"loser": "500 "} and not talk.server.local):
            found.append(Difference("a race", " or ".join(map(json.dumps, allowed)), json.dumps(seen)))
    return found


def _race(talk: Talk, apart: float) -> dict[str, Any]:
    login, device = talk.login(), talk.login()

    def later(seconds: float) -> Answer:
        time.sleep(seconds)
        return talk.token(grant_type="refresh_token", refresh_token=login.refresh)

    answers = sorted(at_once(lambda: later(0), lambda: later(apart)), key=lambda answer: answer.status)
    if answers[1].status >= 500:
        return {"loser": f"{answers[1].status} "}
    winner = pair_of(answers[0])
    seen = {"loser": answers[1].short, "winner": _alive(talk, winner), "second_device": _alive(talk, device)}
    seen["old_access"] = talk.use(login.access)
    again = talk.refresh(login.refresh).short  # the loser tries again: that ends whatever had been spared
    afterwards = [talk.use(winner.access), talk.refresh(winner.refresh).short, talk.refresh(device.refresh).short]
    if afterwards != [401, GONE, GONE] or again not in (REPLAYED, GONE):
        seen["after the loser's second try"] = [again, *afterwards]
    return seen


def _alive(talk: Talk, login: Login) -> tuple[int, str]:
    active = talk.active(login.refresh)
    dead = GONE if active == "400 invalid_request/token not found" else str(active)
    return talk.use(login.access), "active" if active is True else dead


@given("as many requests as pass", "native.rate_limit.*")
def until_limited(talk: Talk) -> list[Difference]:
    request = filled(talk.case.request, known(talk.server.base) | {"session_cookie": talk.server.cookie("user")})
    for number in range(talk.case.rest["passed_before_429"]):
        if talk.server.send(request).status == 429:
            return [Difference("requests that pass", talk.case.rest["passed_before_429"], number)]
    return differences(talk.case.response, talk.server.send(request), request, known(talk.server.base))
