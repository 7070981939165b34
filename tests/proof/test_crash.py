"""What the system can do to a save: kill at every call, refuse every call; and the order of things on the disk."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import traceback
from contextlib import closing

import pytest

from stores.children import fork
from traktauth.errors import StoreFailed
from traktauth.models.changes import BeginRefresh, SaveToken
from traktauth.stores.open import open_store
from traktauth.testing.store_contract.base import LOGIN, pair, pending_refresh

pytestmark = pytest.mark.slow

posix = pytest.importorskip("posix")

REFUSED = ["ENOSPC", "EIO", "EROFS", "EMFILE"]
# What writes, opens or makes durable: each of these calls is refused with each of the errors above.
CHANGING = {"openat", "write", "pwrite64", "fallocate", "ftruncate", "fsync", "fdatasync", "rename", "unlink"}
# Memory, signals and the end: no call of a store's.
OTHERS = {"exit_group", "rt_sigprocmask", "rt_sigaction", "futex", "mmap", "munmap", "mremap", "brk", "madvise"}
# A kill at a look is a kill at the call after it; of a database's many looks none is taken.
LOOKS = {"newfstatat", "fstat", "lstat", "stat", "lseek", "geteuid", "getpid", "ioctl", "pread64", "read", "getrandom"}


@pytest.fixture(scope="module", autouse=True)
def _strace():
    if shutil.which("strace") is None:
        pytest.skip("the program strace is absent")
    done = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("strace may not trace here")


@pytest.fixture(params=["file", "sqlite"])
def kind(request):
    return request.param


class Place:
    """A store with a first pair, made anew for each run: nothing of it is open."""

    def __init__(self, kind, folder):
        self.folder, self.address = folder / kind, f"{kind}:{folder / kind}/logins"

    def fresh(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        with closing(open_store(self.address)) as store:
            assert store.apply(LOGIN, SaveToken(pair(1), after=0, at=1.0))
        return self

    def record(self):
        with closing(open_store(self.address)) as store:
            return store.load(LOGIN)


@pytest.fixture
def place(kind, tmp_path):
    return Place(kind, tmp_path)


def renew(address, reported):
    """Take the right to send and save, and tell of each as soon as it is done."""
    store = open_store(address)
    try:
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
        os.write(reported, b"begun ")
        assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
        os.write(reported, b"saved ")
    except StoreFailed:
        os.write(reported, b"failed ")


def stop_measuring():
    """Leave out what measures coverage: its calls to the system are none of the store's."""
    coverage = sys.modules.get("coverage")
    measured = coverage and coverage.Coverage.current()
    if measured:
        measured.stop()


