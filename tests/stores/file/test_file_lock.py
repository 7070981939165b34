"""The lock between processes, and what becomes of it when one forks or dies."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

import pytest

from stores.children import fork, in_child
from traktauth.private_files import UnsafeFile
from traktauth.stores.file import file_lock
from traktauth.stores.file.file_lock import locked


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "lock")


def try_lock(path):
    with locked(path, 0.0) as held:
        return held


def open_files():
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - no path in the file system


def test_a_waiter_whose_lock_file_was_removed_locks_the_new_one(path):
    """A lock on a file that has no name any more would keep no other process out."""
    events = []

    def wait():
        with locked(path, 10.0) as held:
            events.append(held)
            events.append(try_lock(path))

    with locked(path, 0.0):
        waiter = threading.Thread(target=wait)
        waiter.start()
        while len(file_lock._open_files) < 2:
            time.sleep(0.001)
        Path(path).unlink()
    waiter.join()
    assert events == [True, False]


def test_two_never_hold_a_lock_whose_file_is_removed_each_time(path, tmp_path):
    """Four processes lock, look and remove: none sees another inside."""
    inside = tmp_path / "inside"

    def work():
        for _ in range(40):
            with locked(path, 30.0) as held:
                assert held
                os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
                inside.unlink()
                Path(path).unlink()

    children = []
    for _ in range(4):
        child = fork()
        if child == 0:
            status = 1
            try:
                work()
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have files of two users")
def test_another_users_lock_file_is_reported_at_once(tmp_path):
    """One that may be opened by anybody would be held for as long as its owner likes."""
    path = tmp_path / "lock"
    path.touch()
    path.chmod(0o666)
    os.chown(path, 65534, 65534)
    with pytest.raises(UnsafeFile, match="belongs to another user") as caught, locked(str(path), 10.0):
        pytest.fail("held")
    assert caught.value.hint == f"Remove it: rm {path}; or keep the store in a folder that only you can write"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have files of two users")
def test_a_lock_file_that_only_another_user_may_open_is_reported_as_such():
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o777)
        (folder / "lock").touch(0o600)

        def try_it():
            try:
                with locked(str(folder / "lock"), 0.0):
                    return "held"
            except UnsafeFile as error:
                return str(error)

        assert in_child(try_it, uid=65534) == f"{folder}/lock belongs to another user (root)"
    finally:
        shutil.rmtree(folder)


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


def test_a_child_that_leaves_its_parents_block_does_not_release_the_lock(path):
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
    assert file_lock._open_files == set()


def test_an_error_of_the_system_is_raised(path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    before = open_files()
    monkeypatch.setattr(file_lock.fcntl, "flock", flock)
    with pytest.raises(OSError, match="No locks available"), locked(path, 0.0):
        pytest.fail("held")
    assert open_files() == before


def test_a_link_in_the_place_of_a_lock_file_is_refused(path, tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), locked(path, 0.0):
        pytest.fail("held")
    assert not (tmp_path / "elsewhere").exists()
