"""A program with one client over the real flows: it runs one call at a time, effect by effect, and can be killed."""

from __future__ import annotations

from itertools import count

from flow.givens import APP, reply
from flow.world import UNSPENT, must
from traktauth.errors import LoginRequired, StoreFailed, TraktAuthError, TryLater
from traktauth.flow.effects import (
    BUSY,
    Ask,
    Begin,
    Cancel,
    Exclusively,
    Forget,
    Keep,
    Load,
    Mark,
    NoReply,
    Note,
    Save,
    Send,
    Shielded,
    Sleep,
    Tell,
    TryStore,
)
from traktauth.flow.lifecycle import refresh, usable_token
from traktauth.flow.login import by_paste
from traktauth.flow.signout import sign_out
from traktauth.flow.terms import Terms
from traktauth.models import Record, find_service

LONGEST_REQUEST = 20.0


class Program:
    """One process with one client: runs one call at a time, effect by effect, and can be killed between any two."""

    def __init__(self, world, name, *, lost_reply="last-attempt"):
        self.world, self.name, self.lost_reply = world, name, lost_reply
        self.offset = 0.0
        self.numbers = count(1)
        self.token = None  # what the last call returned
        self.ended = None  # how the last call ended
        self.start_anew()

    def start_anew(self):
        self.kind = self.effect = self.ready = self.flight = self.fate = self.sending = self.kept = None
        self.flows, self.waiting_since, self.latest = [], None, float("-inf")
        self.newer_at_reply, self.full_at_some_time, self.seen = False, False, None
        self.terms = Terms(
            APP,
            find_service("trakt"),
            clock=self.read_clock,
            monotonic=lambda: self.world.steady,
            secret=lambda: f"{self.name}-{next(self.numbers)}".ljust(43, "x"),
            lost_reply=self.lost_reply,
        )

    @property
    def wall(self):
        return self.world.server.now + self.offset

    def read_clock(self):
        self.latest = max(self.latest, self.wall)
        return self.wall

    @property
    def busy(self):
        return bool(self.flows)

    @property
    def may_resend(self):
        return self.kind == "force" or self.lost_reply == "resend"

    def call(self, kind, **how):
        calls = {
            "token": lambda: usable_token(self.terms, **how),
            "refused": lambda: usable_token(self.terms, **how),
            "refresh": lambda: refresh(self.terms, **how),
            "force": lambda: refresh(self.terms, resend=True, **how),
            "sign in": lambda: by_paste(self.terms),
            "sign out": lambda: sign_out(self.terms),
        }
        self.kind, self.ended, self.latest = kind, None, float("-inf")
        self.newer_at_reply, self.full_at_some_time, self.seen = False, False, None
        self.flows = [(calls[kind](), False)]
        self.ready = (None, None)
        return self

    def crash(self):
        """Be killed: nothing is told to anybody, memory is lost; a lease stays until its time is over."""
        if self.world.holder is self:
            self.world.holder = object() if self.world.leases else None
        for flow, _ in reversed(self.flows):
            flow.close()
        self.start_anew()

    def go(self, steps=1000):
        """Go on for some steps, or until the call ends or waits for the lock."""
        for _ in range(steps):
            if not self.busy or not self.step():
                break
        return self

    def step(self):
        """Perform the pending effect, or hand its answer to the flow: the world may change in between."""
        if self.ready is not None:
            (value, error), self.ready = self.ready, None
            if isinstance(self.effect, Send) and self.sending is not None:
                self.learn()
            self.hand_in(value, error)
            return True
        try:
            answer = self.perform(self.effect)
        except StoreFailed as error:
            self.full_at_some_time = True
            self.ready = (None, error)
            return True
        if answer is self:
            return self.ready is not None or self.waiting_since is None
        self.ready = (answer, None)
        return True

    def hand_in(self, value, error):
        while self.flows:
            flow, locked = self.flows[-1]
            try:
                self.effect = flow.send(value) if error is None else flow.throw(error)
            except StopIteration as end:
                value, error = end.value, None
            except TraktAuthError as raised:
                value, error = None, raised
            else:
                if isinstance(self.effect, Send):  # no time passes between the last thought and the first byte
                    self.flight = (self.world.steady, *self.world.send(self, self.effect.request))
                return
            self.flows.pop()
            if locked:
                self.world.release(self)
        self.end(value, error)

    def perform(self, effect):
        """Return the effect's answer; or this program itself where it goes on inside, or waits."""
        world = self.world
        performers = {
            Load: self.load,
            Begin: lambda: world.begin(self, effect.generation, effect.attempt),
            Cancel: lambda: world.cancel(effect.generation, effect.attempt, effect.before),
            Save: lambda: world.save(self, effect.token, effect.after),
            Keep: self.keep,
            Mark: lambda: world.mark(effect.generation, effect.why),
            Forget: lambda: world.forget(self, effect.generation),
            TryStore: lambda: world.write(world.record),
            Sleep: lambda: world.pass_by(effect.seconds),
            Send: self.receive,
            Ask: lambda: "the-code",
            Shielded: self.shield,
            Exclusively: self.lock,
            Note: lambda: None,
            Tell: lambda: None,
        }
        return performers[type(effect)]()

    def keep(self):
        self.kept = (self.effect.token, self.effect.after)
        self.world.saved.add(self.effect.token.access_token)
        self.world.pairs[self.effect.token.refresh_token] = self.effect.token

    def shield(self):
        self.flows.append((self.effect.flow(), False))
        self.ready = (None, None)
        return self

    def load(self):
        record = self.look()
        self.seen = record.token
        return record

    def look(self):
        if self.kept is not None:
            token, after = self.kept
            try:
                self.world.save(self, token, after)
            except StoreFailed:
                return Record(token.generation, token) if self.world.record.generation == after else self.world.record
            self.kept = None
        return self.world.record

    def lock(self):
        world, effect = self.world, self.effect
        if world.take(self):
            self.waiting_since = None
            self.flows.append((effect.flow(), True))
            self.ready = (None, None)
            return self
        if self.waiting_since is None:
            self.waiting_since = world.steady
        if world.steady - self.waiting_since >= effect.patience:
            self.waiting_since = None
            return BUSY
        return self

    def receive(self):
        world, (sent_at, fate, answer) = self.world, self.flight
        self.flight = None
        late = world.steady - sent_at > LONGEST_REQUEST and fate not in UNSPENT
        self.fate = fate
        if late or fate in {"lost before", "lost after"}:
            return NoReply(sent=True, reason="timed out")
        if fate == "not sent":
            return NoReply(sent=False, reason="connection refused")
        replies = {"busy": 429, "down": 521, "500 before": 500, "500 after": 500, "unreadable": 200}
        return reply(replies[fate], b"<html>") if fate in replies else answer

    def learn(self):
        """Know, from here on, what became of a refresh token that was sent."""
        record, sending, self.sending = self.world.record, self.sending, None
        sending.unspent = self.fate in UNSPENT
        self.newer_at_reply = (
            not sending.unspent and record.token is not None and record.generation > sending.generation
        )

    # ---------------------------------------------------------------- the end of a call
    def end(self, value, error):
        self.ended = error if error is not None else value
        self.effect = None
        must(self.flows == [] and self.world.holder is not self, "no lock outlives its call")
        if error is None and self.kind != "sign out":
            must(value.access_token in self.world.saved, "a pair is saved before it is used")
            must(self.kind != "refused" or value.access_token != self.token, "a refused token is not served again")
            self.token = value.access_token
        if isinstance(error, LoginRequired | TryLater):
            self.check_that_nothing_was_better(error)

    def check_that_nothing_was_better(self, error):
        if self.full_at_some_time or self.world.record.token is None:
            return
        must(not self.newer_at_reply, "the loser of a race uses the winner's token")
        if self.kind == "token" and self.seen is not None:
            must(self.seen.expires_at <= self.latest, f"a living token is served, come what may: {error!r}")
