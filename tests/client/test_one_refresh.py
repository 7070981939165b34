"""Any caller that asks, in whatever thread, task, loop or process: one refresh, and everybody has the new token."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from traktauth import AsyncTrakt, Trakt

PROGRAM = """
import asyncio, json, sys, threading
from traktauth import App, AsyncTrakt, Trakt

base, address, kind, count = sys.argv[1:]
app = App("client-id", client_secret="secret-canary", redirect_uri="http://127.0.0.1:9876/callback")
print("ready", flush=True)
sys.stdin.readline()

async def one():
    async with AsyncTrakt(app, service=base, store=address) as trakt:
        return (await trakt.token()).access_token

async def many():
    return await asyncio.gather(*[one() for _ in range(int(count))])

if kind == "async":
    got = asyncio.run(many())
else:
    got = []
    def ask():
        with Trakt(app, service=base, store=address) as trakt:
            got.append(trakt.token().access_token)
    threads = [threading.Thread(target=ask) for _ in range(int(count))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
print(json.dumps(got))
"""


@pytest.fixture
def processes(trakt_server, address):
    """Start processes that ask when they are told to; `ask()` returns what all of them got."""
    started = []

    def start(number, kind="blocking", count=1):
        for _ in range(number):
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, trakt_server.base, address, kind, str(count)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            started.append(process)

    def ask():
        for process in started:
            assert process.stdout.readline() == "ready\n"
        for process in started:
            process.stdin.write("\n")
            process.stdin.flush()
        return [token for process in started for token in json.loads(process.communicate(timeout=60)[0])]

    yield start, ask
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def ask(trakt_server, app, address):
    """Ask for a token, each time with an object of its own."""

    def ask(_=None):
        with Trakt(app, service=trakt_server.base, store=address) as trakt:
            return trakt.token().access_token

    return ask


def slow(server, seconds=0.3):
    server.before.append(lambda: time.sleep(seconds))


def one_refresh(server, got, count):
    assert len(got) == count
    assert len(set(got)) == 1
    assert got[0] in server.access
    assert len(server.refreshes) == 1
    assert server.killed == 0


def test_processes_threads_loops_and_tasks_cause_one_refresh(trakt_server, app, address, sign_in, processes):
    start, ask = processes
    sign_in(left=-1)
    slow(trakt_server, 0.6)
    start(2, "async", 20)
    start(2, "blocking", 5)
    got = []

    def blocking():
        with Trakt(app, service=trakt_server.base, store=address) as trakt:
            got.append(trakt.token().access_token)

    async def awaited():
        async with AsyncTrakt(app, service=trakt_server.base, store=address) as trakt:
            got.extend(token.access_token for token in await asyncio.gather(*[trakt.token() for _ in range(10)]))

    with ThreadPoolExecutor(8) as pool:
        threads = [pool.submit(blocking) for _ in range(5)]
        threads += [pool.submit(asyncio.run, awaited()) for _ in range(3)]
        got += ask()
        for thread in threads:
            thread.result()
    one_refresh(trakt_server, got, 40 + 10 + 5 + 30)


@pytest.mark.parametrize("left", [300, 90], ids=["advisory", "almost mandatory"])
def test_a_slow_refresh_is_not_waited_for_while_the_old_token_is_valid(trakt_server, ask, sign_in, left):
    old = sign_in(life=4000, left=left)
    go_on = threading.Event()
    trakt_server.before.append(lambda: go_on.wait(120))

    with ThreadPoolExecutor(10) as pool:
        leader = pool.submit(ask)
        assert trakt_server.arrived.wait(60)
        began = time.monotonic()
        got = list(pool.map(ask, range(9)))
        assert time.monotonic() - began < 60
        assert set(got) == {old.access_token}
        go_on.set()
        assert leader.result() != old.access_token
    assert len(trakt_server.refreshes) == 1
