"""Several processes behind one socket, on one PostgreSQL."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from traktauth.server.config.settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for processes in /proc"),
]
PROGRAM = """
import json, sys
from traktauth.server.process.serve import serve
from traktauth.server.config.settings import Settings
sys.exit(serve(Settings(**json.loads(sys.argv[1])), ready=lambda told: print(json.dumps(told), flush=True)))
"""
READ = {"authorization": "Bearer {}", "trakt-api-key": "first-app"}


def processes(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in children.read_text().split()] if children.exists() else []


def until(holds, seconds=15.0):
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def running(database, beside):
    """Two workers on a database, and *beside*, a server with the control API on the same one."""
    known = {"port": 0, "database": database, "workers": 2, "seed": None}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, json.dumps(known)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    line = process.stdout.readline()
    assert line, process.stderr.read()
    reported = json.loads(line)
    try:
        yield SimpleNamespace(process=process, reported=reported, beside=beside, workers=lambda: processes(process.pid))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def fleet(postgres_address, request):
    with running(postgres_address, request.getfixturevalue("start")(database=postgres_address)) as served:
        yield served


@contextlib.contextmanager
def each(fleet):
    """A connection to each of the two workers, kept open."""
    one, other = fleet.workers()
    with contextlib.ExitStack() as until_the_end:
        os.kill(other, signal.SIGSTOP)
        first = until_the_end.enter_context(contextlib.closing(connection(fleet)))
        os.kill(other, signal.SIGCONT)
        os.kill(one, signal.SIGSTOP)
        second = until_the_end.enter_context(contextlib.closing(connection(fleet)))
        os.kill(one, signal.SIGCONT)
        yield first, second


@pytest.fixture
def both(fleet):
    with each(fleet) as connections:
        yield connections


def connection(fleet):
    made = http.client.HTTPConnection(urlsplit(fleet.reported["url"]).netloc, timeout=60)
    assert sent(made, "GET", "/healthz")[0] == 200
    return made


def sent(made, method, path, body=None, **headers):
    if body is not None:
        body, headers = json.dumps(body), {"content-type": "application/json", **headers}
    made.request(method, path, body, headers)
    reply = made.getresponse()
    return reply.status, reply.read()


def refresh(made, token):
    members = {"grant_type": "refresh_token", "refresh_token": token}
    return sent(made, "POST", "/oauth/token", members | {"client_id": "first-app", "client_secret": "first-secret"})


def use(made, token):
    headers = {name: value.format(token) for name, value in READ.items()}
    return sent(made, "GET", "/users/settings", **headers)[0]


def test_of_twenty_equal_refreshes_one_wins_and_the_others_end_the_family(fleet, both):
    login = fleet.beside.login()
    device = fleet.beside.login()

    def ten(made):
        return [refresh(made, login.refresh)[0] for _ in range(10)]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        replies = [status for statuses in pool.map(ten, both) for status in statuses]
    assert Counter(replies) == Counter({200: 1, 400: 19})
    assert [use(made, device.access) for made in both] == [401, 401]


def test_refreshes_in_a_crowd_have_one_winner_each(fleet):
    logins = [fleet.beside.login(user=f"user {at}") for at in range(10)]

    def attempt(login):
        with contextlib.closing(connection(fleet)) as made:
            return login, refresh(made, login.refresh)[0]

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(attempt, logins * 8))
    assert Counter(login for login, status in replies if status == 200) == Counter(logins)
    assert {status for _, status in replies} == {200, 400}


def test_what_one_worker_revokes_the_other_refuses_at_once(fleet, both):
    one, other = both
    login = fleet.beside.login()
    assert [use(made, login.access) for made in both] == [200, 200]
    members = {"token": login.access, "client_id": "first-app", "client_secret": "first-secret"}
    assert sent(one, "POST", "/oauth/revoke", members)[0] == 200
    assert use(other, login.access) == 401


def test_an_app_that_is_switched_off_is_refused_by_all(fleet, both):
    login = fleet.beside.login()
    fleet.beside.control("disable-app", client_id="first-app", disabled=True)
    assert [refresh(made, login.refresh)[0] for made in both] == [400, 400]


def test_what_was_begun_at_one_worker_goes_on_at_the_other(fleet, both):
    one, other = both
    token = fleet.beside.login().refresh
    for made in (one, other, one):
        status, body = refresh(made, token)
        assert status == 200
        token = json.loads(body)["refresh_token"]


def test_a_killed_worker_is_replaced_and_the_others_serve_on(fleet):
    victim, other = fleet.workers()
    os.kill(victim, signal.SIGKILL)
    with contextlib.closing(connection(fleet)):
        pass
    now = until(lambda: (found := fleet.workers()) and len(found) == 2 and victim not in found and found)
    assert other in now
    os.kill(other, signal.SIGKILL)
    with contextlib.closing(connection(fleet)):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_cleanly(fleet, number):
    workers = fleet.workers()
    fleet.process.send_signal(number)
    assert fleet.process.wait(60) == 0
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert fleet.process.stdout.read() == ""  # announced once
    assert fleet.process.stderr.read() == ""


def test_no_worker_outlives_the_supervisor(fleet):
    workers = fleet.workers()
    fleet.process.kill()
    fleet.process.wait()
    until(lambda: not any(alive(worker) for worker in workers))


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_worker_that_cannot_start_ends_the_start():
    program = """
import sys
from traktauth.server.process.supervisor import Supervisor
def serve(post):
    if post.number == 1:
        sys.exit("no")
    post.started()
    import time; time.sleep(60)
Supervisor(2, serve).run(lambda: print("ready"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "ended before it accepted connections" in done.stderr
    assert done.stdout == ""


def test_more_than_one_needs_postgresql_and_no_control():
    assert Settings(database="postgresql://h/d", workers=2).workers == 2
    with pytest.raises(ValueError, match="control"):
        Settings(database="postgresql://h/d", workers=2, control=True)


def test_more_than_one_count_no_rate_limits():
    with pytest.raises(ValueError, match="rate_limits are counted in one process"):
        Settings(database="postgresql://h/d", workers=2, rate_limits="trakt")


def test_without_fork_there_is_one(monkeypatch):
    monkeypatch.delattr(os, "fork")
    with pytest.raises(ValueError, match="fork"):
        Settings(database="postgresql://h/d", workers=2)
