"""From Begin to Save nothing stops a refresh short of SIGKILL; what came meanwhile is raised after it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time

import pytest

from traktauth import AsyncTrakt
from traktauth.models import LoginKey
from traktauth.stores.open import open_store

HEAD = """
import asyncio, os, signal, sys, threading, time
from traktauth import App, AsyncTrakt, Trakt
from traktauth.models import LoginKey
from traktauth.stores.open import open_store

base, address = sys.argv[1:]
app = App("client-id", client_secret="secret-canary", redirect_uri="http://127.0.0.1:9876/callback")

def stored():
    return open_store(address).load(LoginKey(base, "client-id", "default")).generation

def terminated(*_):
    raise SystemExit(7)

signal.signal(signal.SIGTERM, terminated)
"""

BLOCKING = """
trakt = Trakt(app, service=base, store=address)
try:
    trakt.token()
except BaseException as error:
    print(type(error).__name__, stored())
else:
    print("nothing was raised", stored())
"""

AWAITING = """
async def main():
    async with AsyncTrakt(app, service=base, store=address) as trakt:
        await trakt.token()

try:
    asyncio.run(main())
except BaseException as error:
    print(type(error).__name__, stored())
else:
    print("nothing was raised", stored())
"""

IN_ANOTHER_THREAD = """
trakt = Trakt(app, service=base, store=address)
threading.Thread(target=lambda: print(trakt.token().generation, stored()), daemon=%s).start()
while "traktauth-refresh" not in [thread.name for thread in threading.enumerate() if thread.ident]:
    time.sleep(0.001)
"""

AWAITING_IN_ANOTHER_THREAD = """
async def main():
    async with AsyncTrakt(app, service=base, store=address) as trakt:
        print((await trakt.token()).generation, stored())

threading.Thread(target=lambda: asyncio.run(main())).start()
"""


class Held:
    """A strict Trakt that holds its next refresh until it is told to go on."""

    def __init__(self, server):
        self.server = server
        self.go_on = threading.Event()
        server.before.append(lambda: self.go_on.wait(120))

    def arrived(self):
        assert self.server.arrived.wait(60)

    async def aarrived(self):
        await asyncio.to_thread(self.arrived)


@pytest.fixture
def held(trakt_server):
    held = Held(trakt_server)
    yield held
    held.go_on.set()


@pytest.fixture
def run(trakt_server, address):
    """Start a program; its output when it ends."""
    started = []

    def start(code):
        process = subprocess.Popen(
            [sys.executable, "-c", HEAD + code, trakt_server.base, address],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("code", "sign", "raised"),
    [
        pytest.param(BLOCKING, signal.SIGINT, "KeyboardInterrupt", id="SIGINT"),
        pytest.param(BLOCKING, signal.SIGTERM, "SystemExit", id="SIGTERM", marks=pytest.mark.slow),
        pytest.param(AWAITING, signal.SIGINT, "KeyboardInterrupt", id="SIGINT-async", marks=pytest.mark.slow),
        pytest.param(AWAITING, signal.SIGTERM, "SystemExit", id="SIGTERM-async", marks=pytest.mark.slow),
    ],
)
def test_a_signal_is_raised_after_the_save(run, held, sign_in, trakt_server, code, sign, raised):
    sign_in(left=-1)
    process = run(code)
    held.arrived()
    for _ in range(3 if code is BLOCKING else 1):  # a second Ctrl-C does no more than the first
        process.send_signal(sign)
        time.sleep(0.05)  # so that signals are not merged
    assert process.poll() is None
    held.go_on.set()
    output, _ = process.communicate(timeout=60)
    assert output.split() == [raised, "2"]
    assert len(trakt_server.refreshes) == 1


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(IN_ANOTHER_THREAD % False, id="thread"),
        pytest.param(IN_ANOTHER_THREAD % True, id="daemon thread", marks=pytest.mark.slow),
        pytest.param(AWAITING_IN_ANOTHER_THREAD, id="async", marks=pytest.mark.slow),
    ],
)
def test_a_program_that_ends_is_kept_until_the_save(run, held, sign_in, trakt_server, code, address, app):
    sign_in(left=-1)
    process = run(code)
    held.arrived()
    held.go_on.set()
    process.communicate(timeout=60)
    assert open_store(address).load(LoginKey(trakt_server.base, app.client_id, "default")).generation == 2


BEGUN_LATE = """
def work():
    threading.main_thread().join()
    print(Trakt(app, service=base, store=address).token().generation)

