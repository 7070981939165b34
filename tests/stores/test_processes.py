"""Whether the process that sends a refresh is known to be alive."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from support.own_thread import replace_in_this_thread
from traktauth.models import Sender
from traktauth.stores import processes
from traktauth.stores.processes import has_ended, is_alive, process_mark, this_process

ASLEEP = [sys.executable, "-c", "input()"]


@pytest.fixture
def asleep():
    process = subprocess.Popen(ASLEEP, stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.stdin.close()
    process.wait()


def of(process):
    return replace(this_process(), pid=process.pid, started=None)


def test_another_process_is_alive_until_it_has_ended(asleep):
    assert is_alive(of(asleep))
    asleep.kill()
    os.waitid(os.P_PID, asleep.pid, os.WEXITED | os.WNOWAIT)
    assert is_alive(of(asleep)) is False, "it has ended, and its parent has not asked for its exit status"
    asleep.wait()
    assert is_alive(of(asleep)) is False


def test_a_process_that_has_the_id_of_an_earlier_one_is_not_taken_for_it(asleep):
    assert is_alive(replace(of(asleep), started=1)) is False


@pytest.mark.parametrize(
    "changed", [{"host": "elsewhere"}, {"boot_id": "another"}, {"pid_namespace": "pid:[1]"}, {"pid": 0}, {"pid": 2**70}]
)
def test_a_process_that_cannot_be_seen_from_here_is_not_known(changed):
    assert is_alive(replace(this_process(), **changed)) is None


def test_the_mark_of_a_process_shows_that_it_has_ended_and_does_not_name_the_host(asleep):
    host, _, _ = process_mark().split(":")
    started = Path(f"/proc/{asleep.pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
    mark = f"{host}:{asleep.pid}:{started}"
    assert (has_ended(process_mark()), has_ended(mark)) == (False, False)
    asleep.kill()
    asleep.wait()
    assert has_ended(mark)
    assert not has_ended(f"{'0' * 16}:{asleep.pid}:{started}"), "of another host, or of another run of this one"
    assert this_process().host not in host


@pytest.mark.parametrize("mark", ["", ":", "a:b", "a:1:", "a::1", "0123456789abcdef", "a:1:2:3", "a:-1:5", "a:²:5"])
def test_a_malformed_mark_of_a_process_is_ignored(mark):
    assert not has_ended(mark)
    assert not has_ended(mark.replace("a", process_mark().partition(":")[0]))


@pytest.mark.parametrize("name", ["started", "boot_id", "pid_namespace"])
def test_a_system_that_shows_less_of_a_process_has_no_marks(monkeypatch, asleep, name):
    mark = f"{process_mark().partition(':')[0]}:{asleep.pid}:1"
    assert has_ended(mark), "another process of an earlier time had this id"
    sender = replace(this_process(), **{name: None})
    monkeypatch.setattr(processes, "this_process", lambda: sender)
    assert process_mark() == ""
    assert not has_ended(mark)


def test_a_proc_of_another_pid_namespace_is_not_believed(monkeypatch, asleep):
    mark = f"{process_mark().partition(':')[0]}:{asleep.pid}:1"
    other = replace(of(asleep), started=1)
    assert (is_alive(other), has_ended(mark)) == (False, True)
    own = os.getpid()
    replace_in_this_thread(monkeypatch, os, "getpid", lambda: own + 1)
    assert process_mark() == ""
    assert (is_alive(other), has_ended(mark)) == (True, False)


def test_a_sender_of_which_only_host_and_id_are_known_is_recognised(asleep):
    sender = Sender(this_process().host, asleep.pid)
    assert is_alive(sender)
    asleep.kill()
    asleep.wait()
    assert is_alive(sender) is False


def test_a_forked_child_is_another_process():
    mine = this_process()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, b"1" if this_process().pid == os.getpid() and this_process() != mine else b"0")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 1) == b"1"
    os.close(reading)
    os.close(writing)
