"""Rounds in which random processes of one login are killed while they renew it, at an engine that forgives nothing."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter

from proof.worker_processes import RefreshProxy, WorkerProcesses, ask, hear, ready

PROCESSES = 8
LIFE = 3  # seconds, of an access token
HOLDS = 0.6  # seconds for which the proxy holds answers back, at most
SETTLES = 60.0  # seconds within which everybody has a token again, or knows that it does not exist


class KillRounds:
    """Eight processes at a better-auth whose access tokens live for three seconds.

    `tally` counts; `lost` describes each login that was lost in no known way.
    """

    def __init__(self, engine, store, chance):
        self.engine, self.chance = engine, chance
        self.proxy = RefreshProxy(engine.base, holds=HOLDS).__enter__()
        self.group = WorkerProcesses(self.proxy.base, engine.app, store)
        self.tally = Counter()
        self.lost = []
        self.sign_in()
        self.workers = [self.group.start(self.kind()) for _ in range(PROCESSES)]
        self.spares = [self.group.start(self.kind()) for _ in range(3)]
        ready(*self.workers)

    def kind(self):
        return self.chance.choice(["blocking", "async"])

    def close(self):
        self.group.close()
        self.proxy.__exit__()

    def sign_in(self):
        self.group.sign_in(lambda url: self.engine.land(url.replace(self.proxy.base, self.engine.base)))

    # ---------------------------------------------------------------- a round
    def round(self):
        """Kill in or near one refresh; see that no one is worse off than the protocol makes him."""
        self.tally["rounds"] += 1
        self.proxy.exchanges.clear()
        old = self.group.record()
        # In the advisory window: one of them renews, the others are served.
        time.sleep(max(0.0, old.token.expires_at - LIFE * 0.08 - time.time()))
        for worker in self.workers:
            ask(worker)
        killed_at, victims, sender = self.kill(old.token.expires_at)
        self.bury(victims)
        answers = self.settle(old)
        self.judge(old, answers, killed_at, victims, sender)

    def kill(self, end):
        """Kill one to three at any time around the refresh, or take aim at who is sending."""
        if self.chance.random() < 0.7:
            until = time.monotonic() + 5.0
            while not self.proxy.exchanges and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(self.chance.uniform(0, HOLDS / 2))
            aim = [worker for worker in self.workers if worker.pid == self.sender()]
            victims = aim or [self.chance.choice(self.workers)]
        else:
            time.sleep(max(0.0, end - LIFE * 0.1 + self.chance.uniform(0, HOLDS) - time.time()))
            victims = self.chance.sample(self.workers, self.chance.randint(1, 3))
        killed_at = time.time()
        for victim in victims:
            os.kill(victim.pid, signal.SIGKILL)
        for victim in victims:
            victim.wait()
        self.tally["kills"] += len(victims)
        return killed_at, victims, self.sender()

    def sender(self):
        """The process whose refresh is open, by the store."""
        pending_refresh = self.group.record().pending_refresh
        return pending_refresh.sender.pid if pending_refresh else None

    def bury(self, victims):
        for victim in victims:
            self.group.end(victim)
            self.group.processes.remove(victim)
        self.workers = [worker for worker in self.workers if worker not in victims]
        for worker in self.workers:
            hear(worker)  # to what it was asked before
        for _ in victims:
            ready(self.spares[0])
            self.workers.append(self.spares.pop(0))
            self.spares.append(self.group.start(self.kind()))

    def settle(self, old):
        """Ask everybody until each has a newer token, or has learned that a sign-in is needed."""
        until = time.monotonic() + SETTLES
        while True:
            for worker in self.workers:
                ask(worker)
            answers = [hear(worker) for worker in self.workers]
            newer = all(answer.get("generation", 0) > old.generation for answer in answers)
            if newer or all(answer.get("error") == "LoginRequired" for answer in answers):
                return answers
            if time.monotonic() > until:
                self.lost.append(f"no one knows: {answers}")
                return answers
            time.sleep(0.05)

    def judge(self, old, answers, killed_at, victims, sender):
        exchanges = self.proxy.exchanges
        self.tally["refreshes"] += len(exchanges)
        hit = sender in [victim.pid for victim in victims]
        if hit:
            self.tally["a sender was killed between begin and save"] += 1
        if "error" not in answers[0]:
            self.check_that_it_lives()
            if len(exchanges) == 3 and {answer["generation"] for answer in answers} == {old.generation + 1}:
                self.tally["sent again after a probe, and renewed"] += 1
            return
        first = exchanges[0] if exchanges else None
        if first is not None and hit and first.asked <= killed_at and (first.answered or killed_at) >= killed_at:
            self.tally["lost: the response was on its way at the kill"] += 1
        elif first is not None and hit and first.answered is not None:
            self.tally["lost: the response had arrived and was not saved yet"] += 1
        else:
            self.lost.append(f"{answers[0]}; {exchanges}; killed at {killed_at}; sender {sender}, {victims}")
        self.check_what_was_done(old, answers, exchanges)
        self.sign_in()

    def check_that_it_lives(self):
        ask(self.workers[0])
        answer = hear(self.workers[0])
        alive = "access" in answer and self.engine.alive(answer["access"])
        if not alive and answer.get("end", 0.0) > time.time() + 0.2:  # by the engine's whole seconds
            self.lost.append(f"a dead token was served: {answer} at {time.time()}; {self.proxy.exchanges}")

    def check_what_was_done(self, old, answers, exchanges):
        """As the page of faults has it: the old token to its end, then a probe and one more sending, then a sign-in."""
        as_told = (
            len(exchanges) == 3
            and exchanges[1].asked >= old.token.expires_at
            and all("response was lost" in answer["says"] for answer in answers)
        )
        if not as_told:
            self.lost.append(f"handled otherwise than told: {answers}; {exchanges}; end {old.token.expires_at}")
        self.tally["handled as told"] += as_told


def summary(killing):
    counted = ", ".join(f"{count} {what}" for what, count in sorted(killing.tally.items()))
    return f"{counted}; {len(killing.lost)} lost otherwise"
