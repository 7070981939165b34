"""Starting and stopping, in this process and in one of its own; `--check`, which starts and makes nothing."""

from __future__ import annotations

import contextlib
import gc
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest

from support.wire import bearer, call
from traktauth.server.process.embedded import EmbeddedServer
from traktauth.server.process.serve import check_config
from traktauth.server.settings import Settings

APP = {"client_id": "a", "client_secret": "s", "redirect_uris": ["x:/y"]}
PROGRAM = """
import json, sys
from traktauth.server.process.serve import serve
from traktauth.server.settings import Settings
sys.exit(serve(Settings(**json.loads(sys.argv[1])), ready=lambda told: print(json.dumps(told), flush=True)))
"""


def reached(url):
    try:
        return call(url, "GET", "/").status == 200
    except OSError:
        return False


def used(url, token):
    return call(url, "GET", "/users/settings", headers=bearer(token, "a")).status


def refresh(url, token):
    members = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "a", "client_secret": "s"}
    return call(url, "POST", "/oauth/token", body=members)


def demo(**changes):
    return Settings(**{"port": 0, "database": "memory:", **changes})


def test_it_is_reached_while_it_runs_and_not_after():
    with EmbeddedServer(demo()) as server:
        assert reached(server.url)
    assert not reached(server.url)


@pytest.mark.slow
def test_fifty_servers_leave_no_thread_and_no_file_open():
    with EmbeddedServer(demo()) as server:  # what the first one alone opens and imports
        assert reached(server.url)
    gc.collect()
    threads = set(threading.enumerate())  # one of an earlier test may end meanwhile
    files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH208, PTH112 - a folder of the kernel
    for _ in range(50):
        with EmbeddedServer(demo()) as server:
            assert reached(server.url)
    gc.collect()
    assert set(threading.enumerate()) <= threads
    if files:
        assert len(os.listdir("/proc/self/fd")) <= files  # noqa: PTH208 - as above


def test_it_stops_though_a_client_holds_on():
    with EmbeddedServer(demo()) as server:
        connection = socket.create_connection((urlsplit(server.url).hostname, urlsplit(server.url).port))
        connection.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n")
    connection.close()


def test_an_invalid_seed_releases_the_port():
    with EmbeddedServer(demo()) as server:
        port = urlsplit(server.url).port
    with pytest.raises(ValueError, match="seed"), EmbeddedServer(demo(port=port, seed={"apps": 5})):
        pass
    with EmbeddedServer(demo(port=port)) as server:
        assert reached(server.url)


def test_a_later_start_announces_the_same_app_and_no_password(tmp_path):
    settings = demo(database=f"sqlite:{tmp_path / 'db'}")
    with EmbeddedServer(settings) as server:
        first = server.announcement
    with EmbeddedServer(settings) as server:
        second = server.announcement
    assert (second["client_id"], second["client_secret"]) == (first["client_id"], first["client_secret"])
    assert first["users"][0]["password"]
    assert second["users"] == [{"username": first["users"][0]["username"], "password": None}]


def test_a_seed_is_applied_at_each_start_and_tokens_stay(start, tmp_path):
    database = f"sqlite:{tmp_path / 'db'}"
    client = start(database=database)
    login = client.login()
    client.server.__exit__(None, None, None)
    again = start(database=database)
    assert again.use(login.access) == 200
    assert again.refresh(login.refresh).status == 200


@pytest.fixture
def run(tmp_path):
    processes = []

    def begin(**settings):
        known = {"port": 0, "database": f"sqlite:{tmp_path / 'db'}", **settings}
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, json.dumps(known)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        line = process.stdout.readline()
        assert line, process.stderr.read()
        return process, json.loads(line)

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(run, number):
    process, reported = run()
    assert reached(reported["url"])
    process.send_signal(number)
    assert process.wait(60) == 0
    assert process.stderr.read() == ""


def test_an_answer_that_is_under_way_still_leaves(run):
    process, reported = run(control=True, faults=[{"path": "/", "delay": 0.5}])
    connection = http.client.HTTPConnection(urlsplit(reported["url"]).netloc, timeout=60)
    connection.request("GET", "/")
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert connection.getresponse().status == 200
    assert process.wait(60) == 0
    connection.close()


def test_an_open_control_page_does_not_hold_a_stop_up(run):
    process, reported = run(control=True)
    connection = http.client.HTTPConnection(urlsplit(reported["url"]).netloc, timeout=30)
    connection.request("GET", "/_control/events")
    reply = connection.getresponse()
    assert reply.readline() == b"retry: 1000\n"
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert time.monotonic() - began < 20  # a response that is under way has 30 s
    assert reply.read().strip() in (b"", b"event: change\ndata: 1")
    connection.close()


