"""The pytest plugin: what each fixture is, what a marker changes, and what does not reach the next test."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata

import pytest

from support.engines import CHECKOUT
from support.process import needs_curl

FIXTURES = """
import pathlib, pytest, subprocess, sys
from traktauth import LoginRequired, Trakt, TryLater

FAULTS = pathlib.Path(__file__).with_name("faults.json")

def test_signed_in(trakt, local_trakt):
    assert trakt.request("GET", "/users/settings").json()["user"]["username"] == "sean"
    local_trakt.advance(days=8)
    assert trakt.request("GET", "/users/settings").status_code == 200
    assert local_trakt.ledger["rotations"] == 1

@pytest.mark.trakt(user="mary", profile="classic")
class TestMarked:
    def test_of_the_class(self, trakt, local_trakt):
        assert local_trakt.announcement["profile"] == "classic"
        assert trakt.request("GET", "/users/me").json()["username"] == "mary"

    @pytest.mark.trakt(user=None)
    def test_the_closest_counts(self, trakt, local_trakt):
        assert local_trakt.announcement["profile"] == "current"
        with pytest.raises(LoginRequired):
            trakt.token()

@pytest.mark.trakt(faults=[{"path": "/oauth/token", "status": 503, "times": 5}], responses={"GET /x": [1]})
def test_faults_and_responses(trakt, local_trakt):
    assert trakt.request("GET", "/x").json() == [1]
    local_trakt.advance(days=8)
    with pytest.raises(TryLater):
        trakt.token()

@pytest.mark.trakt(faults=FAULTS)
def test_faults_of_a_file(trakt):
    assert trakt.request("GET", "/users/me").status_code == 418

def test_env(trakt_env, tmp_path):
    with Trakt.from_env() as trakt:
        assert trakt.request("GET", "/users/me").json()["username"] == "sean"
    shown = subprocess.run([sys.executable, "-m", "traktauth", "status", "--json"], capture_output=True, text=True)
    assert '"valid"' in shown.stdout, shown
    assert str(tmp_path) in trakt_env["TRAKTAUTH_STORE"]

async def use(async_trakt):
    async with async_trakt:
        return (await async_trakt.request("GET", "/users/me")).json()["username"]

def test_async(async_trakt):
    import asyncio
    assert asyncio.run(use(async_trakt)) == "sean"
"""
LEAVING = """
import pytest

urls = set()

@pytest.mark.parametrize("number", range(8))
def test_leaves_things_behind(local_trakt, trakt, number):
    import time
    urls.add(local_trakt.url)
    assert len(urls) == 1, "the tests of a process share a server"
    assert abs(local_trakt.clock() - time.time()) < 3600
    assert local_trakt.ledger["alive"]["refresh"] == 1
    assert trakt.request("GET", "/users/me").status_code == 200
    local_trakt.advance(days=3)
    local_trakt.fail_next("/users/me", status=500)
    local_trakt.sign_in("carol")
"""
MOCKED = """
import http.server, json, threading, pytest
from traktauth import App, Token, Trakt

ANSWER = {"access_token": "new", "refresh_token": "next", "token_type": "bearer", "expires_in": 3600, "created_at": 1}

class Mock(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

@pytest.fixture(scope="module")
def url():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mock) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()

@pytest.mark.parametrize("number", range(3))
def test_of_a_mocked_trakt(url, number):
    app = App("id", client_secret="secret", redirect_uri="http://127.0.0.1:9876/")
    with Trakt(app, service=url, store="memory:") as trakt:
        trakt.adopt(Token("old", refresh_token=f"refresh-{number}", expires_in=3600, expires_at=1.0, generation=1))
        assert trakt.refresh().access_token == "new"
"""


SANDBOX = """
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


@pytest.fixture
def run_pytest(tmp_path):
    """Run tests in a process of its own, without this project's configuration."""

    def run(text, *options, python=sys.executable):
        (tmp_path / "test_mine.py").write_text(text)
        (tmp_path / "faults.json").write_text('[{"path": "/users/me", "status": 418}]')
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        if "asyncio" not in options:  # it warns unless it is configured
            options = ("-p", "no:asyncio", *options)
        command = [python, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
        # what covers this run would import traktauth before pytest has marked it for rewriting
        env = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTEST_"))}
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False, env=env)
        return done.returncode, done.stdout + done.stderr

    return run


def test_pytest_finds_the_plugin_by_itself():
    (entry,) = [each for each in metadata.entry_points(group="pytest11") if each.name == "traktauth"]
    assert entry.value == "traktauth.testing.plugin"


