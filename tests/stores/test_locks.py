"""The lock between processes, and what becomes of it when one forks or dies."""

from __future__ import annotations

import errno
import os
import threading

import pytest

from stores.children import fork, in_child
from traktauth.stores import locks
from traktauth.stores.locks import locked


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "lock")


def try_lock(path):
    with locked(path, 0.0) as held:
        return held


def open_files():
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - no path in the file system


def test_another_process_is_kept_out_and_let_in_again(path):
    with locked(path, 0.0) as held:
        assert held
        assert not in_child(lambda: try_lock(path))
    assert in_child(lambda: try_lock(path))


def test_the_lock_file_is_never_deleted(path):
    with locked(path, 0.0):
        before = os.stat(path).st_ino  # noqa: PTH116 - the inode is the claim
    with locked(path, 0.0):
        pass
    assert os.stat(path).st_ino == before  # noqa: PTH116 - the same


def test_a_dead_holder_holds_nothing(path):
    reading, writing = os.pipe()
    child = fork()
    if child == 0:
        with locked(path, 0.0):
            os.write(writing, b"!")
            threading.Event().wait()
    os.read(reading, 1)
    assert not try_lock(path)
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert try_lock(path)
    os.close(reading)
    os.close(writing)


def test_a_forked_child_neither_holds_nor_releases_its_parents_lock(path):
    """It shares the open file without knowing, so it lets go of it, and the parent's end frees the lock."""
    reading, writing = os.pipe()
    with locked(path, 0.0):
        child = fork()
        if child == 0:
            os.close(writing)
            os.write(1, b"")
            os.read(reading, 1)  # lives on until the parent is done
            os._exit(0)
        assert not in_child(lambda: try_lock(path))
    assert in_child(lambda: try_lock(path))
    os.close(writing)
    os.close(reading)
    os.waitpid(child, 0)


def test_a_child_that_leaves_its_parents_block_leaves_the_parents_lock(path):
    with locked(path, 0.0):
        child = fork()
        if child == 0:
            try:
                raise SystemExit
            finally:
                with locked(path, 0.0) as held:
                    os._exit(1 if held else 0)
        _, status = os.waitpid(child, 0)
        assert os.WEXITSTATUS(status) == 0
        assert not in_child(lambda: try_lock(path))


def test_a_child_that_ends_its_parents_block_closes_no_file_of_its_own(path):
    lock = locked(path, 0.0)
    lock.__enter__()

    def leave():
        descriptor = os.open(os.devnull, os.O_RDONLY)  # takes the number that the lock file had
        lock.__exit__(None, None, None)
        os.fstat(descriptor)
        return True

    assert in_child(leave)
    assert not try_lock(path)
    lock.__exit__(None, None, None)
    assert try_lock(path)


def test_no_file_is_left_open(path):
    before = open_files()
    for _ in range(5):
        with locked(path, 0.0), locked(path, 0.0) as held:
            assert not held
    with pytest.raises(KeyError), locked(path, 0.0):
        raise KeyError
    assert open_files() == before
    assert locks._open_files == set()


def test_what_the_system_says_of_a_lock_goes_on(path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    before = open_files()
    monkeypatch.setattr(locks.fcntl, "flock", flock)
    with pytest.raises(OSError, match="No locks available"), locked(path, 0.0):
        pytest.fail("held")
    assert open_files() == before


def test_a_link_in_the_place_of_a_lock_file_is_refused(path, tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), locked(path, 0.0):
        pytest.fail("held")
    assert not (tmp_path / "elsewhere").exists()
