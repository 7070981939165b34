"""What a keeper costs: refreshes a second beside the same exchanges without a store, and beside the naive loop.

Usage: python benchmarks/keeper [--rounds 3] [--refreshes 4000] [--fleet 100000] [--way 0.05]
    --fleet N   accounts that lie in the store for the run that shows what a large one costs; 0 leaves it out
    --way S     seconds by which the local Trakt answers later in one more comparison, as one on another continent does
The local Trakt, the database and the keeper share all cores. Ratios are medians of rounds that ran side by side.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))
sys.path.insert(0, str(HERE.parents[1]))
from support.engines import Missing  # noqa: E402 - found through the line above
from support.environments import environment  # noqa: E402 - the same
from support.local import APP, start_local_trakt  # noqa: E402 - the same
from support.postgres import PostgresServer  # noqa: E402 - the same
from support.redis import RedisServer  # noqa: E402 - the same
from support.wire import call  # noqa: E402 - the same
from traktauth import Token  # noqa: E402 - the same
from traktauth.models import LoginKey  # noqa: E402 - the same
from traktauth.models.changes import SaveToken  # noqa: E402 - the same
from traktauth.models.service import find_service  # noqa: E402 - the same
from traktauth.stores.open import open_store  # noqa: E402 - the same

WEEK = 604_800
CHUNK = 2000
KINDS = ("sqlite", "postgres", "redis")
ENOUGH = 100  # refreshes a second: twenty times what the highest documented pace allows
NAIVE = {"naive": (False, False), "naive, each": (True, False), "naive, kept": (True, True)}  # sessions, saved
WARM = 200  # refreshes that are not counted: they import and connect


class Bench:
    """A local Trakt and who renews at it."""

    def __init__(self, base: str) -> None:
        self.base, self.service = base, find_service(base)
        self.named = 0

    def tokens(self, count: int) -> list[str]:
        """Sign in so many times."""
        made = call(self.base, "POST", "/_control/tokens", body={"client_id": APP.client_id, "count": count}).json()
        return [each["refresh_token"] for each in made["tokens"]]

    def run(self, do: str, program: list[str], **plan) -> dict:
        known = {
            "base": self.base,
            "client_id": APP.client_id,
            "client_secret": APP.client_secret,
            "redirect_uri": APP.redirect_uri,
        }
        asked = json.dumps({"do": do, **known, **plan})
        done = subprocess.run(program, input=asked, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{do} failed: {done.stderr[-800:]}")
        told = json.loads(done.stdout)
        told["rate"], told["each"] = told["done"] / told["seconds"], told["cpu"] / told["done"] * 1e6
        return told

    def bare(self, count: int) -> dict:
        return self.run(
            "bare", [sys.executable, str(HERE / "worker.py")], tokens=self.tokens(count + WARM), warm=WARM, count=count
        )

    def naive(self, python: Path, count: int, *, each: bool, database: str) -> dict:
        plan = {"tokens": self.tokens(count), "each": each, "database": database}
        return self.run("naive", [str(python), str(HERE / "naive.py")], **plan)

    def keep(self, store: str, count: int) -> dict:
        self.fill(store, count + WARM, real=True)
        return self.run("keep", [sys.executable, str(HERE / "worker.py")], store=store, warm=WARM, count=count)

    def fill(self, address: str, count: int, *, real: bool) -> None:
        """Put accounts into a store: real ones that are due now, or others that come due during the week."""
        store, made = open_store(address), 0
        while made < count:
            size = min(CHUNK, count - made)
            secrets = self.tokens(size) if real else [f"{'r' * 60}{number}" for number in range(size)]
            savings = [(self._login(), SaveToken(self._token(secret, due=real), 0, at=1.0)) for secret in secrets]
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda saving: store.apply(*saving), savings))
            made += size
        store.close()

    def _login(self) -> LoginKey:
        self.named += 1
        return LoginKey(self.service.realm, APP.client_id, f"{self.named:08}")

    def _token(self, secret: str, *, due: bool) -> Token:
        token = Token("a" * 64, secret, expires_in=WEEK, expires_at=time.time() + 60, generation=1)
        spread = WEEK * (0.2 + 0.8 * os.urandom(1)[0] / 255)
        return token if due else replace(token, expires_at=time.time() + spread)


def ratio(ours: list[dict], theirs: list[dict]) -> float:
    return statistics.median(our["rate"] / its["rate"] for our, its in zip(ours, theirs, strict=True))


def median(results: list[dict], name: str) -> float:
    return statistics.median(result[name] for result in results)


def mark(what: str, got: float, wanted: float, *, at_least: bool) -> None:
    held = got >= wanted if at_least else got <= wanted
    print(
        f"{'held  ' if held else 'MISSED'}  {what}: {got:.2f} (mark: {'≥' if at_least else '≤'} {wanted})", flush=True
    )


def stores(until_the_end: ExitStack) -> dict[str, str]:
    """Start what there is; PostgreSQL with synchronous_commit=on, Redis so that no login can be lost."""
    found = {"sqlite": f"sqlite:{until_the_end.enter_context(tempfile.TemporaryDirectory())}/fleet"}
    try:
        postgres = PostgresServer("-c", "synchronous_commit=on", "-c", "max_wal_size=4GB")
        until_the_end.callback(postgres.stop)
        found["postgres"] = postgres.url
    except Missing as missing:
        print(f"postgres: left out, {missing}")
    try:
        redis = RedisServer(Path(tempfile.mkdtemp()))
        until_the_end.callback(redis.kill)
        found["redis"] = redis.url
    except Missing as missing:
        print(f"redis: left out, {missing}")
    return found


def side_by_side(bench: Bench, kinds: dict[str, str], python: Path | None, options) -> dict[str, list[dict]]:
    results: dict[str, list[dict]] = {name: [] for name in ("bare", *NAIVE, *kinds)}
    for number in range(options.rounds + 1):
        told = {"bare": bench.bare(options.refreshes)}
        if python is not None:
            few = max(100, options.refreshes // 8)
            for name, (each, saved) in NAIVE.items():
                if not saved or "postgres" in kinds:
                    told[name] = bench.naive(python, few, each=each, database=kinds["postgres"] if saved else "")
        told |= {kind: bench.keep(address, options.refreshes) for kind, address in kinds.items()}
        if number:  # the first round warms up
            for name, one in told.items():
                results[name].append(one)
    return {name: result for name, result in results.items() if result}


def report(title: str, results: dict[str, list[dict]]) -> None:
    bare = results["bare"]
    print(f"\n{title}\n{'':12}{'a second':>10}{'÷ bare':>9}{'CPU µs each':>13}{'beyond bare':>13}{'MB':>8}")
    for name, result in results.items():
        beyond = statistics.median(one["each"] - its["each"] for one, its in zip(result, bare, strict=True))
        print(
            f"{name:12}{median(result, 'rate'):10.0f}{ratio(result, bare):9.2f}{median(result, 'each'):13.0f}"
            f"{beyond:13.0f}{median(result, 'resident'):8.0f}"
        )


def judge(results: dict[str, list[dict]]) -> None:
    for name in KINDS:
        if name in results:
            mark(f"keeper on {name}, refreshes a second", median(results[name], "rate"), ENOUGH, at_least=True)


def large(bench: Bench, kinds: dict[str, str], options) -> None:
    """The same with a large fleet beside, none of which is due."""
    print(f"\nWith {options.fleet} more accounts in the store")
    for kind, address in kinds.items():
        if kind == "sqlite":
            continue
        small = [bench.keep(address, options.refreshes) for _ in range(options.rounds)]
        bench.fill(address, options.fleet, real=False)
        many = [bench.keep(address, options.refreshes) for _ in range(options.rounds)]
        print(
            f"{kind:12}{median(small, 'rate'):10.0f} a second before, {median(many, 'rate'):.0f} with them; "
            f"CPU {median(small, 'each'):.0f} and {median(many, 'each'):.0f} µs"
        )
        mark(f"resident MB of the keeper on {kind}", median(many, "resident"), 120, at_least=False)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python benchmarks/keeper")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--refreshes", type=int, default=4000)
    parser.add_argument("--fleet", type=int, default=100_000)
    parser.add_argument("--way", type=float, default=0.05)
    options = parser.parse_args()
    print(json.dumps({"python": sys.version.split()[0], "cores": os.cpu_count(), "load": os.getloadavg()[0]}))
    with ExitStack() as until_the_end:
        local = start_local_trakt(Path(tempfile.mkdtemp()))
        until_the_end.callback(local.stop)
        bench, kinds = Bench(local.base), stores(until_the_end)
        try:
            python = environment("bench-naive", "authlib>=1.6", "requests>=2.32", "psycopg[binary]>=3.2")
        except Missing as missing:
            print(f"naive: left out, {missing}")
            python = None
        results = side_by_side(bench, kinds, python, options)
        report(f"{options.refreshes} refreshes, {options.rounds} rounds", results)
        judge(results)
        if python is not None and options.way:
            fault = {"path": "/oauth/token", "delay": options.way, "for": 1e6}
            call(local.base, "PUT", "/_control/faults", body=[fault])
            few = argparse.Namespace(**{**vars(options), "refreshes": options.refreshes // 4})
            results = side_by_side(bench, kinds, python, few)
            report(f"The same where an answer takes {options.way * 1e3:.0f} ms more", results)
            if "postgres" in results:
                for name in NAIVE:
                    mark(f"keeper ÷ the loop: {name}", ratio(results["postgres"], results[name]), 5, at_least=True)
            call(local.base, "DELETE", "/_control/faults")
        if options.fleet:
            large(bench, kinds, options)


if __name__ == "__main__":
    main()
