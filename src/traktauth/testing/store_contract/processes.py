"""What a store does for several processes of one machine."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from traktauth.testing.store_contract.base import LOGIN, Place, pair, signed_in
from traktauth.timeouts import LEASE

IN_TIME = 60.0  # seconds for what never ends, which no busy machine reaches
_MORE = 30.0  # seconds beyond a whole lease


class ProcessContract(Place):
    """Records and locks of a place that several processes use at once. It needs `os.fork`, so not on Windows.

    Attributes:
        shared_by_processes: False for a store that lives in one process, as `memory:` does; nothing is tried then.
    """

    shared_by_processes = True

    def test_what_one_process_saves_another_one_reads(self, tmp_path: Path) -> None:
        """A record is at the place, and not in the memory of a process."""
        if not self._can_fork():
            return
        with _child(lambda: _save(self, tmp_path)) as answer:
            assert answer(), "the other process has saved a token"
            assert self.open_store(tmp_path).load(LOGIN).token == pair(1), (
                "a token that another process saved is not there: the records must be kept outside of the process, "
                "where every process that opens this place finds them"
            )

    def test_the_lock_excludes_another_process(self, tmp_path: Path) -> None:
        """Two processes never hold it at once."""
        if not self._can_fork():
            return
        with _child(lambda: _hold(self, tmp_path)) as answer:
            assert answer(), "a free lock is given at once"
            with self.open_store(tmp_path).lock(LOGIN, 0.0) as held:
                assert not held, (
                    "another process holds the lock, and it was given a second time: the lock must exclude every "
                    "process that opens this place (a lock file, a lease in the database), and not only threads of one "
                    "process"
                )

    def test_the_lock_of_a_killed_process_is_free_again(self, tmp_path: Path) -> None:
        """SIGKILL, or a machine that loses its power, leaves no login locked for good."""
        if not self._can_fork():
            return
        with _child(lambda: _hold(self, tmp_path)) as answer:
            assert answer(), "a free lock is given at once"
        with self.open_store(tmp_path).lock(LOGIN, LEASE + _MORE) as held:
            assert held, (
                f"the process that held the lock was killed, and after {LEASE + _MORE:.0f} s the lock is still held: "
                f"it must end with its holder (a lock of the system), or after {LEASE:.0f} s (a lease)"
            )

    def _can_fork(self) -> bool:
        return self.shared_by_processes and hasattr(os, "fork")


def _save(place: Place, path: Path) -> Generator[bool]:
    signed_in(place.open_store(path))
    yield True


def _hold(place: Place, path: Path) -> Generator[bool]:
    with place.open_store(path).lock(LOGIN, 0.0) as held:
        yield held


@contextmanager
def _child(work: Callable[[], Generator[bool]]) -> Generator[Callable[[], bool]]:
    """Run `work` in a forked process up to its `yield`; the process is killed there in the end."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of other threads: the child calls the store alone
        pid = os.fork()
    if not pid:
        try:
            for answer in work():
                os.write(writer, b"1" if answer else b"0")
                time.sleep(IN_TIME + LEASE + _MORE)
        except BaseException:  # noqa: BLE001 - reported here, as nothing may go on in this copy of the tests
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(1)

    def wait() -> bool:
        ready = select.select([reader], [], [], IN_TIME)[0]
        assert ready, f"another process could not use the store within {IN_TIME:.0f} s"
        answer = os.read(reader, 1)
        assert answer, "another process could not use the store: its traceback is on stderr"
        return answer == b"1"

    try:
        os.close(writer)
        yield wait
    finally:
        os.close(reader)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
