"""A process of `soak/chaos.py`: `python chaos_worker.py JSON`, until SIGTERM. It writes a line of JSON for each call.

JSON: service, app (id and secret), store, kind (blocking or async), accounts, log, clock (a file with the clock's error
as a double), seed.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import random
import signal
import struct
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from traktauth import App, AsyncTrakt, LoginRequired, Trakt, TraktAuthError

PATH = "/users/settings"
LANES = 3  # threads or tasks
asked = json.loads(sys.argv[1])
chance = random.Random(asked["seed"])  # noqa: S311 - chance needs no secrecy
stop = threading.Event()
log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
with Path(asked["clock"]).open("rb") as file:
    error_of_clock = mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)


def clock() -> float:
    """Return the time, with the clock's error."""
    return time.time() + struct.unpack("d", error_of_clock)[0]


def note(account: str, error: BaseException | None = None) -> None:
    """Write how a call ended."""
    line = {"account": account, "at": time.time()}
    if error is not None:
        line |= {"error": type(error).__name__, "says": str(error)[:200]}
    if isinstance(error, LoginRequired):
        line["reason"] = error.reason
    os.write(log, json.dumps(line).encode() + b"\n")


def choose(trakts: list) -> tuple:
    """Return an account's client, and what to call."""
    trakt = chance.choice(trakts)
    dice = chance.random()
    if dice < 0.7:
        return trakt, lambda: trakt.request("GET", PATH)
    return trakt, trakt.token if dice < 0.95 else trakt.refresh


def call(trakts: list) -> None:
    """Call in this thread until told to stop; Ctrl-C ends one call."""
    while not stop.is_set():
        with suppress(KeyboardInterrupt):
            trakt, verb = choose(trakts)
            try:
                verb()
            except (TraktAuthError, KeyboardInterrupt) as error:
                note(trakt.account, error)
            else:
                note(trakt.account)
            time.sleep(chance.uniform(0, 0.2))


async def call_async(trakts: list) -> None:
    """Do the same in a task."""
    while not stop.is_set():
        trakt, verb = choose(trakts)
        try:
            await verb()
        except TraktAuthError as error:
            note(trakt.account, error)
        else:
            note(trakt.account)
        await asyncio.sleep(chance.uniform(0, 0.2))


async def main_async(made: dict) -> None:
    """Call in tasks."""
    async with AsyncTrakt(**made) as trakt:
        trakts = [trakt.for_account(account) for account in asked["accounts"]]
        await asyncio.gather(*(call_async(trakts) for _ in range(LANES)))


def main() -> None:
    """Call from threads, the main thread among them, or from tasks."""
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if asked["kind"] == "async":
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it would end the loop, and with it the process
    client_id, client_secret = asked["app"]
    app = App(client_id, client_secret=client_secret, user_agent=f"chaos/{os.getpid()}")
    made = {"app": app, "service": asked["service"], "store": asked["store"], "clock": clock}
    if asked["kind"] == "async":
        asyncio.run(main_async(made))
        return
    with Trakt(**made) as trakt:
        trakts = [trakt.for_account(account) for account in asked["accounts"]]
        threads = [threading.Thread(target=call, args=(trakts,)) for _ in range(LANES - 1)]
        for thread in threads:
            thread.start()
        call(trakts)
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
