"""A program with one client on a real driver: it runs one call at a time, act by act, and can be killed at each."""

from __future__ import annotations

import asyncio
from itertools import count

from flow.setup import APP
from proof.driver import Killed, LoopHand, ThreadHand
from proof.stores import ProgramStore
from proof.world import CANNOT_BE_SENT, must
from traktauth.client.driver import unsaved_tokens
from traktauth.client.driver.async_driver import AsyncDriver
from traktauth.client.driver.bound_store import BoundStore
from traktauth.client.driver.sync_driver import Driver
from traktauth.errors import LoginRequired, StoreFailed, TraktAuthError, TryLater
from traktauth.flow.authorization_code import login_paste
from traktauth.flow.context import FlowContext
from traktauth.flow.get_token import get_token
from traktauth.flow.logout import log_out
from traktauth.flow.refresh import refresh
from traktauth.models import LoginKey, Record, Sender, find_service
from traktauth.models.changes import BeginRefresh, CancelRefresh, DeleteToken, SaveToken, SetRefreshable, SwapProbe
from traktauth.stores.database.lease import LEASE_GRANT_MAX_AGE

LOGIN = LoginKey("trakt", APP.client_id, "default")


class Person:
    """Pastes the code."""

    def tell(self, step):
        pass

    def ask(self, step):
        return "the-code"


class HandSaved(BoundStore):
    """Leaves the saving of a held pair to the next call, so that every step is one of the scenario's."""

    def _saving(self, effect):
        return None


