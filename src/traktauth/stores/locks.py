"""A lock between processes: a file beside the store that is locked and never deleted.

The system releases it when its holder dies, however that happens.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.02
_OPEN = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)

# Lock files that this process holds open. A forked child shares their locks without knowing, so it lets go of them.
_open_files: set[int] = set()


@contextmanager
def locked(path: str, patience: float) -> Generator[bool]:
    """Hold the lock; the value is False where somebody else held it for `patience` seconds.

    Raises:
        OSError: the file cannot be made or locked.
    """
    descriptor = os.open(path, _OPEN, 0o600)
    _open_files.add(descriptor)
    try:
        held = _acquire(descriptor, patience)
        try:
            yield held
        finally:
            if held:
                _release(descriptor)
    finally:
        if descriptor in _open_files:  # in a forked child it is closed already
            _open_files.discard(descriptor)
            os.close(descriptor)


def _acquire(descriptor: int, patience: float) -> bool:
    until = time.monotonic() + patience
    pause = _FIRST_PAUSE
    while not _try(descriptor):
        left = until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    return True


if sys.platform == "win32":  # pragma: no cover - written for Windows, untested
    import msvcrt

    def _try(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _release(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _release(descriptor: int) -> None:
        if descriptor in _open_files:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _let_go() -> None:
        for descriptor in _open_files:
            os.close(descriptor)
        _open_files.clear()

    os.register_at_fork(after_in_child=_let_go)
