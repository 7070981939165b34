"""The local Trakt under load, side by side with the floor and with rivals, in one run.

Usage: python benchmarks/server [--rounds 3] [--seconds 60] [--rival-seconds 10] [--profile current|classic]
                                [--without rivals,kinds,paced,ready,growth,postgres] [--largest 1000000] [--folder DIR]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from on_postgres import on_postgres
from processes import Failed, resident
from report import HEADINGS, grown, mark, ratio, row
from supply import Supply
from targets import ID, REDIRECT, Floor, Local, Missing, Rival

PARTS = ("rivals", "kinds", "paced", "ready", "growth", "postgres")
RIVALS = {"doorkeeper": 30, "authlib": 12, "oidc_provider": 1.8}
WARM = 1.0


def refreshes(local: Local, floor: Floor, rivals: list[Rival], options) -> None:
    """Interleave rounds of all."""
    everyone = [floor, local, *rivals]
    for target in everyone:
        target.load(target.job, tokens=target.tokens)
    results: dict[str, list[dict]] = {target.name: [] for target in everyone}
    for _ in range(options.rounds):
        for target in everyone:
            seconds = options.rival_seconds if target in rivals else options.seconds
            results[target.name].append(target.run(target.job, seconds=seconds, warm=WARM))
    ours = results[local.name]
    print(f"\nRefreshes with rotation, {options.rounds} rounds\n{HEADINGS}")
    for name, result in results.items():
        row(name, result, ours)
    each = [
        f"{our['rate']:.0f} ({our['rate'] / its['rate']:.2f})" for our, its in zip(ours, results["floor"], strict=True)
    ]
    print(
        f"round by round, and ÷ floor: {', '.join(each)}; longest answer {max(our['longest'] for our in ours):.0f} ms"
    )
    mark("local Trakt ÷ floor", ratio(ours, results["floor"]), 0.7)
    for rival in rivals:
        mark(f"local Trakt ÷ {rival.name}", ratio(ours, results[rival.name]), RIVALS[rival.name])
    shares = [our["rate"] / its["rate"] for our, its in zip(ours, results["floor"], strict=True)]
    mark("it does not sink: last round's share of the floor ÷ the first's", shares[-1] / shares[0], 0.9)


def kinds(local: Local, options) -> None:
    """Compare revocation and code exchange with refreshes."""
    supply = Supply(local.database, options.profile, ID, REDIRECT)
    seconds, warm = min(options.seconds, 3), 0.5
    rate = local.run("refresh", seconds=1, warm=warm)["rate"]
    count = int(rate * 2 * (seconds + warm) * options.rounds) + 1000
    without = {name: value for name, value in local.fields.items() if name not in ("grant_type", "redirect_uri")}
    fields = {**local.fields, "grant_type": "authorization_code"}
    local.load("exchange", tokens=supply.codes(count), fields=fields)
    local.load("revoke", tokens=supply.access_tokens(count), fields=without, path="/oauth/revoke")
    results: dict[str, list[dict]] = {"refresh": [], "exchange": [], "revoke": []}
    for _ in range(options.rounds):
        for job, found in results.items():
            found.append(local.run(job, seconds=seconds, warm=warm))
    print(f"\nThe local Trakt's other work, {options.rounds} rounds of {seconds} s\n{HEADINGS}")
    for name, result in results.items():
        row(name, result, results["refresh"])
    mark("exchange ÷ refresh", ratio(results["exchange"], results["refresh"]), 0.7)
    mark("revoke ÷ refresh", ratio(results["revoke"], results["refresh"]), 0.7)


def paced(local: Local, options) -> None:
    """Send at 70 % of what it can, whether it answers or not."""
    seconds = min(options.seconds, 20)
    full, found = [], []
    for _ in range(options.rounds):
        full.append(local.run("refresh", seconds=3, warm=0.5))
        found.append(local.run("refresh", seconds=seconds, warm=0.5, rate=full[-1]["rate"] * 0.7))
    print(f"\nPaced at 70 %, {options.rounds} rounds of {seconds} s (an answer's time runs from when it was due)")
    for at, result in zip(full, found, strict=True):
        print(
            f"asked {at['rate'] * 0.7:8.0f}/s  answered {result['rate']:8.0f}/s  p50 {result['p50']:6.2f} ms  "
            f"p99 {result['p99']:6.2f} ms  longest {result['longest']:6.1f} ms"
        )
    mark("p99 ÷ p50", statistics.median(each["p99"] / each["p50"] for each in found), 10, at_least=False)


def ready(folder: Path, options) -> None:
    """Start it a few times."""
    times, sizes = [], []
    for number in range(options.rounds + 1):
        with contextlib.closing(Stopping(Local(folder, options.profile, f"start {number}"))) as started:
            if number:  # the first start may compile
                times.append(started.target.ready)
            time.sleep(1)
            sizes.append(resident(started.target.process.pid))
    print(f"\nStart-up, {options.rounds} starts on a new database")
    mark("seconds until ready", statistics.median(times), 0.6, at_least=False)
    mark("resident MB, idle", statistics.median(sizes), 60, at_least=False)


class Stopping:
    """A target that `closing` can close."""

    def __init__(self, target) -> None:
        self.target = target

    def close(self) -> None:
        self.target.stop()


def growth(folder: Path, options) -> None:
    """Refresh tokens drawn at random from few and from many."""
    sizes = [size for size in (1000, 10_000, 100_000, 1_000_000, 10_000_000) if size <= options.largest]
    targets: dict[int, Local] = {}
    results: dict[int, list[dict]] = {size: [] for size in sizes}
    try:
        for size in sizes:
            local = targets[size] = Local(folder, options.profile, f"with {size}")
            tokens = Supply(local.database, options.profile, ID, REDIRECT).refresh_tokens(size)
            file = folder / f"{size}.tokens"
            file.write_text("\n".join(tokens))
            local.load("refresh", tokens=[], tokens_file=str(file), draw=True)
        for _ in range(options.rounds):
            for size, local in targets.items():
                results[size].append(local.run("refresh", seconds=min(options.seconds, 10), warm=WARM))
    finally:
        for local in targets.values():
            local.stop()
    grown(results)


def synced(folder: Path) -> float:
    """Give the ms that the disk takes to make 64 KB last, which bounds any durable server."""
    times, data = [], os.urandom(65536)
    with (folder / "probe").open("wb") as file:
        for _ in range(50):
            began = time.perf_counter()
            file.seek(0)
            file.write(data)
            file.flush()
            getattr(os, "fdatasync", os.fsync)(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3


def rivals_of(folder: Path) -> list[Rival]:
    found = []
    for name in RIVALS:
        try:
            found.append(Rival(name, folder))
        except Missing as missing:
            print(f"{name}: left out, {missing}")
    return found


def measured(folder: Path, options) -> None:
    parts = [part for part in PARTS if part not in options.without.split(",")]
    if "ready" in parts:
        ready(folder, options)
    targets: list = []
    try:
        targets += [local := Local(folder, options.profile), floor := Floor(folder)]
        rivals = rivals_of(folder) if "rivals" in parts else []
        targets += rivals
        refreshes(local, floor, rivals, options)
        size = resident(local.process.pid)
        print(f"{local.rotations()} rotations so far")
        mark("resident MB, after them", size, 90, at_least=False)
        if "kinds" in parts:
            kinds(local, options)
        if "paced" in parts:
            paced(local, options)
    finally:
        for target in targets:
            target.stop()
    if "growth" in parts:
        growth(folder, options)
    if "postgres" in parts:
        on_postgres(folder, options)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python benchmarks/server")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rival-seconds", type=float, default=10)
    parser.add_argument("--profile", default="current")
    parser.add_argument("--without", default="", help=f"parts to leave out: {','.join(PARTS)}")
    parser.add_argument("--largest", type=int, default=1_000_000, help="tokens stored, for growth")
    parser.add_argument("--folder", help="where databases go (default: the system's place for temporary files)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="traktauth-bench-", dir=options.folder))
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    about = {"python": sys.version.split()[0], "cores": os.cpu_count(), "load average before": busy}
    print(json.dumps({**about, "a sync takes ms": round(synced(folder), 3)}), flush=True)
    try:
        measured(folder, options)
    except Failed as failed:
        raise SystemExit(f"failed: {failed}") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
