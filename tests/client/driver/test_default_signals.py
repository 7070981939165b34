"""A program without handlers gets SIGTERM or SIGHUP while a refresh is sent and not saved yet."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from traktauth.client.driver import shield
from traktauth.client.driver.shield import deferring_signals, shielded_work
from traktauth.models import LoginKey
from traktauth.stores.open import open_store

PROGRAM = """
import asyncio, signal, sys
from traktauth import App, AsyncTrakt, Trakt

base, address, kind = sys.argv[1:]
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may ignore it
app = App("client-id", client_secret="secret-canary", redirect_uri="http://127.0.0.1:9876/callback")

async def main():
    async with AsyncTrakt(app, service=base, store=address) as trakt:
        await trakt.token()

asyncio.run(main()) if kind == "async" else Trakt(app, service=base, store=address).token()
"""


@pytest.mark.parametrize(
    ("sign", "kind"),
    [
        pytest.param(signal.SIGTERM, "blocking", id="SIGTERM"),
        pytest.param(signal.SIGHUP, "blocking", id="SIGHUP", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, "async", id="SIGTERM-async", marks=pytest.mark.slow),
    ],
)
def test_a_program_is_ended_when_its_new_token_is_saved(kind, sign, sign_in, trakt_server, app, address):
    sign_in(left=-1)
    arguments = [sys.executable, "-c", PROGRAM, trakt_server.base, address, kind]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE) as process:
        trakt_server.before.append(lambda: process.send_signal(sign))
        _, message = process.communicate(timeout=60)
    record = open_store(address).load(LoginKey(trakt_server.base, app.client_id, "default"))
    assert (process.returncode, record.generation, record.pending_refresh) == (-sign, 2, None), message


# ------------------------------------------------------------ in this process
@pytest.fixture
def before():
    """Set the default handler of SIGTERM: a run that measures coverage has another one."""
    found = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield signal.SIG_DFL
    signal.signal(signal.SIGTERM, found)


def test_the_default_is_restored_when_the_last_call_ends(before):
    one, two = deferring_signals(), deferring_signals()
    one.__enter__()
    two.__enter__()  # another task of the same loop
    one.__exit__(None, None, None)
    assert signal.getsignal(signal.SIGTERM) is not before
    two.__exit__(None, None, None)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_handler_of_the_program_is_left_alone(before):
    arrived = []
    signal.signal(signal.SIGTERM, lambda number, _: arrived.append(number))
    with deferring_signals(), shielded_work():
        signal.raise_signal(signal.SIGTERM)
        assert arrived == [signal.SIGTERM]


def test_a_handler_that_is_set_meanwhile_gets_the_signal(before):
    arrived = []
    with deferring_signals():
        with shielded_work():
            signal.raise_signal(signal.SIGTERM)
            signal.signal(signal.SIGTERM, lambda number, _: arrived.append(number))
        assert arrived == []
    assert arrived == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is not before


def test_another_thread_sets_no_handler(before):
    found = []

    def work():
        with deferring_signals():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [before]
    assert not shield._calls
