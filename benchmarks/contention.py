"""Everybody at once: 1 000 tasks of one process, 8 processes and 3 hosts ask for a token that has just ended.

Usage: python benchmarks/contention.py [ROUNDS]
The refresh is made to take a second. Hosts are network namespaces (root is needed, else they are left out).
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from proof.hosts import Absent, hosts
from proof.worker_processes import WorkerProcesses, ask, hear, ready
from support.engines import Missing
from support.local import APP, start_local_trakt
from support.postgres import PostgresServer
from support.redis import RedisServer

WEEK = 604_800
TAKES, WITHIN = 1.0, 1.5
PROCESSES, HOSTS = 8, 3


def places(until_the_end: ExitStack) -> dict[str, str]:
    found = {"sqlite": f"sqlite:{until_the_end.enter_context(tempfile.TemporaryDirectory())}/logins"}
    for name, kind, end in (("redis", RedisServer, "kill"), ("postgres", PostgresServer, "stop")):
        try:
            server = kind(Path(tempfile.mkdtemp())) if name == "redis" else kind()
            until_the_end.callback(getattr(server, end))
            found[name] = server.url
        except Missing as missing:
            print(f"{name}: left out, {missing}")
    return found


def prefixes(until_the_end: ExitStack, local, address: str) -> list[tuple[str, ...]]:
    """Give what runs a program on each host; none if the store has no server, or hosts cannot be made."""
    if address.startswith("sqlite"):
        return []
    folder = Path(until_the_end.enter_context(tempfile.TemporaryDirectory()))
    ports = [urlsplit(local.base).port, urlsplit(address).port]
    try:
        return until_the_end.enter_context(hosts(HOSTS, folder, ports))
    except Absent as absent:
        print(f"hosts: left out, {absent}")
        return []


def contend(local, name: str, address: str, rounds: int) -> None:
    with ExitStack() as stack, closing(WorkerProcesses(local.base, APP, address)) as group:
        local.control("PUT", "faults", [])
        group.sign_in(local.land)
        workers = [group.start("tasks")]
        workers += [group.start(("blocking", "async")[number % 2]) for number in range(PROCESSES)]
        workers += [group.start("blocking", prefix=prefix) for prefix in prefixes(stack, local, address)]
        ready(*workers)
        local.control("PUT", "faults", [{"path": "/oauth/token", "delay": TAKES, "for": 1e9}])
        took = []
        before = local.ledger()["rotations"]
        for done in range(1, rounds + 1):
            began = time.time()
            for worker in workers:
                ask(worker, f"at {done * (WEEK + 1000)}")
            answers = [hear(worker) for worker in workers]
            assert {answer.get("generation") for answer in answers} == {done + 1}, answers
            took.append(max(answer["at"] for answer in answers) - began)
        refreshes = local.ledger()["rotations"] - before
        held = refreshes == rounds and max(took) <= WITHIN
        print(
            f"{'held  ' if held else 'MISSED'}  {name:9} {len(workers) - 1} processes beside 1000 tasks, "
            f"{rounds} rounds: "
            f"{refreshes} refreshes; the last was served after {statistics.median(took):.2f} s, "
            f"at the worst {max(took):.2f} s (mark: ≤ {WITHIN})",
            flush=True,
        )


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with ExitStack() as until_the_end:
        local = start_local_trakt(Path(until_the_end.enter_context(tempfile.TemporaryDirectory())))
        until_the_end.callback(local.stop)
        for name, address in places(until_the_end).items():
            contend(local, name, address, rounds)


if __name__ == "__main__":
    main()
