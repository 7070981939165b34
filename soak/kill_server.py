#!/usr/bin/env python3
"""Kill a local Trakt by SIGKILL at a random moment under load, round after round; say what was lost.

Usage: .venv/bin/python soak/kill_server.py [ROUNDS] [--seed N] [--folder DIR] [--seconds N]

Apps refresh without a pause, and revoke now and then, until the server dies. Started again on the same SQLite file,
every access token whose answer was received must work unless it was revoked, no used or revoked refresh token may have
come back to life, the newest one must be good unless its refresh was on its way at the kill, and no family may have two
living heads. With --folder a run that was stopped (also by --seconds) goes on where it was, on the same database. Exit
status 1 if anything else happened, 2 if rounds are left.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

APPS = 8
PROOF = {"client_id": "a", "client_secret": "s"}
SEED = {"apps": [{**PROOF, "redirect_uris": ["x:/y"]}], "users": []}
TWO_HEADS = """SELECT count(*) FROM (SELECT 1 FROM token_pairs JOIN families ON families.id = token_pairs.family
    WHERE refresh_hash IS NOT NULL AND refresh_ended IS NULL AND token_pairs.epoch = families.epoch
    GROUP BY families.id HAVING count(*) > 1)"""


class Pair(NamedTuple):
    """Two tokens whose answer was received."""

    access: str
    refresh: str


@dataclass
class Chain:
    """What one app received, in order, for one user."""

    pairs: list[Pair]
    client: bool = False
    revoked: bool = False
    """Whether the newest pair's revocation was answered."""


@dataclass
class Caller:
    """One connection to the server, kept open."""

    url: str
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=20)

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Send JSON; give status and members."""
        self.connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        reply = self.connection.getresponse()
        return reply.status, json.loads(reply.read() or b"{}")

    def refresh(self, token: str) -> tuple[int, Pair | None]:
        """Refresh; give the status and what was received."""
        members = {"grant_type": "refresh_token", "refresh_token": token, **PROOF}
        status, told = self.post("/oauth/token", members)
        return status, Pair(told["access_token"], told["refresh_token"]) if status == 200 else None

    def use(self, token: str) -> int:
        """Give the status that the API answers an access token with."""
        headers = {"authorization": f"Bearer {token}", "trakt-api-key": PROOF["client_id"]}
        self.connection.request("GET", "/users/me", headers=headers)
        reply = self.connection.getresponse()
        reply.read()
        return reply.status


class Round:
    """One life of the server and what was received in it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.chains: list[Chain] = []
        self.faults: list[str] = []

    def load(self, process: subprocess.Popen[str], seconds: float, chance: random.Random) -> None:
        """Let apps work until the server is killed."""
        seeds = [chance.random() for _ in range(APPS)]
        chances = [random.Random(seed) for seed in seeds]  # noqa: S311 - what to do next, not a secret
        apps = [threading.Thread(target=self._app, args=(each,)) for each in chances]
        for app in apps:
            app.start()
        time.sleep(seconds)
        process.kill()
        process.wait()
        for app in apps:
            app.join()

    def _app(self, chance: random.Random) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            caller = Caller(self.url)
            while True:
                self._one_login(caller, chance)

    def _one_login(self, caller: Caller, chance: random.Random) -> None:
        made = caller.post("/_control/tokens", {"client_id": PROOF["client_id"], "count": 1})[1]["tokens"][0]
        chain = Chain([Pair(made["access_token"], made["refresh_token"])])
        self.chains.append(chain)
        while not chain.revoked:
            chain.client = True
            if chance.random() < 0.03:
                status, _ = caller.post("/oauth/revoke", {"token": chain.pairs[-1].refresh, **PROOF})
                chain.revoked = status == 200
            else:
                status, pair = caller.refresh(chain.pairs[-1].refresh)
                chain.pairs += [pair] if pair else []
            if status != 200:
                self.faults.append(f"an answer under load was {status}")
            chain.client = False

    def judge(self, url: str, tally: Counter[str]) -> None:
        """Look at what became of everything that was received."""
        caller = Caller(url)
        for chain in self.chains:
            tally["answers"] += len(chain.pairs) + chain.revoked
            lasting = chain.pairs[: -1 if chain.revoked or chain.client else None]
            self._expect({caller.use(pair.access) for pair in lasting}, {200}, "an access token was lost")
            used = chain.pairs[: None if chain.revoked else -1]
            self._expect({caller.refresh(pair.refresh)[0] for pair in used}, {400}, "a used token came back to life")
            if chain.revoked:
                self._expect({caller.use(chain.pairs[-1].access)}, {401}, "a revoked access token came back to life")
            else:
                status = caller.refresh(chain.pairs[-1].refresh)[0]
                tally["on their way"] += status != 200
                self._expect({status}, {200, 400} if chain.client else {200}, "the newest refresh token was lost")
        caller.connection.close()

    def _expect(self, found: set[int], wanted: set[int], fault: str) -> None:
        if not found <= wanted:
            self.faults.append(f"{fault}: {sorted(found)}")