def test_a_client_that_does_not_want_to_wait_says_so_once_more(run):
    process, reported = run(control=True, faults=[{"path": "/", "delay": 60}])
    connection = http.client.HTTPConnection(urlsplit(reported["url"]).netloc, timeout=60)
    connection.request("GET", "/")
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert process.stderr.read() == ""
    with pytest.raises(OSError, match=r".*"):
        connection.getresponse()
    connection.close()


def test_no_secret_is_in_any_log(run):
    process, reported = run(control=True)
    connection = http.client.HTTPConnection(urlsplit(reported["url"]).netloc, timeout=60)
    body = json.dumps(
        {"grant_type": "refresh_token", "client_secret": reported["client_secret"], "refresh_token": "s3cret"}
    )
    connection.request("POST", "/oauth/token?code=s3cret", body, {"content-type": "application/json"})
    connection.getresponse().read()
    connection.close()
    with socket.create_connection((urlsplit(reported["url"]).hostname, urlsplit(reported["url"]).port)) as raw:
        raw.sendall(b"s3cret nonsense\r\n\r\n")
        raw.recv(100)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert "s3cret" not in output + errors
    assert reported["client_secret"] not in output + errors


@pytest.mark.slow
def test_killed_in_the_middle_nothing_that_was_answered_is_lost(run):
    """Refresh in a loop, kill -9, start again: every answered access token works, every used refresh token is used."""
    seed = {"apps": [APP], "users": [{"username": "u", "password": "password"}]}
    for round_ in range(4):
        process, reported = run(control=True, seed=seed, rotation="once")
        pairs = refreshed_until_killed(process, reported["url"], random.Random(round_).uniform(0.05, 0.2))
        assert len(pairs) > 2
        process, reported = run(control=True, seed=seed, rotation="once")
        assert {used(reported["url"], pair["access_token"]) for pair in pairs} == {200}
        assert {refresh(reported["url"], pair["refresh_token"]).status for pair in pairs[:-1]} == {400}
        process.kill()
        process.wait()


def refreshed_until_killed(process, url, seconds):
    """Give the pairs that were answered, in order; the very last refresh may have been done unheard."""
    pairs = call(url, "POST", "/_control/tokens", body={"client_id": "a", "count": 1}).json()["tokens"]
    killer = threading.Timer(seconds, process.kill)
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        while True:
            refreshed = refresh(url, pairs[-1]["refresh_token"])
            assert refreshed.status == 200
            pairs.append(refreshed.json())
            if len(pairs) == 3:
                killer.start()
    killer.join()
    process.wait()
    return pairs


def test_a_server_that_ends_in_the_middle_of_an_answer_makes_no_noise(caplog, capfd):
    with EmbeddedServer(demo(control=True)) as server:
        server.fail_next("/", delay=60)
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        connection.request("GET", "/")
        time.sleep(0.2)
    connection.close()
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_a_server_that_has_ended_says_so():
    with EmbeddedServer(demo()) as server:
        pass
    with pytest.raises(RuntimeError, match="has ended"):
        _ = server.ledger
    with server:
        assert server.ledger["alive"]


# ---------------------------------------------------------------- check
def test_the_result_describes_what_would_be_served(tmp_path):
    settings = Settings(
        profile="classic",
        database=f"sqlite:{tmp_path / 'db'}",
        seed={"apps": [APP], "users": []},
        faults=[{"path": "/oauth/token", "status": 503}],
    )
    assert check_config(settings) == {
        "profile": "classic",
        "measured_on": "Doorkeeper 5.6.6 on Rails 7.2.2",
        "rotation": "until-used",
        "database": {"address": f"sqlite:{tmp_path / 'db'}", "state": "new"},
        "apps": 1,
        "users": 0,
        "faults": 1,
        "responses": 0,
    }
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_has_been_served_is_ready_and_stays_as_it_was(tmp_path):
    database = f"sqlite:{tmp_path / 'db'}"
    with EmbeddedServer(Settings(port=0, database=database)):
        pass
    before = (tmp_path / "db").read_bytes()
    assert check_config(Settings(database=database))["database"]["state"] == "ready"
    assert (tmp_path / "db").read_bytes() == before


def test_a_log_or_a_host_that_cannot_be_used_is_named(tmp_path):
    with pytest.raises(ValueError, match="access_log"):
        check_config(Settings(database="memory:", access_log=tmp_path / "none" / "log"))
    with pytest.raises(ValueError, match="it is a folder"):
        check_config(Settings(database="memory:", access_log=str(tmp_path)))
    with pytest.raises(ValueError, match=r"host no\.such\.host\.invalid cannot be found"):
        check_config(Settings(database="memory:", host="no.such.host.invalid", insecure=True, plain_http=True))
