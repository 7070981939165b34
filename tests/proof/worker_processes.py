"""Worker processes of one login, at a server behind a proxy that keeps a record of every refresh."""

from __future__ import annotations

import json
import random
import select
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from support.recording_proxy import RecordingProxy
from support.wire import query
from traktauth import App, Trakt
from traktauth.models import LoginKey
from traktauth.stores.open import open_store

ROUNDS = 20
WEEK = 7 * 86400
WORKER = Path(__file__).with_name("worker.py")


@dataclass
class Exchange:
    """One refresh as the proxy saw it: when it had come, when its answer was given to its sender (None: never)."""

    asked: float
    answered: float | None = None
    status: int | None = None


class RefreshProxy(RecordingProxy):
    """A proxy that holds each answer to a refresh back for a while, and writes down when what went through it."""

    def __init__(self, upstream, *, holds=0.0, arrived=None):
        super().__init__(upstream)
        self.holds, self.arrived = holds, arrived
        self.exchanges: list[Exchange] = []

    def _serve(self, near):
        return super()._serve(Watched(near))

    def _take(self, seen):
        fate = super()._take(seen)
        if seen.grant != "refresh_token":
            return fate
        self.exchanges.append(Exchange(time.time()))
        _here.exchange = self.exchanges[-1]  # of this connection, which has a thread of its own
        if self.arrived is not None:
            self.arrived(self.exchanges[-1])
        return random.uniform(0, self.holds) if fate == 0.0 else fate


_here = threading.local()


class Watched:
    """A socket that notes when the answer to a refresh has been handed to the system."""

    def __init__(self, near):
        self._near = near

    def __getattr__(self, name):
        return getattr(self._near, name)

    def sendall(self, content):
        exchange = getattr(_here, "exchange", None)
        if exchange is not None:
            exchange.status = int(content[9:12])
        self._near.sendall(content)
        if exchange is not None:
            exchange.answered, _here.exchange = time.time(), None


class WorkerProcesses:
    """Some workers, started and started again.

    Args:
        service: where they send to.
        app: with `client_id`, `client_secret` and `redirect_uri`.
        store: where the login rests.
    """

    def __init__(self, service, app, store, **how):
        self.service, self.app, self.store, self.how = service, app, store, how
        self.key = LoginKey(service, app.client_id, "default")
        self.processes = []

    def start(self, kind="blocking", *, prefix=(), **how):
        """Start one; `prefix` is what runs it. It is ready when `ready` says so."""
        asked = {"kind": kind, "store": self.store, "service": self.service, **self.how, **how}
        asked["app"] = [self.app.client_id, self.app.client_secret, self.app.redirect_uri]
        command = [*prefix, sys.executable, str(WORKER), json.dumps(asked)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.processes.append(process)
        return process

    def close(self):
        for process in self.processes:
            self.end(process)

    def end(self, process):
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()

    def record(self):
        with closing(open_store(self.store)) as store:
            return store.load(self.key)

    def sign_in(self, land):
        """Sign in by pasting the code that `land(address)`, the user's browser, ends at."""
        app = App(self.app.client_id, client_secret=self.app.client_secret, redirect_uri=self.app.redirect_uri)
        with Trakt(app, service=self.service, store=self.store) as trakt:
            return trakt.login("paste", prompt=lambda step: query(land(step.url))["code"])


def ready(*processes):
    for process in processes:
        assert "ready" in hear(process)


def ask(process, question="token"):
    process.stdin.write(f"{question}\n")
    process.stdin.flush()


def hear(process, within=60.0):
    """Return its next answer; None where the process is gone."""
    readable, _, _ = select.select([process.stdout], [], [], within)
    assert readable, "a worker answers nothing"
    line = process.stdout.readline()
    return json.loads(line) if line else None


def refresh_in_rounds(workers, proxy, engine, offsets=None):
    """Let all of them ask at once for a token that has just ended, and again when its successor has.

    Args:
        workers: which are ready, and whose login has been renewed by no one.
        proxy: through which all of them send.
        engine: whose tokens live a week.
        offsets: seconds by which the clock of each is wrong.
    """
    offsets = offsets or [0.0] * len(workers)
    for done in range(1, ROUNDS + 1):
        for worker, offset in zip(workers, offsets, strict=True):
            ask(worker, f"at {done * (WEEK + 1000) + offset}")
        answers = [hear(worker) for worker in workers]
        assert {answer.get("generation") for answer in answers} == {done + 1}, answers
        assert len(proxy.exchanges) == done
        (access,) = {answer["access"] for answer in answers}
        assert engine.alive(access)
