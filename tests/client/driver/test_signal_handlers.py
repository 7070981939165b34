"""A signal handler that asks for a token in the middle of its own thread's refresh does not wait for itself."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from traktauth.models import LoginKey
from traktauth.stores.open import open_store

PROGRAM = """
import signal, sys
from traktauth import App, Trakt, TraktAuthError

base, address, verb = sys.argv[1:]
app = App("client-id", client_secret="secret-canary", redirect_uri="http://127.0.0.1:9876/callback")
trakt = Trakt(app, service=base, store=address)

def handle(*_):
    print("handler", flush=True)
    try:
        outcome = getattr(trakt, verb)().generation
    except TraktAuthError as error:
        outcome = type(error).__name__
    print(outcome, flush=True)

signal.signal(signal.SIGUSR1, handle)
print("ready", flush=True)
print("main", trakt.token().generation, flush=True)
"""


@pytest.mark.parametrize("verb", ["token", pytest.param("refresh", marks=pytest.mark.slow)])
def test_a_signal_handler_gets_the_token_that_its_own_thread_waits_for(verb, sign_in, trakt_server, app, tmp_path):
    address = f"file:{tmp_path}/tokens.json"
    sign_in(address, left=-1)
    go_on = threading.Event()
    trakt_server.before.append(lambda: go_on.wait(120))
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, trakt_server.base, address, verb], stdout=subprocess.PIPE, text=True
    )
    try:
        assert trakt_server.arrived.wait(60)
        process.send_signal(signal.SIGUSR1)
        assert [process.stdout.readline() for _ in range(2)] == ["ready\n", "handler\n"]
        go_on.set()
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert output.splitlines() == ["2", "main 2"]
    assert len(trakt_server.refreshes) == 1
    assert open_store(address).load(LoginKey(trakt_server.base, app.client_id, "default")).pending_refresh is None
