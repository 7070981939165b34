"""What is done to a program in each scenario."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from traktauth.lab.verdicts import CONTROL, EXPIRED_LOSS, Evidence
from traktauth.lab.world import Program, Stop, World
from traktauth.server.app import API
from traktauth.server.http.api import read_responses

TOKEN_PATH = "/oauth/token"
CAPTCHA = "<!doctype html><title>Just a moment...</title><h1>Verify you are human</h1>"
OUTAGES = (
    {"status": 503, "body": "Service Unavailable"},
    {"status": 429, "headers": {"retry-after": "1"}, "body": "Too Many Requests"},
    {"status": 200, "headers": {"content-type": "text/html"}, "body": CAPTCHA},
)
OUTAGE_REQUESTS = 10_000
"""More than a program sends during an outage."""
WEEKS = 5
WEEK_SECONDS = 4
"""That an access token is valid for in `weeks`."""
CACHE_NOTE = "the last run exited with 0 and was not answered by the API: does the program cache responses?"
VALID_NOTE = "the old access token was still valid at the end"


class Scenario(NamedTuple):
    """One scenario.

    Attributes:
        name: as `--scenario` takes it.
        expired: whether the access token has expired at the beginning; else it is valid for five minutes more.
        play: does it in a world; the plain run at the end is not part of it.
        access_life: seconds that later access tokens are valid for; None: the profile's.
    """

    name: str
    expired: bool
    play: Callable[[World, int], None]
    access_life: int | None = None

    def observe(self, program: Program, folder: Path, copies: int, stop: Stop) -> Evidence:
        """Play it in a world of its own, and return what was seen.

        Raises:
            TraktAuthError: the world cannot be made.
            LookupError: the program could not be given a login.
            Stopped: the lab has been interrupted.
        """
        with World(program, folder, expired=self.expired, stop=stop, access_life=self.access_life) as world:
            self.play(world, copies)
            sent_again = max(world.traffic.refreshes.values(), default=1) - 1
            is_signed_in = world.run_plainly()
            ledger = world.local.ledger
            sent = world.traffic.refreshes
            return Evidence(
                name=self.name,
                exits=tuple(world.exits),
                is_signed_in=is_signed_in,
                second_device=world.has_second_device(),
                refreshes=sum(sent.values()),
                sent_again=sent_again,
                rotations=ledger["rotations"],
                replays=ledger["replays"],
                families_killed=ledger["families_killed"],
                note=self._note(world, is_signed_in=is_signed_in),
                advice=tuple(world.advise()),
            )

    def _note(self, world: World, *, is_signed_in: bool) -> str:
        if not is_signed_in:
            return "; ".join(filter(None, [world.last_words, CACHE_NOTE if world.exits[-1] == 0 else ""]))
        if not world.traffic.refreshes:
            return "it sent no refresh request"
        return "" if self.expired else VALID_NOTE


def _run_once(world: World, _copies: int) -> None:
    world.run()


def _race(world: World, copies: int) -> None:
    world.run(copies, together=True)


def _lose_response(world: World, _copies: int, how: str = "after") -> None:
    world.local.fail_next(TOKEN_PATH, method="POST", drop=how)
    world.run()
    world.local.clear_faults()  # it may have sent none
    world.run()


def _kill(world: World, _copies: int) -> None:
    world.run(killed="refresh")
    world.run()


def _kill_at_use(world: World, _copies: int) -> None:
    world.run(killed="use")


def _be_unavailable(world: World, _copies: int) -> None:
    for outage in OUTAGES:
        world.local.fail_next(TOKEN_PATH, method="POST", times=OUTAGE_REQUESTS, **outage)
        world.run()
        world.local.clear_faults()


def _fail_api(world: World, _copies: int) -> None:
    for path in {*API, *read_responses(world.local.settings.responses)}:
        world.local.fail_next(path, times=OUTAGE_REQUESTS, status=503, body="Service Unavailable")
    world.run()
    world.local.clear_faults()


def _let_weeks_pass(world: World, _copies: int) -> None:
    for _ in range(WEEKS):
        world.run()
        time.sleep(WEEK_SECONDS + 0.2)


SCENARIOS = (
    Scenario(CONTROL, expired=True, play=_run_once),
    Scenario("race", expired=True, play=_race),
    Scenario("lost-response", expired=False, play=_lose_response),
    Scenario(EXPIRED_LOSS, expired=True, play=_lose_response),
    Scenario("timeout", expired=False, play=partial(_lose_response, how="hang")),
    Scenario("reset", expired=False, play=partial(_lose_response, how="reset")),
    Scenario("kill", expired=False, play=_kill),
    Scenario("kill-at-use", expired=True, play=_kill_at_use),
    Scenario("unavailable", expired=True, play=_be_unavailable),
    Scenario("api-outage", expired=True, play=_fail_api),
    Scenario("weeks", expired=True, play=_let_weeks_pass, access_life=WEEK_SECONDS),
)
NAMES = tuple(scenario.name for scenario in SCENARIOS)
