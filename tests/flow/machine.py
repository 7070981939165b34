"""Hypothesis plays the world: several programs over the real flows, losses, kills, jumps, in any order."""

from __future__ import annotations

import sys

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from flow.givens import LIFE, YEAR
from flow.program import Program
from flow.world import LOST, UNSPENT, World, must
from traktauth.errors import TraktAuthError
from traktauth.flow.effects import Begin, Load, Send
from traktauth.flow.signout import SignedOut
from traktauth.models import Token

SETTINGS = ["last-attempt", "last-attempt", "sign-in", "resend"]
CALLS = ["token"] * 4 + ["refused", "refresh", "force", "sign in", "sign out"]
some = st.integers(0, 3)  # which of the programs
ages = st.sampled_from([1, LIFE * 0.95, LIFE])
stops, pauses = st.sampled_from([Load, Begin, Send]), st.sampled_from([0, 16, 25, 31])


class Machine(RuleBasedStateMachine):
    """What must never be is said where it would be seen: in `World` and `Program`."""

    @initialize(leases=st.booleans(), settings=st.lists(st.sampled_from(SETTINGS), min_size=2, max_size=4))
    def begin(self, leases, settings):
        self.world = World(leases=leases)
        self.programs = [Program(self.world, f"{n}", lost_reply=setting) for n, setting in enumerate(settings)]
        self.programs[0].call("sign in").go()

    def program(self, number):
        return self.programs[number % len(self.programs)]

    @rule(which=some, kind=st.sampled_from(CALLS), steps=st.integers(0, 20))
    def call(self, which, kind, steps):
        program = self.program(which)
        if program.busy:
            program.go(steps)
        elif kind == "refused":
            if program.token is not None and not self.world.server.alive(program.token):
                program.call("refused", refused=program.token).go(steps)
        else:
            program.call(kind).go(steps)

    @rule(which=some, steps=st.integers(1, 12))
    def go(self, which, steps):
        self.program(which).go(steps)

    @rule(age=ages, one=some, other=some, kind=st.sampled_from(["token", "sign in"]), stop=stops, pause=pauses)
    def one_is_stopped_and_another_comes(self, age, one, other, kind, stop, pause):
        """A renewal is stopped between an effect and its answer, while another program gets as far as to its reply."""
        self.world.pass_by(age)
        self.go_up_to(self.program(one), "token", stop)
        self.world.pass_by(pause)
        self.go_up_to(self.program(other), kind, Send)

    @rule(one=some, other=some)
    def both_go_on(self, one, other):
        self.program(one).go()
        self.program(other).go()

    def go_up_to(self, program, kind, stop):
        if not program.busy:
            program.call(kind)
        for _ in range(20):
            program.go(1)
            if isinstance(program.effect, stop) and program.ready is not None and len(program.flows) > 1:
                return

    @rule()
    def everybody_goes_on(self):
        self.finish()

    @rule(which=some)
    def kill(self, which):
        self.program(which).crash()

    @rule(seconds=st.sampled_from([1, 15, 25, 31, 36, LIFE * 0.5, LIFE * 0.89, LIFE * 0.95, LIFE]))
    def time_goes_by(self, seconds):
        self.world.pass_by(seconds)

    @rule(which=some, seconds=st.sampled_from([0.0, -YEAR, -5000.0, -40.0, 40.0, 5000.0, YEAR]))
    def a_clock_jumps(self, which, seconds):
        self.program(which).offset = seconds

    @rule(fates=st.lists(st.sampled_from(["arrives", *sorted(UNSPENT), *sorted(LOST)]), min_size=1, max_size=3))
    def the_network_fails(self, fates):
        self.world.fates = fates

    @precondition(lambda self: self.world.full or self.world.steady > 5100)
    @rule()
    def the_disk_fills_up_or_has_room_again(self):
        self.world.full = not self.world.full

    def finish(self):
        for _ in range(200):
            if not any(program.busy for program in self.programs):
                return
            for program in self.programs:
                program.go()
            self.world.pass_by(1)  # whoever waits, waits
        must(False, "every call ends")  # noqa: FBT003 - the claim

    def teardown(self):
        if not hasattr(self, "world") or isinstance(sys.exception(), AssertionError):
            return  # nothing began, or it has ended with a violation
        self.world.fates, self.world.full = [], False
        self.finish()
        for program in self.programs:
            ended = program.ended
            must(ended is None or isinstance(ended, Token | SignedOut | TraktAuthError), "a call ends as it may")
            program.offset = 0.0
        last = self.programs[0]
        if self.world.record.token is None or not self.world.record.renewable:
            last.call("sign in")
            self.finish()
            must(isinstance(last.ended, Token), "whoever signs in has a token")
