"""Locks between processes: of a login, and of a write. A file beside the store is locked.

The system releases it when its holder dies, however that happens. Lock files stay. Another program may remove one, as
when it restores a folder from a backup, so a lock counts only if its file is still the one at its path.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import get_ident  # `threading` costs a start-up
from collections.abc import Generator
from contextlib import contextmanager, suppress

from traktauth.errors import StoreFailed
from traktauth.private_files import CLOEXEC, NOFOLLOW, PRIVATE, check_own_file

WRITE_TIMEOUT = 30.0
"""Seconds that a write waits for another program's; a write takes milliseconds, but several seconds on a slow disk."""
_FIRST_PAUSE = 0.001
_MAX_PAUSE = 0.02
_OPEN = os.O_RDWR | os.O_CREAT | CLOEXEC | NOFOLLOW

# Lock files that this process holds open. A forked child shares their locks without knowing, so it lets go of them.
_open_files: set[int] = set()
# Those of them that are locked: the path, and the thread that locked it.
_holders: dict[int, tuple[str, int]] = {}


@contextmanager
def locked(path: str, timeout: float) -> Generator[bool]:
    """Hold the lock; the value is False if another holder kept it for `timeout` seconds.

    Args:
        path: of the lock file; created if it is missing.
        timeout: the longest wait, in seconds.

    Raises:
        OSError: the file cannot be made or locked; UnsafeFile if another user owns it.
    """
    opened: list[int] = []
    try:
        held = _acquire(path, opened, time.monotonic() + timeout)
        if held:
            _holders[opened[0]] = path, get_ident()
        yield held
    finally:
        try:
            _close(opened)
        finally:
            _close(opened)  # again, as a signal may come in the middle of it


@contextmanager
def write_lock(path: str, shown: str) -> Generator[None]:
    """Hold the lock that every write of a file takes.

    Args:
        path: of the file, links resolved; the lock file is beside it.
        shown: the file's path as the user gave it.

    Raises:
        OSError: the lock file cannot be made or locked.
        StoreFailed: another program, or the code that a signal handler interrupted, holds it.
    """
    lock = f"{path}.lock"
    if (lock, get_ident()) in _holders.values():  # a signal handler that waited for it would wait for itself
        raise StoreFailed(
            f"{shown} is being written by the code that this signal handler interrupted",
            hint="Let the handler only set a flag, and use the store after it has returned",
        )
    with locked(lock, WRITE_TIMEOUT) as held:
        if not held:
            raise StoreFailed(f"{shown} is being written by another program")
        yield


def _acquire(path: str, opened: list[int], until: float) -> bool:
    """Lock the file that is at the path now, and leave its descriptor in `opened`."""
    pause = _FIRST_PAUSE
    while True:
        if not opened:
            opened.append(_open(path))
            _open_files.add(opened[0])
        if _try(opened[0]):
            if _is_at(path, opened[0]):
                return True
            _close(opened)  # it was removed while we waited
            continue
        left = until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _MAX_PAUSE)


def _open(path: str) -> int:
    try:
        descriptor = os.open(path, _OPEN, PRIVATE)
    except PermissionError:
        with suppress(FileNotFoundError):
            check_own_file(path, os.lstat(path))
        raise
    try:
        check_own_file(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_at(path: str, descriptor: int) -> bool:
    """Return whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _close(opened: list[int]) -> None:
    """Close the file, and with it release the lock."""
    if opened:
        descriptor = opened[0]
        if descriptor in _open_files:
            with suppress(OSError):  # closing it does the same
                _release(descriptor)
            _open_files.discard(descriptor)
            _holders.pop(descriptor, None)
            os.close(descriptor)
        opened.clear()


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
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _let_go() -> None:
        for descriptor in _open_files:
            os.close(descriptor)
        _open_files.clear()
        _holders.clear()

    os.register_at_fork(after_in_child=_let_go)
