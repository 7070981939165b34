"""Two ways to hold a running call still: a thread that waits for its turn, and a task that does.

The drivers inside are the real ones. Whatever they do outside — a store's verb, a sending, a sleep — is an *act*, a
generator that yields wherever its call can be stopped, killed, or left alone while others go on.
"""

from __future__ import annotations

import asyncio
import threading


class Killed(BaseException):
    """The process ends here; what the call still does on its way out, no one outside can see."""


class ThreadHand:
    """Holds one call of a blocking driver."""

    def __init__(self, work):
        self.killed = self.over = False
        self._turn, self._rest = threading.Lock(), threading.Lock()
        self._turn.acquire()
        self._rest.acquire()
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)

    def start(self):
        """Begin the call, which stops before it does anything."""
        self._thread.start()
        self._rest.acquire()

    def _run(self, work):
        try:
            self.pause()
            work()
        except Killed:
            return
        finally:
            self.over = True
            self._rest.release()

    def pause(self):
        """Wait for the next turn; called by the call itself, in whatever thread it has come to."""
        if not self.killed:
            self._rest.release()
            self._turn.acquire()
        if self.killed:
            raise Killed

    def step(self):
        self._turn.release()
        self._rest.acquire()

    def kill(self):
        self.killed = True
        self.step()
        self._thread.join()


class TaskHand:
    """Holds one call of an async driver."""

    def __init__(self, loop, work):
        self.killed = False
        self._loop, self._work = loop, work
        self._gate = self._task = None

    def start(self):
        self._rested = self._loop.create_future()
        self._task = self._loop.create_task(self._run())
        self._task.add_done_callback(self._rest)
        self._loop.run_until_complete(self._rested)

    async def _run(self):
        try:
            await self.pause()
            await self._work()
        except (Killed, asyncio.CancelledError):
            return

    @property
    def over(self):
        return self._task.done()

    def _rest(self, _task=None):
        if not self._rested.done():
            self._rested.set_result(None)

    async def pause(self):
        if not self.killed:
            gate = self._gate = self._loop.create_future()
            self._rest()
            await gate
        if self.killed:
            raise Killed

    def step(self):
        self._rested = self._loop.create_future()
        self._gate.set_result(None)
        self._loop.run_until_complete(self._rested)

    def kill(self):
        self.killed = True
        self.step()

    def cancel(self):
        """Cancel the task, and let it come to rest: at its end, or where it was if it is shielded."""
        self._task.cancel()
        self._loop.run_until_complete(self._settle())

    async def _settle(self):
        for _ in range(12):  # more than callbacks lie between any two futures of one call
            await asyncio.sleep(0)