def started(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Start the server; give its process and address."""
    (folder / "seed.json").write_text(json.dumps(SEED))
    words = ["serve", "--port", "0", "--json", "--control", "--rotation", "once", "--seed", str(folder / "seed.json")]
    command = [sys.executable, "-m", "traktauth", *words, "--database", f"sqlite:{folder / 'db'}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)  # noqa: S603 - ours
    if process.stdout is None:
        raise RuntimeError("a process without its pipe")
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the server did not start: status {process.wait()}")
    return process, json.loads(line)["url"]


def stopped(process: subprocess.Popen[str]) -> None:
    """End a server and its pipe."""
    process.kill()
    process.communicate()


def play(folder: Path, seed: int, tally: Counter[str]) -> list[str]:
    """Play one round; give what must not have happened."""
    chance = random.Random(seed)  # noqa: S311 - a moment, not a secret
    process, url = started(folder)
    one = Round(url)
    one.load(process, chance.uniform(0.02, 0.6), chance)
    stopped(process)
    process, url = started(folder)
    try:
        one.judge(url, tally)
    finally:
        stopped(process)
    with contextlib.closing(sqlite3.connect(folder / "db")) as raw:
        heads: int = raw.execute(TWO_HEADS).fetchone()[0]
        health: str = raw.execute("PRAGMA quick_check").fetchone()[0]
    faults = [*one.faults, *([f"{heads} families have two heads"] if heads else [])]
    return faults if health == "ok" else [*faults, f"the file is broken: {health}"]


def main() -> int:
    """Run, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rounds", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seconds", type=float, default=3600.0)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as made:
        folder: Path = options.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / "rounds.json"
        state: dict[str, Any] = (
            json.loads(kept.read_text()) if kept.exists() else {"done": 0, "tally": {}, "faults": []}
        )
        tally = Counter[str](state["tally"])
        while state["done"] < options.rounds and time.monotonic() - began < options.seconds:
            number = state["done"]
            state["faults"] += [f"round {number}: {fault}" for fault in play(folder, options.seed + number, tally)]
            state |= {"done": number + 1, "tally": dict(tally)}
            kept.write_text(json.dumps(state))
            if state["done"] % 20 == 0:
                print(f"round {state['done']}: {dict(tally)}", file=sys.stderr, flush=True)
    told = ", ".join(f"{count} {name}" for name, count in sorted(tally.items()))
    seconds = time.monotonic() - began
    print(f"{state['done']} of {options.rounds} rounds: {told}; {len(state['faults'])} faults, {seconds:.0f} s")
    print("".join(f"{fault}\n" for fault in state["faults"][:20]), end="")
    return 1 if state["faults"] else 2 * (state["done"] < options.rounds)


if __name__ == "__main__":
    sys.exit(main())