class Program:
    """One process with one client.

    `at` names the act that it has come to, `done` tells whether that is done and only its answer not yet known.
    """

    def __init__(self, world, name, *, lost_reply="last-attempt", kind="blocking"):
        self.world, self.name, self.lost_reply = world, name, lost_reply
        self.driver_kind = kind
        self.offset = 0.0
        self.steps = self.lives = 0
        self.numbers = count(1)
        self.token = None  # what the last call returned
        self.ended = None  # how the last call ended
        world.programs.append(self)
        self.start_anew()

    def start_anew(self):
        self.hand = self.kind = self.at = self.unsaved = self.request_under_way = self.outcome = None
        self.done = self.keeps = False
        self.forget_the_last_call()
        self.context = FlowContext(
            APP,
            find_service("trakt"),
            clock=self.read_clock,
            monotonic=lambda: self.world.steady,
            new_secret=lambda: f"{self.name}-{next(self.numbers)}".ljust(43, "x"),
            lost_reply=self.lost_reply,
            sender=lambda: Sender(self.name, self.lives),  # each life is a process of its own
            other_is_alive=self.sees_alive,
        )
        self.bound_store = HandSaved(ProgramStore(self), LOGIN, self.read_clock)
        if self.driver_kind == "blocking":
            self.driver = Driver(self.bound_store, self.send, ui=Person(), sleep=self.sleep)
        else:
            send = lambda _loop, request: self.send(request)  # noqa: E731 - the loop is of no interest here
            self.driver = AsyncDriver(
                self.bound_store, send, ui=Person(), sleep=self.asleep, sleep_in_thread=self.sleep
            )
        self.lives += 1

    def sees_alive(self, sender):
        """Half of the programs can see each other's processes."""
        there = [other for other in self.world.programs if other.name == sender.host and other.lives == sender.pid]
        return bool(there) and there[0] is not self and there[0].driver_kind == self.driver_kind

    def forget_the_last_call(self):
        self.latest = float("-inf")
        self.newer_at_reply = self.full_at_some_time = self.cancelled = self.heard_refusal = False
        self.seen, self.seen_rejected = None, False

    # ---------------------------------------------------------------- calls
    @property
    def wall(self):
        return self.world.server.now + self.offset

    def read_clock(self):
        self.latest = max(self.latest, self.wall)
        return self.wall

    @property
    def busy(self):
        return self.hand is not None

    @property
    def may_resend(self):
        return self.kind == "force" or self.lost_reply == "resend"

    def call(self, kind, **how):
        calls = {
            "token": lambda: get_token(self.context, **how),
            "refused": lambda: get_token(self.context, **how),
            "refresh": lambda: refresh(self.context, **how),
            "force": lambda: refresh(self.context, resend=True, **how),
            "sign in": lambda: login_paste(self.context),
            "sign out": lambda: log_out(self.context),
        }
        self.forget_the_last_call()
        self.kind, self.ended, self.outcome = kind, None, None
        self.at, self.done = "start", True
        flow = calls[kind]()
        if self.driver_kind == "blocking":
            self.hand = ThreadHand(lambda: self.run(flow))
        else:
            self.hand = LoopHand(lambda: self.arun(flow))
        self.hand.start()
        return self

    def run(self, flow):
        try:
            self.outcome = (self.driver.run(flow), None)
        except BaseException as error:  # noqa: BLE001 - looked at by `end`
            self.outcome = (None, error)

    async def arun(self, flow):
        try:
            self.outcome = (await self.driver.run(flow), None)
        except BaseException as error:  # noqa: BLE001 - looked at by `end`
            self.outcome = (None, error)

    def go(self, steps=1000):
        """Go on for some steps, or until the call ends or waits for the lock."""
        for _ in range(steps):
            if not self.busy:
                break
            self.steps += 1
            self.hand.step()
            if self.hand.over:
                self.end()
            elif self.at == "wait":
                break
        return self

    def crash(self):
        """Be killed: nothing is told to anybody, memory is lost; a lease stays until its time is over."""
        if self.busy:
            self.world.tally[f"killed at {self.at}"] += 1
            self.world.tolerate()
            if self.world.holder is self:
                self.world.holder = object() if self.world.leases else None
            self.hand.kill()
        self.lose()
        self.let_go_of_memory()
        self.start_anew()

    def let_go_of_memory(self):
        unsaved_tokens.held.pop((self.bound_store.store.identity, LOGIN), None)

    def lose(self):
        """Lose a pair that was issued and not saved: no one can have it any more."""
        if self.unsaved is not None:
            self.world.excuse(self.unsaved)
            self.unsaved = None

    def cancel(self):
        """Cancel an async call, where it stands."""
        self.cancelled = True
        self.hand.cancel()
        if self.hand.over:
            self.end()

    # ---------------------------------------------------------------- acts
    def perform(self, act):
        try:
            while True:
                next(act)
                self.hand.pause()
        except StopIteration as end:
            return end.value
        finally:
            act.close()

    def act(self, name, work):
        """Do one thing in the world; the call can be stopped before it, and before it hears the answer."""
        if self.hand.killed:
            raise Killed
        self.at, self.done = name, False
        yield
        try:
            answer = work()
        except StoreFailed:
            if name == "cancel":
                self.world.tolerate()
            self.full_at_some_time = self.done = True
            yield
            raise
        self.done = True
        yield
        return answer

    def load(self):
        record = yield from self.act("load", lambda: self.world.record)
        self.seen, self.seen_rejected = record.token, record.rejected_at is not None
        return record

    def load_app(self):
        return self.act("load", lambda: Record(probe=self.world.probe))

    def apply(self, change):
        works = {
            BeginRefresh: ("begin", self.world.begin),
            CancelRefresh: ("cancel", self.world.cancel),
            SaveToken: ("save", self.world.save),
            SetRefreshable: ("mark", self.world.mark),
            DeleteToken: ("forget", self.world.forget),
            SwapProbe: ("note", self.world.set_probe),
        }
        name, work = works.get(type(change), ("note", self.world.note))
        return self.act(name, lambda: work(self, change))

    def check(self):
        return self.act("check", lambda: self.world.write(self.world.record))

    def take(self, timeout):
        """Take the lock; an answer that is heard late is worth nothing, as a lease may be over by then."""
        until = self.world.steady + timeout
        while True:
            if self.hand.killed:
                raise Killed
            asked_at, held = self.world.steady, self.world.take(self)
            if not held and self.world.steady < until:
                self.at, self.done = "wait", False
                yield
                continue
            self.at, self.done = "lock", True
            try:
                yield
            except GeneratorExit:
                self.let_go(held)
                raise
            if not held or not self.world.leases or self.world.steady - asked_at < LEASE_GRANT_MAX_AGE:
                return held

    def let_go(self, held):
        if held:
            self.world.release(self)

    def send(self, request):
        return self.perform(self.sending(request))

    def sending(self, request):
        """No time passes between the last thought and the first byte."""
        if self.hand.killed:
            raise Killed
        self.request_under_way = self.world.send(self, request)
        self.at, self.done = "send", True
        yield
        request_under_way, self.request_under_way = self.request_under_way, None
        if request_under_way.fate == CANNOT_BE_SENT:
            if request_under_way.sending is not None:
                request_under_way.sending.unspent = True
            raise TryLater("No thread is to be had; nothing was sent")
        return self.world.receive(self, request_under_way)

    def sleep(self, seconds):
        return self.perform(self.act("sleep", lambda: self.world.pass_by(seconds)))

    async def asleep(self, seconds):
        self.sleep(seconds)

    # ---------------------------------------------------------------- the end of a call
    def end(self):
        (value, error), self.hand, self.at = self.outcome or (None, asyncio.CancelledError()), None, None
        must(self.world.holder is not self, "no lock outlives its call")
        held = self.bound_store._find_unsaved()
        self.keeps = held is not None
        if held is not None:
            self.world.hold(held.token)
        self.ended = error if error is not None else value
        if isinstance(error, asyncio.CancelledError):
            must(self.cancelled, "only who is cancelled ends so")
            return
        if error is not None and not isinstance(error, TraktAuthError):
            raise error
        if error is None and self.kind != "sign out":
            must(value.access_token in self.world.saved, "a pair is saved before it is used")
            must(self.kind != "refused" or value.access_token != self.token, "a refused token is not served again")
            self.token = value.access_token
        if error is not None:
            must(error.hint, f"every error says what to do: {error!r}")
        if isinstance(error, LoginRequired | TryLater):
            self.check_that_nothing_was_better(error)
        if isinstance(error, LoginRequired) and error.reason == "reply-lost" and self.lost_reply != "sign-in":
            stored = self.seen is not None and self.seen.refresh_token in self.world.refused  # by another call
            must(self.heard_refusal or stored, "only a definite refusal of the refresh token ends a login")

    def check_that_nothing_was_better(self, error):
        if self.full_at_some_time or self.world.record.token is None:
            return
        must(not self.newer_at_reply, "the loser of a race uses the winner's token")
        if self.kind == "token" and self.seen is not None:
            over = self.seen.expires_at <= self.latest or self.seen_rejected
            must(over, f"a living token is served, come what may: {error!r}")
