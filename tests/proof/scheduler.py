"""Plays the world: several programs on real drivers, losses, kills, stops and jumps, in an order that chance gives.

Chance is a `random.Random`: a seeded one, or one that Hypothesis drives and makes smaller.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import closing

from flow.setup import LIFE, YEAR
from proof.engines import ENGINES
from proof.program import Program
from proof.world import DOUBLED, LOST, UNSPENT, World, must
from traktauth.errors import TraktAuthError
from traktauth.flow.logout import SignedOut
from traktauth.models import Token

SETTINGS = ["last-attempt", "last-attempt", "sign-in", "resend"]
CALLS = ["token"] * 4 + ["refused", "refresh", "force", "sign in", "sign out"]
AGES = [1, LIFE * 0.95, LIFE]
PAUSES = [1, 15, 25, 31, 36, 61, LIFE * 0.5, LIFE * 0.89, LIFE * 0.95, LIFE]
JUMPS = [0.0, -YEAR, -5000.0, -40.0, 40.0, 5000.0, YEAR]
ENDS = (Token, SignedOut, TraktAuthError, asyncio.CancelledError, type(None))
FATES = ["arrives", "arrives", *sorted(UNSPENT), *sorted(LOST), *sorted(DOUBLED)]


class Simulation:
    """One world with two to five programs."""

    def __init__(self, chance, *, engine=None):
        self.chance = chance
        self.engine = engine or chance.choice(sorted(ENGINES))
        self.world = World(leases=chance.random() < 0.5, engine=ENGINES[self.engine])
        self.steps = 0
        self.tally = Counter()
        for number in range(chance.randint(2, 5)):
            kind = chance.choice(["blocking", "async"])
            Program(self.world, f"{number}", lost_reply=chance.choice(SETTINGS), kind=kind)
        self.programs = self.world.programs
        self.go(self.programs[0].call("sign in"))

    def close(self):
        self.tally.update(self.world.tally)
        self.world.close()

    def run(self, actions):
        """Take some actions, then let everything come to rest; raise Violation where something is wrong."""
        for _ in range(actions):
            action = self.chance.choice(ACTIONS)
            action(self)
        self.come_to_rest()
        self.tally[self.engine] += 1

    # ---------------------------------------------------------------- actions
    def some(self):
        return self.chance.choice(self.programs)

    def go(self, program, steps=1000):
        before = program.steps
        program.go(steps)
        self.steps += program.steps - before

    def call(self):
        program, kind = self.some(), self.chance.choice(CALLS)
        steps = self.chance.randint(0, 20)
        if program.busy:
            self.go(program, steps)
        elif kind != "refused":
            self.go(program.call(kind), steps)
        elif program.token is not None and not self.world.server.use(program.token):
            self.go(program.call("refused", rejected=program.token), steps)

    def go_on(self):
        self.go(self.some(), self.chance.randint(1, 12))

    def stop_one_while_another_comes(self):
        """A refresh is stopped within an act, while another program gets as far as to its reply."""
        self.world.pass_by(self.chance.choice(AGES))
        one, other = self.some(), self.some()
        first = self.chance.choice(["token", "token", "token", "refresh", "sign out"])
        self.go_up_to(one, first, self.chance.choice(["lock", "load", "begin", "send"]))
        self.world.pass_by(self.chance.choice([0, 16, 31, 60]))
        then = self.chance.choice(["token", "token", "token", "sign in", "sign out"])
        self.go_up_to(other, then, self.chance.choice(["begin", "send", "the end"]))
        if self.chance.random() < 0.7:
            for program in self.chance.choice([(one, other), (other, one)]):
                self.go(program)

    def go_up_to(self, program, kind, stop):
        if not program.busy:
            program.call(kind)
        locked = program.at not in {"start", "load"}
        for _ in range(40):
            self.go(program, 1)
            locked = locked or program.at == "lock"
            if not program.busy or (program.at == stop and program.done and locked):
                return

    def everybody_goes_on(self):
        self.finish()

    def kill(self):
        self.some().crash()

    def cancel_a_task(self):
        program = self.some()
        if program.busy and program.driver_kind == "async":
            program.cancel()

    def time_goes_by(self):
        self.world.pass_by(self.chance.choice(PAUSES))

    def a_clock_jumps(self):
        self.some().offset = self.chance.choice(JUMPS)
        self.world.clocks_jumped = True

    def the_network_fails(self):
        self.world.fates = [self.chance.choice(FATES) for _ in range(self.chance.randint(1, 3))]

    def the_disk_fills_up_or_has_room_again(self):
        self.world.full = not self.world.full

    def the_next_begin_is_done_and_reported_as_failed(self):
        self.world.unclear = True

    def somebody_calls_the_api(self):
        program = self.some()
        if program.token is not None:
            self.world.server.use(program.token)

    def the_user_ends_every_login_elsewhere(self):
        if self.chance.random() < 0.2:
            self.world.end_by_the_service()

    # ---------------------------------------------------------------- rest
    def finish(self):
        for _ in range(200):
            if not any(program.busy for program in self.programs):
                return
            for program in self.programs:
                self.go(program)
            self.world.pass_by(1)  # anyone who waits, waits
        must(False, "every call ends")  # noqa: FBT003 - the claim

    def come_to_rest(self):
        self.world.fates, self.world.full, self.world.unclear = [], False, False
        self.finish()
        for program in self.programs:
            must(isinstance(program.ended, ENDS), "a call ends as it may")
            program.offset = 0.0
            self.go(program.call("token"))  # anyone who holds a pair that could not be saved, saves it now
            self.finish()
        self.world.check_that_no_login_was_lost()
        last = self.programs[0]
        if self.world.record.token is None or not self.world.record.refreshable:
            self.go(last.call("sign in"))
            self.finish()
            must(isinstance(last.ended, Token), "anyone who signs in has a token")


ACTIONS = [
    Simulation.call,
    Simulation.call,
    Simulation.call,
    Simulation.go_on,
    Simulation.go_on,
    Simulation.stop_one_while_another_comes,
    Simulation.everybody_goes_on,
    Simulation.kill,
    Simulation.cancel_a_task,
    Simulation.time_goes_by,
    Simulation.a_clock_jumps,
    Simulation.the_network_fails,
    Simulation.the_disk_fills_up_or_has_room_again,
    Simulation.the_next_begin_is_done_and_reported_as_failed,
    Simulation.somebody_calls_the_api,
    Simulation.the_user_ends_every_login_elsewhere,
]


def simulate(chance, actions, **how):
    """Run one world to its end; return the simulation, for its counts."""
    with closing(Simulation(chance, **how)) as simulation:
        simulation.run(actions)
        return simulation
