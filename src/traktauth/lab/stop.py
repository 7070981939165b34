"""The end of a lab that is interrupted: its programs are ended, and nothing more is started."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Sequence

from traktauth.sandbox.command_process import CommandProcess


class Stopped(Exception):
    """The lab has been interrupted, and starts nothing more."""


class Stop:
    """Ends the programs of all worlds at once, from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[CommandProcess] = set()
        self._is_set = False

    def set(self) -> None:
        """End what runs, and let nothing be started any more."""
        with self._lock:
            self._is_set = True
            for process in self._running:
                process.kill()

    @contextlib.contextmanager
    def ends(self, processes: Sequence[CommandProcess]) -> Generator[None, None, None]:
        """Let `set` end these started processes, within its `with`.

        Raises:
            Stopped: `set` was called before.
        """
        with self._lock:
            if self._is_set:
                raise Stopped
            self._running.update(processes)
        try:
            yield
        finally:
            with self._lock:
                self._running.difference_update(processes)
