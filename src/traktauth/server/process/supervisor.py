"""Several worker processes on one socket, and their supervisor.

Workers are forked before an event loop runs or a connection is open, so each starts with everything already loaded. A
worker that exits is replaced; when the supervisor exits, even by SIGKILL, the workers exit too.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
import traceback
from typing import TYPE_CHECKING, NamedTuple

from traktauth.server.process import http_server

if TYPE_CHECKING:
    from collections.abc import Callable

    Serve = Callable[["WorkerContext"], None]

ENDING = (signal.SIGINT, signal.SIGTERM)
WATCHED = (*ENDING, signal.SIGCHLD)
GRACE_SECONDS = http_server.GRACE_SECONDS + 5.0
"""For workers to let their answers leave; then they are killed."""
RESTART_SECONDS = 1.0
"""Before a worker that has not lived as long is replaced."""


class WorkerContext(NamedTuple):
    """What a worker is given.

    Attributes:
        number: which of the workers it is or replaces, from 0.
        started: to be called once it accepts connections.
        parent_pipe: a file that can be read, to its end, once the process that looks after the workers is gone.
    """

    number: int
    started: Callable[[], None]
    parent_pipe: int


class WorkerProcess(NamedTuple):
    """A worker's process, and since when it runs."""

    pid: int
    since: float


class Supervisor:
    """The workers, from `run` to its end."""

    def __init__(self, count: int, serve: Serve) -> None:
        self._serve = serve
        self._alive: dict[int, WorkerProcess] = {}
        self._due = dict.fromkeys(range(count), 0.0)
        self._started, self._tell_started = os.pipe()
        self._life, self._end_of_life = os.pipe()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)

    def run(self, ready: Callable[[], None]) -> None:
        """Keep all workers running until SIGINT or SIGTERM; *ready* is called once, when all accept connections.

        Raises:
            RuntimeError: a worker ended before that.
        """
        before = {number: signal.signal(number, _wake_selector) for number in WATCHED}
        signal.set_wakeup_fd(self._wake)
        try:
            self._watch(ready)
        finally:
            self._stop()
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            for file in (self._started, self._tell_started, self._life, self._end_of_life, self._woken, self._wake):
                os.close(file)

    def _watch(self, ready: Callable[[], None]) -> None:
        missing = len(self._due)
        with selectors.DefaultSelector() as selector:
            selector.register(self._started, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                self._start_due()
                for key, _ in selector.select(RESTART_SECONDS if self._due else None):
                    content = os.read(key.fd, 1024)
                    if key.fd == self._woken and not set(content).isdisjoint(ENDING):
                        return
                    if key.fd == self._started and missing > 0:
                        missing -= len(content)
                        if missing <= 0:
                            ready()
                if self._reap() and missing > 0:
                    raise RuntimeError("a worker ended before it accepted connections")

    def _start_due(self) -> None:
        """Start the workers that are due."""
        for number, due in list(self._due.items()):
            if due <= time.monotonic():
                del self._due[number]
                self._alive[number] = WorkerProcess(self._fork(number), time.monotonic())

    def _reap(self) -> list[int]:
        """Note which workers have ended, and when to replace them."""
        gone = [number for number, worker in self._alive.items() if os.waitpid(worker.pid, os.WNOHANG)[0]]
        for number in gone:
            now, since = time.monotonic(), self._alive.pop(number).since
            self._due[number] = now if now - since > RESTART_SECONDS else now + RESTART_SECONDS
        return gone

    def _fork(self, number: int) -> int:
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)  # a signal must not come to a worker that would ignore it
        pid = os.fork()
        if pid == 0:
            self._run_worker(number)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        return pid

    def _run_worker(self, number: int) -> None:
        """Run the worker in the child process; never return."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for one in WATCHED:
                signal.signal(one, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
            for file in (self._started, self._end_of_life, self._woken, self._wake):
                os.close(file)
            self._serve(WorkerContext(number, self._tell, self._life))
            code = 0
        except BaseException:  # noqa: BLE001 - nothing of this process may go on where its parent does
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _tell(self) -> None:
        os.write(self._tell_started, b".")

    def _stop(self) -> None:
        """End all workers; those that do not end in time are killed."""
        for worker in self._alive.values():
            os.kill(worker.pid, signal.SIGTERM)
        until = time.monotonic() + GRACE_SECONDS
        while self._alive and time.monotonic() < until:
            if not self._reap():
                time.sleep(0.01)
        for worker in self._alive.values():
            os.kill(worker.pid, signal.SIGKILL)
            os.waitpid(worker.pid, 0)


def _wake_selector(number: int, frame: object) -> None:
    """Wake the selector through the wakeup descriptor; do nothing else."""
