"""The fixture `trakt_sandbox`, in a run of pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from support.process import needs_curl

pytestmark = [pytest.mark.slow, needs_curl]

TESTS = """
import subprocess
import pytest

CURL = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "https://api.trakt.tv/users/settings"]

@pytest.mark.parametrize("number", range(8))
def test_a_program_reaches_the_local_trakt(trakt_sandbox, number):
    done = subprocess.run(CURL, env=trakt_sandbox.environ, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("403", 0)
    assert trakt_sandbox.reached == {"api.trakt.tv": 1}

@pytest.mark.trakt(faults=[{"path": "/users/settings", "status": 503}])
def test_a_marker_counts(trakt_sandbox):
    done = subprocess.run(CURL, env=trakt_sandbox.environ, capture_output=True, text=True)
    assert done.stdout == "503"
    trakt_sandbox.local_trakt.advance(days=8)
"""


def test_the_fixture_works_in_several_processes(tmp_path):
    (tmp_path / "test_program.py").write_text(TESTS)
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-n", "4", "-p", "no:cacheprovider"]
    command += ["-p", "xdist", "-p", "traktauth.testing.plugin"]  # others take long to import, in each process
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert "9 passed" in done.stdout, done.stdout + done.stderr
