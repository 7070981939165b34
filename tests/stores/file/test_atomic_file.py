"""File systems that cannot do everything."""

from __future__ import annotations

import errno
import os

import pytest

from support.own_thread import replace_in_this_thread
from traktauth.errors import StoreFailed
from traktauth.stores.errors import Hidden
from traktauth.stores.file import atomic_file


def refusing(number):
    def call(*_):
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL])
def test_space_is_written_if_the_file_system_cannot_reserve_it(tmp_path, monkeypatch, number):
    replace_in_this_thread(monkeypatch, os, "posix_fallocate", refusing(number))
    atomic_file.reserve(str(tmp_path / "spare"), 5000)
    assert (tmp_path / "spare").read_bytes() == bytes(5000)


def test_space_is_written_if_the_system_cannot_reserve_it(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate")
    atomic_file.reserve(str(tmp_path / "spare"), 5000)
    assert (tmp_path / "spare").stat().st_size == 5000


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EIO])
def test_a_failed_reservation_leaves_no_file(tmp_path, monkeypatch, number):
    replace_in_this_thread(monkeypatch, os, "posix_fallocate", refusing(number))
    with pytest.raises(OSError, match=os.strerror(number)):
        atomic_file.reserve(str(tmp_path / "spare"), 5000)
    assert list(tmp_path.iterdir()) == []


def folders_fsync_fails_with(number, monkeypatch):
    real = os.fsync

    def fsync(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112 - a descriptor, not a path
            raise OSError(number, os.strerror(number))
        real(descriptor)

    replace_in_this_thread(monkeypatch, os, "fsync", fsync)


def test_a_file_system_that_syncs_no_folders_will_do(tmp_path, monkeypatch):
    folders_fsync_fails_with(errno.EINVAL, monkeypatch)
    atomic_file.replace(str(tmp_path / "file"), Hidden(b"content"))
    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_folder_that_cannot_be_synced_is_reported(tmp_path, monkeypatch):
    folders_fsync_fails_with(errno.EIO, monkeypatch)
    with pytest.raises(StoreFailed, match="cannot be synced to the disk: Input/output error"):
        atomic_file.replace(str(tmp_path / "file"), Hidden(b"content"))
    assert list(tmp_path.iterdir()) == []  # before anything was changed


def test_a_folder_that_cannot_be_synced_any_more_is_reported_as_not_durable(tmp_path, monkeypatch):
    real, left = os.fsync, [True, True]  # the file, and the folder before it is changed

    def fsync(descriptor):
        if not left:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        left.pop()
        real(descriptor)

    replace_in_this_thread(monkeypatch, os, "fsync", fsync)
    with pytest.raises(atomic_file.NotDurable, match="cannot be synced to the disk: Input/output error"):
        atomic_file.replace(str(tmp_path / "file"), Hidden(b"content"))
    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_new_folder_is_synced_in_the_one_above_it(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(atomic_file, "can_sync", synced.append)
    atomic_file.make_folder(str(tmp_path / "a" / "b"))
    assert synced == [str(tmp_path), str(tmp_path / "a")]


def test_a_write_that_takes_less_is_gone_on_with(tmp_path, monkeypatch):
    real = os.write
    replace_in_this_thread(monkeypatch, os, "write", lambda descriptor, content: real(descriptor, content[:3]))
    atomic_file.replace(str(tmp_path / "file"), Hidden(b"more than three"))
    assert (tmp_path / "file").read_bytes() == b"more than three"


def test_files_of_a_crash_do_not_prevent_a_write(tmp_path):
    (tmp_path / "file.new").write_bytes(b"half")
    (tmp_path / "spare").write_bytes(b"half of something longer")
    atomic_file.replace(str(tmp_path / "file"), Hidden(b"one"))
    assert (tmp_path / "file").read_bytes() == b"one"
    (tmp_path / "spare").chmod(0o600)
    atomic_file.replace(str(tmp_path / "file"), Hidden(b"two"), reserved=str(tmp_path / "spare"))
    assert (tmp_path / "file").read_bytes() == b"two"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("when", ["sync_file", "_write_all"])
def test_an_interrupted_write_leaves_no_second_file(tmp_path, monkeypatch, when):
    def interrupt(*_):
        raise KeyboardInterrupt

    (tmp_path / "file").write_bytes(b"old")
    replace_in_this_thread(monkeypatch, atomic_file, when, interrupt)
    with pytest.raises(KeyboardInterrupt):
        atomic_file.replace(str(tmp_path / "file"), Hidden(b"new"), new=str(tmp_path / "other"))
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"file": b"old"}


def test_an_interrupt_when_the_written_file_is_closed_leaves_no_second_file(tmp_path, monkeypatch):
    close = os.close

    def interrupt(descriptor):
        close(descriptor)
        raise KeyboardInterrupt

    (tmp_path / "file").write_bytes(b"old")
    with monkeypatch.context() as patched:
        replace_in_this_thread(patched, os, "close", interrupt)
        with pytest.raises(KeyboardInterrupt):
            atomic_file.replace(str(tmp_path / "file"), Hidden(b"new"), new=str(tmp_path / "other"))
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"file": b"old"}
