"""A running call that is held still: in a thread that waits for its turn, and in an event loop in such a thread.

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


class LoopHand(ThreadHand):
    """Holds one call of an async driver, which runs in an event loop in a thread."""

    def __init__(self, work):
        super().__init__(lambda: asyncio.run(self._run_task(work)))

        self._loop = None
        self._is_cancelled = False

    async def _run_task(self, work):
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._is_cancelled:
            self._task.cancel()
        await work()

    def cancel(self):
        """Cancel the task, and let it come to rest: at its end, or where it was if it waits for a thread."""
        self._is_cancelled = True
        if self._loop is None:
            return
        seen = threading.Event()

        async def settle():
            self._task.cancel()
            for _ in range(12):  # more than callbacks lie between any two futures of one call
                await asyncio.sleep(0)
            seen.set()

        asyncio.run_coroutine_threadsafe(settle(), self._loop)
        while not seen.wait(0.001) and not self.over:
            pass
        if self.over:  # what a thread does for it is of no interest any more
            self._rest.acquire()
            self.killed = True
            self._turn.release()
