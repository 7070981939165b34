"""A process with one login: a line on stdin is a question, a line on stdout what came of it, as JSON.

Usage: worker.py {"kind": "blocking" | "async" | "tasks", "store": …, "service": …, "app": [id, secret, redirect], …}

`token` asks for a token; `at N` sets its clock N seconds off and asks. `lease` shortens the store's leases and the
time after which a holder that was stopped sends nothing; `stop` names the change after which it stops itself.
Of the kind `tasks`, a thousand tasks ask at once, and the answer is the last one's.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import time

from traktauth import App, AsyncTrakt, Trakt
from traktauth.errors import TraktAuthError
from traktauth.flow import refresh, refresh_policy
from traktauth.stores.database import store as database_store
from traktauth.stores.open import open_store

OFFSET = [0.0]


def clock():
    return time.time() + OFFSET[0]


def questions():
    print(json.dumps({"ready": os.getpid()}), flush=True)
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "at":
            OFFSET[0] = float(rest)
        yield


def answer(token=None, error=None):
    reported = {"pid": os.getpid(), "at": time.time()}
    if error is None:
        reported |= {"access": token.access_token, "generation": token.generation, "end": token.expires_at}
    else:
        reported |= {"error": type(error).__name__, "reason": getattr(error, "reason", ""), "says": str(error)}
    print(json.dumps(reported), flush=True)


def shorten(lease):
    """Let leases end early; anyone who was stopped for that long between the lock and the sending sends nothing."""
    database_store.LEASE = lease
    refresh.LEASE = refresh_policy.LEASE = refresh_policy.REQUEST_TIMEOUT + lease


def stop_after(store, change):
    """Stop this process as SIGSTOP from outside would, straight after the store has applied a change of this name."""
    real = store.apply

    def stop():
        store.apply = real
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # stops every thread, this one at once

    def once(login, wanted):
        done = real(login, wanted)
        if type(wanted).__name__ == change:
            stop()
        return done

    store.apply = once


def blocking(made, stop):
    with Trakt(**made) as trakt:
        if stop:
            stop_after(trakt.store, stop)
        for _ in questions():
            try:
                answer(trakt.token())
            except TraktAuthError as error:
                answer(error=error)


async def awaited(made, stop):
    async with AsyncTrakt(**made) as trakt:
        if stop:
            stop_after(trakt.store, stop)
        for _ in questions():
            try:
                answer(await trakt.token())
            except TraktAuthError as error:
                answer(error=error)


async def thousand(made):
    store = open_store(made["store"])
    everybody = [AsyncTrakt(**{**made, "store": store}) for _ in range(1000)]
    for _ in questions():
        tokens = await asyncio.gather(*[trakt.token() for trakt in everybody])
        assert len({token.access_token for token in tokens}) == 1
        answer(tokens[0])
    store.close()


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    client_id, secret, redirect = asked["app"]
    made = {
        "app": App(client_id, client_secret=secret, redirect_uri=redirect),
        "service": asked["service"],
        "store": asked["store"],
        "clock": clock,
    }
    OFFSET[0] = asked.get("offset", 0.0)
    if asked.get("lease"):
        shorten(asked["lease"])
    if asked["kind"] == "blocking":
        blocking(made, asked.get("stop"))
    elif asked["kind"] == "tasks":
        asyncio.run(thousand(made))
    else:
        asyncio.run(awaited(made, asked.get("stop")))
