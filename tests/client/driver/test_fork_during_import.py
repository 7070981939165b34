"""A fork while another thread imports a module that a refresh needs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from traktauth.client.driver import shield

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

# The module is imported until the fork waits for that. The child's own import of it ends, or an alarm ends the child.
PROGRAM = """
import os, signal, sys, threading, time, types
from traktauth.client.driver import shield

shield._IMPORTED_ON_USE = frozenset({"slow_module"})
shared = sys.modules["shared"] = types.ModuleType("shared")
shared.has_begun, shared.may_end = threading.Event(), threading.Event()
shield.time = types.SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: shared.may_end.set())

thread = threading.Thread(target=lambda: __import__("slow_module"))
thread.start()
shared.has_begun.wait()
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    import slow_module
    os._exit(0)
shared.may_end.set()
thread.join()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.fixture
def slow_module(tmp_path):
    """A module that is imported until the test says that it may end."""
    (tmp_path / "slow_module.py").write_text("import shared\nshared.has_begun.set()\nshared.may_end.wait()\n")
    return tmp_path


def test_a_child_that_was_forked_during_an_import_can_import_the_module(slow_module):
    environment = {**os.environ, "PYTHONPATH": str(slow_module)}
    ended = subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM], env=environment, check=False, timeout=60)
    assert ended.returncode == 0


def test_a_fork_does_not_wait_for_an_import_without_end(slow_module, monkeypatch):
    class Shared:
        has_begun, may_end = threading.Event(), threading.Event()

    monkeypatch.setitem(sys.modules, "shared", Shared)
    monkeypatch.syspath_prepend(slow_module)
    monkeypatch.setattr(shield, "_IMPORTED_ON_USE", frozenset({"slow_module"}))
    monkeypatch.setattr(shield, "_FORK_LIMIT", 0.01)
    thread = threading.Thread(target=lambda: __import__("slow_module"))
    thread.start()
    Shared.has_begun.wait()
    try:
        assert shield._is_importing_elsewhere()
        shield._wait_for_imports()
    finally:
        Shared.may_end.set()
        thread.join()
        sys.modules.pop("slow_module", None)
    assert not shield._is_importing_elsewhere()


def test_a_fork_does_not_wait_for_an_import_of_its_own_thread(slow_module, monkeypatch):
    (slow_module / "slow_module.py").write_text(
        "from traktauth.client.driver import shield\nis_importing = shield._is_importing_elsewhere()\n"
    )
    monkeypatch.syspath_prepend(slow_module)
    monkeypatch.setattr(shield, "_IMPORTED_ON_USE", frozenset({"slow_module"}))
    try:
        assert not __import__("slow_module").is_importing
    finally:
        sys.modules.pop("slow_module", None)
