"""No file descriptor is left: said on stderr, not told by resets alone."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import resource
import socket
import time
from urllib.parse import urlsplit

import pytest

from server.conftest import Client
from server.test_disk_full import Elsewhere
from server.test_outage import ended, served
from support.own_thread import replace_in_this_thread
from traktauth.server.process.file_descriptors import DescriptorMonitor

LIMIT = 64
needs_prlimit = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")


@pytest.mark.slow
@needs_prlimit
def test_used_up_descriptors_are_logged_once_on_stderr():
    with served("memory:") as process, contextlib.ExitStack() as kept:
        url = json.loads(process.stdout.readline())["url"]
        assert Client(Elsewhere(url)).get("/healthz").status == 200  # it reckons with the limit as it is now
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
        host = urlsplit(url)
        for _ in range(2 * LIMIT):
            made = kept.enter_context(socket.socket())
            made.settimeout(5)
            made.connect((host.hostname, host.port))
        time.sleep(1.0)  # ten looks
        kept.close()
        deadline = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError):
                if Client(Elsewhere(url)).get("/healthz").status == 200:
                    break
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.3)
        lines = ended(process)
    assert [line.partition(",")[2][4:].partition(":")[0] for line in lines] == [
        "New connections are closed at once",
        "New connections are accepted again",
    ]
    assert "ulimit -n" in lines[0]


@pytest.mark.slow
def test_a_soft_limit_is_raised_as_far_as_it_may_be(tmp_path):
    with served(f"sqlite:{tmp_path / 'db'}") as process:
        process.stdout.readline()
        soft, hard = (
            resource.getrlimit(resource.RLIMIT_NOFILE)
            if not hasattr(resource, "prlimit")
            else (resource.prlimit(process.pid, resource.RLIMIT_NOFILE))
        )
        assert soft == hard
        ended(process)


def test_a_shortage_that_comes_and_goes_is_logged_once_a_minute(monkeypatch, caplog):
    caplog.set_level(logging.INFO, "traktauth.server")
    watch, used_up = DescriptorMonitor(), [True]
    really = os.open

    def opened(path, flags):
        if used_up[0]:
            raise OSError(errno.EMFILE, "Too many open files")
        return really(path, flags)

    replace_in_this_thread(monkeypatch, os, "open", opened)
    for tick in range(1200):  # two minutes
        used_up[0] = tick % 2 == 0
        watch.look(tick / 10)
    assert len(caplog.records) == 4
