"""The disk is full, or another program holds the file: 503, nothing half done, and well again by itself."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import resource
import sqlite3
import subprocess
import sys
import time

import pytest

from server.conftest import APPS, SEED, Client
from server.process.test_serve import PROGRAM
from traktauth.server.storage.sqlite import connection

pytestmark = pytest.mark.slow

needs_prlimit = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")


class Elsewhere:
    """A server in another process, as `Client` wants one."""

    def __init__(self, url):
        self.url = url


@pytest.fixture(params=["current", "classic"])
def profile(request):
    return request.param


@pytest.fixture
def apart(tmp_path, profile):
    """A server in a process of its own, and what lets its files grow no more, or again."""
    known = {"port": 0, "database": f"sqlite:{tmp_path / 'db'}", "control": True, "seed": SEED, "profile": profile}
    command = [sys.executable, "-c", PROGRAM, json.dumps(known)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        reported = json.loads(process.stdout.readline())

        def full(*, really):
            limit = 4096 if really else resource.RLIM_INFINITY
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

        yield Client(Elsewhere(reported["url"])), full
        process.terminate()
        assert process.wait(60) == 0
        assert "Traceback" not in process.stderr.read()


@pytest.fixture
def locked(request, tmp_path, start, profile, monkeypatch):
    """A server on a file, and what holds that file as another program would; the parameter is how long it waits."""
    monkeypatch.setattr(connection, "BUSY_SECONDS", getattr(request, "param", 0.2))
    client = start(database=f"sqlite:{tmp_path / 'db'}", profile=profile)

    @contextlib.contextmanager
    def hold():
        with contextlib.closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")

    return client, hold


def refused(reply):
    assert (reply.status, int(reply.headers["retry-after"]) > 0) == (503, True), reply.text
    return True


def everything_that_writes(client, login, code):
    """What is asked while the database cannot be written: tokens, the device's code, revocation, control."""
    return [
        client.refresh(login.refresh),
        client.exchange(code),
        client.revoke(login.access),
        client.post("/oauth/device/code", client_id=APPS["first"].client_id),
        client.post("/_control/tokens", client_id=APPS["first"].client_id, count=1),
    ]


@needs_prlimit
def test_a_full_disk_is_a_503_and_costs_nothing_once_there_is_room(apart):
    client, full = apart
    login, code = client.login(), client.code()
    before = client.ledger()
    full(really=True)
    for _ in range(3):
        assert all(refused(reply) for reply in everything_that_writes(client, login, code))
        assert client.use(login.access) == 200
        assert refused(client.get("/readyz"))
    assert client.ledger()["alive"] == before["alive"]
    full(really=False)
    assert client.get("/readyz").status == 200
    assert client.exchange(code).status == 200
    assert client.use(client.renewed(login.refresh).access) == 200
    assert client.ledger()["rotations"] == before["rotations"] + 1


def test_a_file_that_another_program_holds_is_a_503_and_costs_nothing_once_it_lets_go(locked):
    client, hold = locked
    login, code = client.login(), client.code()
    before = client.ledger()
    authorize = f"/oauth/authorize?response_type=code&client_id=first-app&redirect_uri={APPS['first'].redirect_uri}"
    with hold():
        page = client.get(authorize)
        assert "Temporarily unavailable" in page.text
        assert refused(page)
        assert all(refused(reply) for reply in everything_that_writes(client, login, code))
        assert client.use(login.access) == 200
    assert client.ledger()["alive"] == before["alive"]
    assert client.exchange(code).status == 200
    assert client.use(client.renewed(login.refresh).access) == 200
    assert client.ledger()["rotations"] == before["rotations"] + 1


@pytest.mark.parametrize("locked", [1.5], indirect=True)
def test_all_waiters_for_the_file_get_the_error_together(locked):
    client, hold = locked
    logins = [client.login() for _ in range(8)]
    with hold(), concurrent.futures.ThreadPoolExecutor(8) as pool:
        began = time.monotonic()
        assert all(refused(reply) for reply in pool.map(client.refresh, [login.refresh for login in logins]))
        assert time.monotonic() - began < 9  # two waits of 1.5 s, and not eight or more
    assert all(client.refresh(login.refresh).status == 200 for login in logins)


@pytest.mark.parametrize("kind", ["removed", "away for a while"])
def test_a_file_that_is_gone_is_a_503_until_it_is_there_again(locked, tmp_path, kind):
    client, _ = locked
    login = client.login()
    away = (tmp_path / "db").rename(tmp_path / "away")
    time.sleep(2 * connection.LOOK_SECONDS)
    assert all(refused(reply) for reply in (client.refresh(login.refresh), client.get("/readyz")))
    assert client.use(login.access) == 503
    if kind == "away for a while":
        away.rename(tmp_path / "db")
        assert client.use(client.renewed(login.refresh).access) == 200
        assert client.get("/readyz").status == 200


def test_a_short_hold_costs_time_and_no_answer(locked):
    client, hold = locked
    login = client.login()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with hold():
            reply = pool.submit(client.refresh, login.refresh)
            time.sleep(0.05)
            assert not reply.done()
        assert reply.result(60).status == 200
