#!/usr/bin/env python3
"""Cancel, interrupt, close and fork programs that use an `AsyncTrakt`, thousands of times; say what was lost.

Usage: .venv/bin/python soak/async_storm.py [--cancels N] [--interrupts N] [--closes N] [--forks N] [--seed N]
       [--state FILE]

On each store (file, SQLite, Redis, PostgreSQL) one login is refreshed while
- tasks are cancelled at random moments, one or all,
- `asyncio.run` is interrupted by SIGINT at random moments,
- event loops are stopped and closed in the middle of a refresh,
- eight event loops in eight threads refresh it,
- a process forks while another thread refreshes, and each child refreshes in a loop of its own,
- gunicorn refreshes it in four workers that were forked from a process which had used it (`--preload`).
After each part the login must still be refreshable, no used refresh token may have been sent, and after `close()` no
thread, socket or child may be left. With --state a run that was stopped goes on with the parts that are left. Exit
status 1 if anything was lost or left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))  # for fidelity
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.postgres import PostgresServer
from support.process import free_port
from support.redis import RedisServer
from traktauth import App, AsyncTrakt, Trakt
from traktauth.testing import LocalTrakt

HANG = 900.0  # seconds for one part; a busy machine does not reach it
LATEST = 0.03  # seconds after which a task is cancelled or interrupted; a refresh takes about ten milliseconds
LOST = 30.0  # seconds after which an interrupt that has no effect counts as lost
PARTS = ("cancel", "interrupt", "close", "threads", "fork", "preload")


def open_trakt(app: list[str], store: str, service: str) -> AsyncTrakt:
    """Return a client of an app, given by its id and secret."""
    return AsyncTrakt(App(app[0], client_secret=app[1]), service=service, store=store)


# ---------------------------------------------------------------- the parts, each in a process of its own
async def call(trakt: AsyncTrakt, chance: random.Random) -> None:
    """Refresh, or make a request that may have to."""
    if chance.random() < 0.7:
        await trakt.refresh()
    else:
        await trakt.request("GET", "/users/settings")


async def cancel(trakt: AsyncTrakt, count: int, chance: random.Random) -> None:
    """Cancel tasks at random moments."""
    done = 0
    while done < count:
        tasks = [asyncio.create_task(call(trakt, chance)) for _ in range(chance.randint(1, 4))]
        await asyncio.sleep(chance.uniform(0, LATEST))
        for task in tasks:
            if chance.random() < 0.8 and task.cancel():
                done += 1
                while chance.random() < 0.2:  # impatient callers
                    task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
                raise outcome
    await trakt.close()


def interrupt(open_one: Callable[[], AsyncTrakt], count: int, chance: random.Random) -> None:
    """Interrupt `asyncio.run` by SIGINT at random moments."""

    async def work() -> None:
        # The signal is sent from here on: before, Python raises KeyboardInterrupt, and drops it in a finalizer.
        timer = threading.Timer(chance.uniform(0, LATEST), os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        latest = time.monotonic() + LOST
        async with open_one() as trakt:
            while time.monotonic() < latest:
                await call(trakt, chance)
        raise RuntimeError("an interrupt was lost")

    for _ in range(count):
        with suppress(KeyboardInterrupt):
            asyncio.run(work())


def close(open_one: Callable[[], AsyncTrakt], count: int, chance: random.Random) -> None:
    """Stop and close event loops in the middle of a refresh."""
    warnings.simplefilter("ignore")  # of coroutines that were never awaited, which is what is done here
    for _ in range(count):
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *_: None)
        trakt = open_one()
        task = loop.create_task(call(trakt, chance))
        loop.call_later(chance.uniform(0, LATEST), loop.stop)
        loop.run_forever()
        loop.close()
        del task, trakt


def threads(open_one: Callable[[], AsyncTrakt], count: int, chance: random.Random) -> None:
    """Refresh in eight event loops in eight threads, with one client and with eight."""
    shared = open_one()
    errors: list[BaseException] = []

    async def work(trakt: AsyncTrakt) -> None:
        for _ in range(count):
            await call(trakt, chance)
        if trakt is not shared:
            await trakt.close()

    def run(trakt: AsyncTrakt) -> None:
        try:
            asyncio.run(work(trakt))
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    for trakts in ([shared] * 8, [open_one() for _ in range(8)]):
        running = [threading.Thread(target=run, args=(trakt,)) for trakt in trakts]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    asyncio.run(shared.close())  # with the store, so when no thread uses it any more
    if errors:
        raise errors[0]


def fork(open_one: Callable[[], AsyncTrakt], count: int, chance: random.Random) -> None:
    """Fork while another thread refreshes; each child refreshes in a loop of its own."""
    warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads, which is what is done here
    stop = threading.Event()
    trakt = open_one()

    async def work() -> None:
        while not stop.is_set():
            await trakt.refresh()
        await trakt.close()

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    failed = 0
    for _ in range(count):
        time.sleep(chance.uniform(0, LATEST))
        child = os.fork()
        if not child:
            status = 1
            try:
                asyncio.run(trakt.refresh())
                status = 0
            finally:
                os._exit(status)
        failed += os.waitpid(child, 0)[1] != 0
    stop.set()
    thread.join()
    if failed:
        raise RuntimeError(f"{failed} children failed")


def sockets() -> int:
    """Return how many sockets this process has open."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the folder's own descriptor
            found += str(link.readlink()).startswith("socket:")
    return found