def traced(place, log, *options):
    """Renew in a child under strace; return what it told, and how it ended."""
    reported, telling = os.pipe()
    going, go = os.pipe()
    child = fork()
    if child == 0:
        code = 0
        try:
            for end in (reported, go):
                os.close(end)
            stop_measuring()
            os.write(telling, b".")
            os.read(going, 1)
            renew(place.address, telling)
        except BaseException:  # noqa: BLE001 - shown
            traceback.print_exc()
            code = 1
        posix._exit(code)  # not what measures coverage has put in its place
    for end in (telling, going):
        os.close(end)
    assert os.read(reported, 1) == b"."  # whatever a fork sets going is done before its calls are counted
    command = ["strace", "-f", "-y", "-s", "64", "-o", str(log), *options, "-p", str(child)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert "attached" in tracer.stderr.readline()
        os.write(go, b"!")
        os.close(go)
        _, status = os.waitpid(child, 0)
        tracer.stderr.read()
    with os.fdopen(reported, "rb") as pipe:
        return pipe.read().decode().split(), os.waitstatus_to_exitcode(status)


def calls(log):
    """Each call of the refresh: its name, which of its name it is, and the line."""
    counted, found = {}, []
    for line in log.read_text().splitlines():
        match = re.match(r"\d+ +(\w+)\(", line)
        if match and match[1] not in OTHERS:
            counted[match[1]] = counted.get(match[1], 0) + 1
            found.append((match[1], counted[match[1]], line))
    return found


def lives_on(place, reported):
    """What was confirmed is there, nothing is half there, and the store works."""
    record = place.record()
    assert record.token in (pair(1), pair(2))
    assert record.token == pair(record.generation)
    if "saved" in reported:
        assert record.generation == 2
    elif "begun" in reported and record.generation == 1:
        assert record.pending_refresh is not None
    with closing(open_store(place.address)) as store:
        if record.pending_refresh is not None:
            assert not store.apply(LOGIN, BeginRefresh(pending_refresh(1)))  # the right to send is not given again
        assert store.apply(LOGIN, SaveToken(pair(record.generation + 1), after=record.generation, at=1.0))


def test_a_kill_at_any_call_to_the_system_loses_nothing_that_was_confirmed(place, kind, tmp_path):
    log = tmp_path / "log"
    assert traced(place.fresh(), log) == (["begun", "saved"], 0)
    points = [(name, number) for name, number, _ in calls(log) if kind == "file" or name not in LOOKS]
    assert len(points) > 30
    killed, states = 0, set()
    for name, number in points:
        reported, code = traced(place.fresh(), log, "-e", f"inject={name}:signal=KILL:when={number}")
        killed += code == -9
        states.add((*reported, place.record().generation))
        lives_on(place, reported)
    assert killed >= len(points) - 3  # a call more or less is made from run to run
    assert {state[:-1] for state in states} >= {(), ("begun",)}


@pytest.mark.parametrize("error", REFUSED)
def test_a_call_that_the_system_refuses_fails_the_store_and_changes_nothing(place, tmp_path, error):
    log = tmp_path / "log"
    traced(place.fresh(), log)
    refusable = {"openat"} if error == "EMFILE" else CHANGING
    points = [(name, number) for name, number, line in calls(log) if name in refusable and "<pipe:" not in line]
    failed = 0
    for name, number in points:
        reported, code = traced(place.fresh(), log, "-e", f"inject={name}:error={error}:when={number}")
        assert code == 0, f"{name} {number}: {reported}"
        failed += "failed" in reported
        if reported == ["failed"]:
            assert place.record().pending_refresh is None, f"{name} {number}: begin was reported as failed, and done"
        lives_on(place, reported)
    assert failed > len(points) / 3


def test_a_disk_that_stays_full_is_seen_before_anything_may_be_sent(place, kind, tmp_path):
    name = {"file": "fallocate", "sqlite": "pwrite64"}[kind]
    reported, code = traced(place.fresh(), tmp_path / "log", "-e", f"inject={name}:error=ENOSPC:when=1+")
    assert (reported, code) == (["failed"], 0)
    assert place.record().pending_refresh is None


@pytest.mark.parametrize("kind", ["file"], indirect=True)
def test_a_file_is_written_synced_renamed_and_its_folder_synced(place, tmp_path):
    log = tmp_path / "log"
    traced(place.fresh(), log)
    path = f"{place.folder}/logins"
    order = []
    for name, _, line in calls(log):
        if name == "write" and f"<{path}" in line:
            order.append("write")
        elif name == "fsync":
            order.append("sync the folder" if f"<{place.folder}>" in line else "sync the file")
        elif name == "rename":
            order.append("rename")
        elif name == "write" and ("begun" in line or "saved" in line):
            order.append("tell")
    replaced = ["write", "sync the file", "sync the folder", "rename", "sync the folder"]
    assert order == ["sync the file", *replaced, "tell", *replaced, "tell"]  # first the room for the save


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_log_is_synced_before_the_answer(place, tmp_path):
    log = tmp_path / "log"
    traced(place.fresh(), log)
    order = []
    for name, _, line in calls(log):
        if name == "pwrite64" and "-wal>" in line and order[-1:] != ["write the log"]:
            order.append("write the log")
        elif name == "fdatasync" and "-wal>" in line:
            order.append("sync the log")
        elif name == "write" and ("begun" in line or "saved" in line):
            order.append("tell")
    reported = [number for number, what in enumerate(order) if what == "tell"]
    assert len(reported) == 2
    assert [order[number - 1] for number in reported] == ["sync the log"] * 2
    assert [order[number - 2] for number in reported] == ["write the log"] * 2
