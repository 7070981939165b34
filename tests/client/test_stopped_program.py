"""A program that is stopped (SIGSTOP, `docker pause`) reads what arrived meanwhile before it gives up on time."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from traktauth.models import LoginKey
from traktauth.stores.open import open_store

pytestmark = pytest.mark.slow

PROGRAM = """
import asyncio, sys
from traktauth import App, AsyncTrakt, Trakt
from traktauth.client import http_exchange

http_exchange.REQUEST_TIMEOUT = 3.0
base, address, kind = sys.argv[1:]
app = App("client-id", client_secret="secret-canary", redirect_uri="http://127.0.0.1:9876/callback")

async def main():
    async with AsyncTrakt(app, service=base, store=address) as trakt:
        return await trakt.token()

try:
    token = asyncio.run(main()) if kind == "async" else Trakt(app, service=base, store=address).token()
    print(token.generation)
except Exception as error:
    print(repr(error))
"""


@pytest.mark.parametrize("kind", ["blocking", "async"])
@pytest.mark.parametrize("arrives", ["while it is stopped", "when it goes on"])
def test_a_program_that_was_stopped_reads_the_response_before_it_gives_up(
    kind, arrives, sign_in, trakt_server, app, address
):
    sign_in(left=-1)
    go_on = threading.Event()
    trakt_server.before.append(lambda: go_on.wait(120))
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, trakt_server.base, address, kind], stdout=subprocess.PIPE, text=True
    )
    try:
        assert trakt_server.arrived.wait(60)
        process.send_signal(signal.SIGSTOP)
        if arrives == "while it is stopped":
            go_on.set()
        time.sleep(5)  # more than its time limit
        process.send_signal(signal.SIGCONT)
        go_on.set()
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert output == "2\n"
    assert open_store(address).load(LoginKey(trakt_server.base, app.client_id, "default")).generation == 2