def work(part: str, place: list[Any], count: int, seed: int) -> int:
    """Do one part in this process; say what is left of it."""
    chance = random.Random(seed)  # noqa: S311 - chance needs no secrecy
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets its background jobs ignore it

    def open_one() -> AsyncTrakt:
        return open_trakt(*place)

    before = sockets()
    if part == "cancel":
        asyncio.run(cancel(open_one(), count, chance))
    else:
        {"interrupt": interrupt, "close": close, "threads": threads, "fork": fork}[part](open_one, count, chance)
    if part in {"interrupt", "close"}:  # nothing can be closed in a loop that has ended
        return 0
    deadline = time.monotonic() + 60.0
    while (left := remaining(before)) and time.monotonic() < deadline:
        time.sleep(0.1)  # a refresh that outlived its caller may be ending
    print(left)
    return bool(left)


def remaining(sockets_before: int) -> str:
    """Return which threads and sockets are left, but those that every process keeps: four threads for stores."""
    names = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    names = [name for name in names if not name.startswith("traktauth-store")]
    open_now = sockets()
    return f"threads {names}, {open_now - sockets_before} sockets" if names or open_now > sockets_before else ""


def application(_environ: object, start_response: Callable[..., object]) -> list[bytes]:
    """Refresh in a loop of this request: `gunicorn --preload async_storm:application`."""
    asyncio.run(PRELOADED[0].refresh())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


PRELOADED: list[AsyncTrakt] = []
if os.environ.get("ASYNC_STORM"):
    PRELOADED.append(open_trakt(*json.loads(os.environ["ASYNC_STORM"])))
    asyncio.run(PRELOADED[0].token())