threading.Thread(target=work).start()
"""

AWAITED_LATE = """
async def main():
    async with AsyncTrakt(app, service=base, store=address) as trakt:
        print((await trakt.token()).generation)

def work():
    threading.main_thread().join()
    asyncio.run(main())

threading.Thread(target=work).start()
"""


@pytest.mark.slow
@pytest.mark.parametrize("code", [BEGUN_LATE, AWAITED_LATE], ids=["blocking", "async"])
def test_a_refresh_that_begins_after_the_main_thread_has_ended_is_saved(run, sign_in, trakt_server, app, address, code):
    """Python 3.12 starts no thread any more by then."""
    sign_in(left=-1)
    output, _ = run(code).communicate(timeout=60)
    assert output == "2\n"
    assert open_store(address).load(LoginKey(trakt_server.base, app.client_id, "default")).generation == 2
    assert len(trakt_server.refreshes) == 1


# ---------------------------------------------------------------- asyncio, in this process
@pytest.fixture
def stored(trakt_server, app, address):
    login = LoginKey(trakt_server.base, app.client_id, "default")
    return lambda: open_store(address).load(login).generation


def later(held, seconds=0.1):
    """Let the refresh go on after what the event loop has to do until then."""
    asyncio.get_running_loop().call_later(seconds, held.go_on.set)


@pytest.mark.asyncio
async def test_a_cancelled_task_ends_after_the_save(held, sign_in, trakt_server, app, address, stored):
    sign_in(left=-1)
    async with AsyncTrakt(app, service=trakt_server.base, store=address) as trakt:
        task = asyncio.create_task(trakt.token())
        await held.aarrived()
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.02)
            assert not task.done()
        held.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stored() == 2
        assert (await trakt.token()).generation == 2
    assert len(trakt_server.refreshes) == 1


def test_the_teardown_of_a_loop_ends_after_the_save(held, sign_in, trakt_server, app, address, stored):
    sign_in(left=-1)
    kept = []

    async def main():
        trakt = AsyncTrakt(app, service=trakt_server.base, store=address)
        kept.append((trakt, asyncio.create_task(trakt.token())))
        await held.aarrived()
        later(held)

    asyncio.run(main())
    assert stored() == 2
    assert kept[0][1].cancelled()


@pytest.mark.asyncio
async def test_waiters_get_the_token_of_a_cancelled_leader(held, sign_in, trakt_server, app, address):
    sign_in(left=-1)
    async with (
        AsyncTrakt(app, service=trakt_server.base, store=address) as one,
        AsyncTrakt(app, service=trakt_server.base, store=address) as two,
    ):
        leader = asyncio.create_task(one.token())
        await held.aarrived()
        waiter = asyncio.create_task(two.token())
        await asyncio.sleep(0.05)
        leader.cancel()
        held.go_on.set()
        assert (await waiter).generation == 2
        with pytest.raises(asyncio.CancelledError):
            await leader
    assert len(trakt_server.refreshes) == 1


@pytest.mark.asyncio
async def test_a_cancelled_waiter_leaves_the_others_waiting(held, sign_in, trakt_server, app, address):
    sign_in(left=-1)
    async with AsyncTrakt(app, service=trakt_server.base, store=address) as trakt:
        leader = asyncio.create_task(trakt.token())
        await held.aarrived()  # only now is it certain which task sends: the others read the store in threads
        cancelled, *waiters = [asyncio.create_task(trakt.token()) for _ in range(4)]
        await asyncio.sleep(0.05)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        held.go_on.set()
        assert [token.generation for token in await asyncio.gather(leader, *waiters)] == [2] * 4
    assert len(trakt_server.refreshes) == 1


# ---------------------------------------------------------------- SIGKILL
