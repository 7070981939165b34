"""What a store costs: `token()` with a living token, against the marks and one bare round trip of the driver.

Usage: python benchmarks/stores.py [--accounts N]
    --accounts N   also: what a keeper's claim of 32 costs among 1 000 and among N accounts (in PostgreSQL and Redis)
Servers are started on free ports where the machine has them. Figures are medians of several runs, in microseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psycopg
import redis

from support.engines import Missing
from support.postgres import PostgresServer
from support.redis import RedisServer
from traktauth import App, AsyncTrakt, Token, Trakt
from traktauth.models import LoginKey
from traktauth.models.changes import SaveToken
from traktauth.stores.encryption import new_key
from traktauth.stores.open import open_store

SERVICE = "http://127.0.0.1:1"
APP = App("client-id", client_secret="secret")
MARKS = {"memory": 10.0, "file": 60.0, "sqlite": 50.0}
TOKEN = Token("a" * 64, refresh_token="r" * 64, expires_in=604800, expires_at=time.time() + 600000, generation=1)


def measure(work, runs=7, seconds=0.15):
    """Return the median cost of a call, in microseconds."""
    work()
    costs = []
    for _ in range(runs):
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            work()
            count += 1
        costs.append((time.perf_counter() - began) / count * 1e6)
    return statistics.median(costs)


def compare(bare, work, runs=15):
    """Return the median costs of both, and of their ratio, measured by turns as other programs run here too."""
    pairs = [(measure(bare, 1, 0.06), measure(work, 1, 0.06)) for _ in range(runs)]
    costs = [statistics.median(costs) for costs in zip(*pairs, strict=True)]
    return (*costs, statistics.median(cost / trip for trip, cost in pairs))


async def measure_async(work, runs=7, seconds=0.15):
    await work()
    costs = []
    for _ in range(runs):
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            await work()
            count += 1
        costs.append((time.perf_counter() - began) / count * 1e6)
    return statistics.median(costs)


def signed_in(store):
    store = open_store(store)
    store.apply(LoginKey(SERVICE, APP.client_id, "default"), SaveToken(TOKEN, after=0, at=time.time()))
    return store


def blocking_cost(address):
    with closing(signed_in(address)) as store:
        return measure(Trakt(APP, service=SERVICE, store=store).token)


async def async_cost(address):
    async with AsyncTrakt(APP, service=SERVICE, store=address) as trakt:
        return await measure_async(trakt.token)


def report(name, cost, mark, what):
    verdict = "" if mark is None else f"{'ok' if cost <= mark else 'OVER':>5}  {cost / mark:5.2f} x {what}"
    print(f"{name:32} {cost:8.1f} us {verdict}", flush=True)


def servers(until_the_end):
    """Yield the kind, the address, and one bare round trip for a row's worth of bytes, blocking."""
    try:
        server = RedisServer(Path(tempfile.mkdtemp()))
        until_the_end.callback(server.kill)
        client = redis.Redis.from_url(server.url)
        until_the_end.callback(client.close)
        client.set("x", "y" * 600)
        yield "redis", server.url, lambda: client.get("x")
    except Missing as missing:
        print(f"redis: skipped, {missing}")
    try:
        postgres = PostgresServer()
        until_the_end.callback(postgres.stop)
        connection = until_the_end.enter_context(psycopg.connect(postgres.url, autocommit=True))
        connection.execute("CREATE TABLE bare (id int PRIMARY KEY, body text)")
        connection.execute("INSERT INTO bare SELECT i, repeat('y', 600) FROM generate_series(1, 1000) i")
        yield "postgres", postgres.url, lambda: connection.execute("SELECT * FROM bare WHERE id = %s", [7]).fetchall()
    except Missing as missing:
        print(f"postgres: skipped, {missing}")


def settle(address):
    """Clean up after a flood of new rows, as PostgreSQL does by itself in the course of an hour."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def claim_costs(address, accounts):
    """Return what a claim of 32 costs among a thousand and among many accounts."""
    store, costs, made = open_store(address), [], 0
    for count in (1000, accounts):
        while made < count:
            batch = [LoginKey("trakt", "fleet", f"{number:07}") for number in range(made, min(made + 1000, count))]
            tokens = [replace(TOKEN, expires_at=time.time() + 600000 * os.urandom(1)[0] / 255) for _ in batch]
            for login, token in zip(batch, tokens, strict=True):
                store.apply(login, SaveToken(token, 0, at=time.time()))
            made += len(batch)

        if address.startswith("postgres"):
            settle(address)

        def claim():
            claimed = store.claim("trakt", "fleet", before=1e12, now=0.0, limit=32, lease=30.0, owner="me")
            assert len(claimed) == 32
            store.release([login for login, _ in claimed], owner="me")

        costs.append(measure(claim))
    store.close()
    return costs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int, default=0)
    asked = parser.parse_args()
    os.environ["TRAKTAUTH_SEAL_KEY"] = new_key()
    with ExitStack() as until_the_end:
        folder = until_the_end.enter_context(tempfile.TemporaryDirectory())
        print("token() with a living token")
        report("memory, blocking", blocking_cost("memory:"), MARKS["memory"], "its mark")
        for kind in ("file", "sqlite"):
            for address in (f"{kind}:{folder}/{kind}", f"sealed+{kind}:{folder}/sealed-{kind}"):
                name = address.partition(":")[0]
                report(f"{name}, blocking", blocking_cost(address), MARKS[kind], "its mark")
                report(f"{name}, async", asyncio.run(async_cost(address)), MARKS[kind], "its mark")
        for kind, url, bare in servers(until_the_end):
            with closing(signed_in(url)) as store:
                trip, cost, ratio = compare(bare, Trakt(APP, service=SERVICE, store=store).token)
            report(f"{kind}, bare round trip", trip, None, "")
            report(f"{kind}, blocking", cost, cost / ratio * 1.3, "1.3 bare round trips")
            report(f"{kind}, async", asyncio.run(async_cost(url)), None, "")
            if asked.accounts:
                few, many = claim_costs(url, asked.accounts)
                report(f"{kind}, claim of 32 among 1000", few, None, "")
                report(f"{kind}, among {asked.accounts}", many, few * 1.2, "1.2 of that")


if __name__ == "__main__":
    main()