@pytest.mark.parametrize(
    ("options", "passed"),
    [
        (["-k", "signed_in"], 1),
        pytest.param(["-n", "2"], 7, marks=pytest.mark.slow),
        pytest.param(["--import-mode=importlib"], 7, marks=pytest.mark.slow),
        pytest.param(["-p", "randomly"], 7, marks=pytest.mark.slow),
    ],
)
def test_each_fixture_of_the_plugin_can_be_used(run_pytest, options, passed):
    code, shown = run_pytest(FIXTURES, *options)
    assert code == 0, shown
    assert f"{passed} passed" in shown


@pytest.mark.slow
@pytest.mark.parametrize("options", [["-p", "no:randomly"], ["-n", "2"]])
def test_nothing_reaches_the_next_test(run_pytest, options):
    code, shown = run_pytest(LEAVING, *options)
    assert code == 0, shown
    assert "8 passed" in shown


@needs_curl
@pytest.mark.slow
def test_a_sandbox_is_shared_by_the_tests_of_a_process(run_pytest):
    code, shown = run_pytest(SANDBOX, "-n", "2")
    assert code == 0, shown
    assert "9 passed" in shown


@pytest.mark.slow
def test_a_mocked_trakt_may_answer_every_test_with_the_same_token(run_pytest):
    code, shown = run_pytest(MOCKED)
    assert code == 0, shown
    assert "3 passed" in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            ["-p", "asyncio", "-o", "asyncio_default_fixture_loop_scope=function"],
            "import pytest\n@pytest.mark.asyncio\nasync def test_it(async_trakt):\n    ",
        ),
        ([], "import pytest\n@pytest.mark.anyio\nasync def test_it(async_trakt):\n    "),
    ],
    ids=["pytest-asyncio", "anyio"],
)
def test_the_async_client_works_under_any_runner(run_pytest, options, text):
    backend = "@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    body = (
        'async with async_trakt:\n        assert (await async_trakt.request("GET", "/users/me")).status_code == 200\n'
    )
    code, shown = run_pytest(text.replace("import pytest\n", "import pytest\n" + backend) + body, *options)
    assert code == 0, shown
    assert "1 passed" in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("acess_life=5", "no setting 'acess_life'; it may have user, profile"),
        ("'classic'", "keyword arguments only"),
        ("profile='old'", "must be current or classic"),
        ("access_life=-1", "access_life must be more than 0"),
        ("access_life='60'", "access_life must be a whole number, not str"),
        ("user=5", "user must be a user's name or None, not 5"),
        ("user=''", "user must be a user's name or None, not ''"),
        ("faults='/no/such/file.json'", "does not exist"),
        ("responses={'x': 1}", "must be a method and a path"),
    ],
)
def test_an_invalid_marker_fails_the_test(run_pytest, marker, message):
    code, shown = run_pytest(f"import pytest\n@pytest.mark.trakt({marker})\ndef test_it(trakt): pass\n")
    assert code == 1
    assert message in shown
    assert "Traceback" not in shown


@pytest.mark.slow
def test_without_the_servers_packages_only_a_test_that_asks_for_a_fixture_fails(run_pytest):
    text = "import sys\nsys.modules['uvicorn'] = None\nsys.modules['uvloop'] = None\n"
    text += "def test_without(): pass\ndef test_with(local_trakt): pass\n"
    code, shown = run_pytest(text, "-p", "no:randomly")
    assert code == 1
    assert "1 passed, 1 error" in shown
    assert "pip install 'traktauth[server]'" in shown


def test_the_plugin_imports_nothing_but_pytest():
    program = (
        "import sys, pytest; before = set(sys.modules); import traktauth.testing.plugin;"
        "print(*sorted(name for name in set(sys.modules) - before))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    own = ("", "._version", ".display", ".errors", ".hints", ".protocol", ".testing", ".testing.plugin", ".values")
    assert set(shown) <= {f"traktauth{name}" for name in own}


@pytest.mark.slow
def test_a_built_wheel_works_in_a_fresh_environment(run_pytest, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    wheels = tmp_path / "wheels"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", wheels, CHECKOUT], check=True)
    (wheel,) = wheels.glob("*.whl")
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "--disable-pip-version-check", "-q", "install"]
    for packages, runs in (
        (["pytest", "pytest-randomly", "pytest-xdist", f"{wheel}[server]"], [["-n", "4"]]),
        (["pytest==8.0.0"], [[], ["--import-mode=importlib"]]),
    ):
        subprocess.run([*install, *packages], check=True)
        for options in runs:
            code, shown = run_pytest(FIXTURES, *options, python=python)
            assert code == 0, shown
            assert "7 passed" in shown
