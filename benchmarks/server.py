#!/usr/bin/env python3
"""Refreshes of the local Trakt over HTTP: CPU time, rate, latency, start-up and memory.

Usage: .venv/bin/python benchmarks/server.py [--other PYTHON] [--rounds N] [--refreshes N] [--folder DIR]

The server is a process of its own; 64 connections refresh a chain of tokens each. With `--other`, the Python of another
environment with traktauth, the two take turns, and ratios are printed: on a noisy machine only those count.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

CONNECTIONS = 64
APP = {"client_id": "a", "client_secret": "s"}
SEED = {"apps": [{**APP, "redirect_uris": ["x:/y"]}], "users": []}


class Server:
    """A `traktauth serve`, from `with` to its end."""

    def __init__(self, python: str, database: str, folder: Path) -> None:
        (folder / "seed.json").write_text(json.dumps(SEED))
        words = ["serve", "--port", "0", "--json", "--control", "--seed", str(folder / "seed.json")]
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [python, "-m", "traktauth", *words, "--database", database],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder,
        )  # fmt: skip
        self.place = urlsplit(json.loads(self.process.stdout.readline())["url"])
        self.ready = time.perf_counter() - began

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()

    def cpu(self) -> float:
        """Return the CPU seconds that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Return its resident memory in MB."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def post(reader, writer, path: str, members: dict) -> dict:
    body = json.dumps(members).encode()
    fields = b"host: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: %d" % len(body)
    writer.write(b"POST %b HTTP/1.1\r\n%b\r\n\r\n%b" % (path.encode(), fields, body))
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    return json.loads(await reader.readexactly(length))


async def load(server: Server, refreshes: int) -> dict[str, float]:
    """Refresh, and return what it has cost."""
    place, times = (server.place.hostname, server.place.port), []
    reader, writer = await asyncio.open_connection(*place)
    made = await post(reader, writer, "/_control/tokens", {"client_id": "a", "count": CONNECTIONS})
    writer.close()

    async def chain(token: str) -> None:
        reader, writer = await asyncio.open_connection(*place)
        for _ in range(refreshes // CONNECTIONS):
            began = time.perf_counter()
            members = {"grant_type": "refresh_token", "refresh_token": token, **APP}
            token = (await post(reader, writer, "/oauth/token", members))["refresh_token"]
            times.append(time.perf_counter() - began)
        writer.close()

    cpu, began = server.cpu(), time.perf_counter()
    await asyncio.gather(*(chain(each["refresh_token"]) for each in made["tokens"]))
    seconds, cpu = time.perf_counter() - began, server.cpu() - cpu
    times.sort()
    return {
        "refreshes/s": len(times) / seconds,
        "CPU µs": 1e6 * cpu / len(times),
        "median ms": 1e3 * statistics.median(times),
        "p99 ms": 1e3 * times[int(len(times) * 0.99)],
        "ready s": server.ready,
        "MB": server.memory(),
    }


def measure(python: str, kind: str, folder: Path, refreshes: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=folder) as made:
        database = "memory:" if kind == "memory" else f"sqlite:{made}/db"
        with Server(python, database, Path(made)) as server:
            return asyncio.run(load(server, refreshes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--other", metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--refreshes", type=int, default=12_800)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    for kind in ("memory", "SQLite"):
        ratios = []
        for _ in range(options.rounds):
            found = measure(sys.executable, kind, options.folder, options.refreshes)
            print(f"{kind:7}", "  ".join(f"{value:.4g} {name}" for name, value in found.items()), flush=True)
            if options.other:
                other = measure(options.other, kind, options.folder, options.refreshes)
                print("  other", "  ".join(f"{value:.4g} {name}" for name, value in other.items()), flush=True)
                ratios.append({name: found[name] / other[name] for name in found})
        if ratios:
            medians = {name: statistics.median(each[name] for each in ratios) for name in ratios[0]}
            print(f"{kind} ÷ other:", "  ".join(f"{name} {value:.2f}" for name, value in medians.items()))


if __name__ == "__main__":
    main()