def preload(place: list[Any], count: int) -> str:
    """Refresh in four workers of gunicorn, from four clients at once; return what went wrong."""
    port, folder = free_port(), Path(__file__).parent
    program = ["-m", "gunicorn", "--preload", "--workers=4", f"--bind=127.0.0.1:{port}", "async_storm:application"]
    environment = os.environ | {"ASYNC_STORM": json.dumps(place)}
    server = subprocess.Popen([sys.executable, *program], cwd=folder, env=environment, stderr=subprocess.PIPE)  # noqa: S603 - ours
    script = (
        "import sys, time, urllib.request as r\n"
        "for n in range(int(sys.argv[2])):\n"
        "    for last in range(600):\n"
        "        try: r.urlopen(sys.argv[1], timeout=120).read(); break\n"
        "        except ConnectionError: time.sleep(0.1)\n"
        "        except OSError as e:\n"
        "            if not isinstance(getattr(e, 'reason', None), ConnectionError): raise\n"
        "            time.sleep(0.1)\n"
        "    else: raise SystemExit('no answer')\n"
    )
    client = [sys.executable, "-c", script, f"http://127.0.0.1:{port}/", str(count // 4)]
    clients = [subprocess.Popen(client, stderr=subprocess.PIPE) for _ in range(4)]  # noqa: S603 - ours
    problems = [problem for each in clients if (problem := each.communicate(timeout=HANG)[1].decode()[-300:])]
    server.terminate()
    log = server.communicate(timeout=60)[1].decode()
    return " ".join(problems + [line for line in log.splitlines() if "Error" in line][:3])


# ---------------------------------------------------------------- the run
def main() -> int:
    """Run, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cancels", type=int, default=2000, help="on each store")
    parser.add_argument("--interrupts", type=int, default=1000, help="on each store")
    parser.add_argument("--closes", type=int, default=500, help="on each store")
    parser.add_argument("--forks", type=int, default=100, help="on each store")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work(*json.loads(options.work))
    counts = {"cancel": options.cancels, "interrupt": options.interrupts, "close": options.closes}
    counts |= {"threads": 25, "fork": options.forks, "preload": options.forks}
    state: dict[str, list[str]] = {"done": [], "wrong": []}
    if options.state and options.state.exists():
        state = json.loads(options.state.read_text())
    began, refreshes = time.monotonic(), 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = RedisServer(folder)
        stack.callback(redis.stop)
        postgres = PostgresServer()
        stack.callback(postgres.stop)
        with psycopg.connect(postgres.url, autocommit=True) as admin:
            admin.execute("CREATE SCHEMA storm")
        stores = {
            "file": f"file:{folder}/logins.json",
            "sqlite": f"sqlite:{folder}/logins.db",
            "redis": redis.url,
            "postgres": f"{postgres.url}?options=-csearch_path%3Dstorm",
        }
        for name, store in stores.items():
            for part in PARTS:
                if f"{part} on {name}" not in state["done"]:
                    wrong, sent = run_part(part, store, counts[part], options.seed)
                    refreshes += sent
                    state["done"].append(f"{part} on {name}")
                    state["wrong"] += [f"{part} on {name}: {wrong}"] * bool(wrong)
                    print(f"{part} on {name}: {wrong or 'nothing lost'}, {sent} refreshes", file=sys.stderr, flush=True)
                    if options.state:
                        options.state.write_text(json.dumps(state))
    asked = ", ".join(f"{4 * count} {part}" for part, count in counts.items())
    parts = f"{len(state['done'])} of {4 * len(PARTS)} parts"
    print(f"{parts} ({asked}): {refreshes} refreshes, {len(state['wrong'])} wrong; {time.monotonic() - began:.0f} s")
    print("\n".join(state["wrong"]))
    return bool(state["wrong"])


def run_part(part: str, store: str, count: int, seed: int) -> tuple[str, int]:
    """Run one part with a local Trakt and a new sign-in; return what went wrong, and how many refreshes arrived."""
    with LocalTrakt() as server:
        with Trakt(server.app, service=server.url, store=store) as trakt:
            server.sign_in_at(trakt)
        place = [[server.app.client_id, server.app.client_secret], store, server.url]
        if part == "preload":
            wrong = preload(place, count)
        else:
            command = [sys.executable, __file__, "--work", json.dumps([part, place, count, seed])]
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - this script
            try:
                out, err = child.communicate(timeout=HANG)
                wrong = f"status {child.returncode}: {(out + err).decode()[-600:]}" if child.returncode else ""
            except subprocess.TimeoutExpired:
                child.kill()
                wrong = "it hangs"
        with Trakt(server.app, service=server.url, store=store) as trakt:
            trakt.refresh()  # raises LoginRequired if the login was lost
        ledger = server.ledger
        if ledger["replays"]:
            wrong += f" {ledger['replays']} used refresh tokens were sent"
        return wrong, ledger["rotations"]


if __name__ == "__main__":
    sys.exit(main())
