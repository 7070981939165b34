"""Cases of the profile `current` that are a series of requests: each compares by itself."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from fidelity.replay.compare import Difference, differences
from fidelity.replay.placeholders import filled, known
from fidelity.replay.session import Login, Session, login_in, run_concurrently
from fidelity.setups.devices import device_approved
from fidelity.setups.registry import CURRENT

if TYPE_CHECKING:
    from fidelity.replay.http import Response

setup = CURRENT.register


@setup("two polls at once")
def two_polls(session: Session) -> list[Difference]:
    found = []
    for recorded in session.case.rest["trials"]:
        values = device_approved(session).values
        poll = partial(session.poll, values)
        seen = sorted(answer.short for answer in run_concurrently(poll, poll))
        if seen != sorted(recorded):
            found.append(Difference("two polls at once", recorded, seen))
    return found


@setup("polls at recorded times")
def polls_at_times(session: Session) -> list[Difference]:
    values, found = session.device(), []
    began = session.server.control("clock", advance=0)["now"]
    for trial in session.case.rest["trials"]:
        # A slow machine may be later than meant, never earlier: where it is to be too early, be a little more so.
        at = float(trial["t"]) - (0.4 if "slow_down" in trial["r"] else 0.0)
        now = session.server.control("clock", advance=0)["now"] - began
        session.server.control("clock", advance=max(0.0, at - now))
        answer = session.poll(values)
        seen = f"{answer.status} {answer.members.get('error')}"
        if seen != trial["r"]:
            found.append(Difference(f"the poll at {trial['t']} s", trial["r"], seen))
    return found


@setup("two exchanges at once")
def two_exchanges(session: Session) -> list[Difference]:
    values = session.code()
    seen = sorted(answer.short for answer in run_concurrently(*[lambda: session.exchange(values)] * 2))
    right = ["200 ok", "401 invalid_grant/invalid code"]
    return [] if seen == right else [Difference("two exchanges at once", right, seen)]


# What was recorded of races: from 5 ms on the second refresh ended the family each time; closer together the first may
# also have got away unharmed, until the loser tried again.
REPLAYED, GONE = "400 invalid_grant/invalid refresh token", "400 invalid_grant/session not found"
ENDED = {"loser": REPLAYED, "winner": (401, GONE), "second_device": (401, GONE), "old_access": 401}
SPARED = {"loser": REPLAYED, "winner": (200, "active"), "second_device": (200, "active"), "old_access": 200}


@setup("two refreshes, so many milliseconds apart")
def race(session: Session) -> list[Difference]:
    apart = int(session.case.name.rpartition("_")[2].removesuffix("ms")) / 1000
    allowed = [ENDED] if apart >= 0.005 else [ENDED, SPARED]
    found = []
    for _ in range(3):
        seen = _race(session, apart)
        if seen not in allowed and not (seen == {"loser": "500 "} and not session.server.local):
            found.append(Difference("a race", " or ".join(map(json.dumps, allowed)), json.dumps(seen)))
    return found


def _race(session: Session, apart: float) -> dict[str, Any]:
    login, device = session.login(), session.login()

    def later(seconds: float) -> Response:
        time.sleep(seconds)
        return session.token(grant_type="refresh_token", refresh_token=login.refresh)

    answers = sorted(run_concurrently(lambda: later(0), lambda: later(apart)), key=lambda answer: answer.status)
    if answers[1].status >= 500:
        return {"loser": f"{answers[1].status} "}
    winner = login_in(answers[0])
    seen = {"loser": answers[1].short, "winner": _alive(session, winner), "second_device": _alive(session, device)}
    seen["old_access"] = session.use(login.access)
    again = session.refresh(login.refresh).short  # the loser tries again: that ends whatever had been spared
    afterwards = [
        session.use(winner.access),
        session.refresh(winner.refresh).short,
        session.refresh(device.refresh).short,
    ]
    if afterwards != [401, GONE, GONE] or again not in (REPLAYED, GONE):
        seen["after the loser's second try"] = [again, *afterwards]
    return seen


def _alive(session: Session, login: Login) -> tuple[int, str]:
    active = session.active(login.refresh)
    dead = GONE if active == "400 invalid_request/token not found" else str(active)
    return session.use(login.access), "active" if active is True else dead


@setup("as many requests as pass")
def until_limited(session: Session) -> list[Difference]:
    request = filled(
        session.case.request, known(session.server.base) | {"session_cookie": session.server.cookie("user")}
    )
    for number in range(session.case.rest["passed_before_429"]):
        if session.server.send(request).status == 429:
            return [Difference("requests that pass", session.case.rest["passed_before_429"], number)]
    return differences(session.case.response, session.server.send(request), request, known(session.server.base))
