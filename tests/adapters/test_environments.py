"""The adapters with the oldest versions of the clients, with niquests, and in programs on PyTrakt and trakt.py."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from support.engines import CHECKOUT, Missing
from support.environments import PYTRAKT, TRAKT_PY, environment
from traktauth import Trakt
from traktauth.testing import LocalTrakt

HERE = Path(__file__).parent
PROCESSES = 8
# The suite's own environment has the newest of each but niquests, which replaces urllib3: see test_adapters.py.
VERSIONS = {
    "adapters-lowest": ["requests==2.31.0", "httpx==0.27.0", "aiohttp==3.12.1", "pyreqwest==0.12.0"],
    "niquests": ["niquests"],
}
pytestmark = pytest.mark.slow


def python_of(name, *requirements):
    try:
        return environment(name, *requirements)
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("name", VERSIONS)
def test_the_suite_passes_with_these_versions(name):
    python = python_of(name, *VERSIONS[name], "pytest", "-e", f"{CHECKOUT}[server]")
    options = ["-q", "-c", os.devnull, f"--rootdir={HERE}", "--noconftest", "--import-mode=importlib"]
    options += ["-p", "no:cacheprovider", "-W", "error", "-o", "markers=slow: as in pyproject.toml"]
    done = subprocess.run(
        [python, "-m", "pytest", *options, HERE / "test_adapters.py"],
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout


@pytest.mark.parametrize(("program", "made"), [("pytrakt_program.py", PYTRAKT), ("trakt_py_program.py", TRAKT_PY)])
def test_processes_on_a_trakt_library_share_one_refresh(program, made, tmp_path):
    python = python_of(*made)
    with LocalTrakt() as server:
        app, store = server.app, f"file:{tmp_path}/login.json"
        server.advance(days=-8)
        with Trakt(app, service=server.url, store=store, clock=server.clock) as trakt:
            server.sign_in_at(trakt)
        server.advance(days=8)
        mine = {name: value for name, value in os.environ.items() if not name.startswith("TRAKTAUTH_")}
        settings = {"SERVICE": server.url, "STORE": store, "CLIENT_ID": app.client_id}
        settings |= {"CLIENT_SECRET": app.client_secret, "REDIRECT_URI": app.redirect_uri}
        env = mine | {"HOME": str(tmp_path)} | {f"TRAKTAUTH_{name}": value for name, value in settings.items()}
        running = [
            subprocess.Popen(
                [python, HERE / program], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            for _ in range(PROCESSES)
        ]
        printed = [process.communicate(timeout=120)[0] for process in running]
        assert [process.returncode for process in running] == [0] * PROCESSES, printed
        assert all(text.strip().endswith("sean") for text in printed), printed
        assert (server.ledger["rotations"], server.ledger["replays"]) == (1, 0)
