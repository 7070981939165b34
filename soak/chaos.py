#!/usr/bin/env python3
"""Let everything go wrong at once around refreshes, on four stores; say whether a used refresh token was sent.

Usage: .venv/bin/python soak/chaos.py MINUTES SEED [--state FILE]

Eight processes (a blocking and an async one on a file, SQLite, Redis and PostgreSQL, each with three threads or tasks)
call a local Trakt whose access tokens are valid for four seconds and which ends a login when a used refresh token comes
again. Responses are lost, late or wrong; processes are stopped, interrupted, ended and killed; clocks step; stores go
back to a backup. A used token may be sent only as docs/decisions say: after a response that was lost, after its
receiver was killed, or after a backup was restored, by another process than the one that received the next token.

Rounds of 30 s follow each other; with --state a run that was stopped goes on where it was. Exit status 1 if a used
token was sent otherwise, a login ended otherwise, or a process hung; 2 if rounds are left.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import redis

sys.path.insert(0, str(Path(__file__).parents[1]))  # for fidelity
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from chaos_proxy import Proxy

from support.postgres import PostgresServer
from support.redis import RedisServer
from support.tether import tethered
from traktauth import StoreFailed, Trakt
from traktauth.testing import LocalTrakt

if TYPE_CHECKING:
    from collections.abc import Callable

ROUND = 30.0  # seconds
LIFE = 4  # seconds of an access token
ACCOUNTS = ("a", "b", "c")
SAVES_WITHIN = 8.0  # seconds from a response to its save, a stop included
SETTLES = 90.0  # seconds within which every process has ended a call, once nothing goes wrong any more
WORKER = Path(__file__).with_name("chaos_worker.py")


# ---------------------------------------------------------------- backups
class Backups:
    """Backups of the four stores, of which each can go back to its last one."""

    def __init__(self, folder: Path, redis_url: str, postgres_url: str) -> None:
        self.folder, self.redis_url, self.postgres_url = folder, redis_url, postgres_url
        self.file, self.database = folder / "logins.json", folder / "logins.db"
        self.keys: dict[bytes, bytes] = {}

    def save(self, kind: str) -> None:
        """Make a backup."""
        if kind == "file":
            shutil.copy(self.file, self.folder / "backup.json")
        elif kind == "sqlite":
            with closing(sqlite3.connect(self.database)) as live, closing(sqlite3.connect(self.copy)) as copy:
                live.backup(copy, progress=give_up_after(2.0))
        elif kind == "redis":
            with closing(redis.Redis.from_url(self.redis_url)) as server:
                self.keys = {key: server.dump(key) for key in server.keys("*")}
        else:
            with psycopg.connect(self.postgres_url) as live:
                live.execute("SET LOCAL lock_timeout = '1s'")  # a stopped process may hold one
                live.execute("DROP TABLE IF EXISTS backup; CREATE TABLE backup AS TABLE traktauth_logins")

    def restore(self, kind: str) -> None:
        """Go back to the backup."""
        if kind == "file":
            shutil.copy(self.folder / "backup.json", self.folder / "new.json")
            (self.folder / "new.json").replace(self.file)
        elif kind == "sqlite":
            with closing(sqlite3.connect(self.database)) as live, closing(sqlite3.connect(self.copy)) as copy:
                copy.backup(live, progress=give_up_after(2.0))
        elif kind == "redis":
            with closing(redis.Redis.from_url(self.redis_url)) as server, server.pipeline() as steps:
                steps.flushdb()
                for key, value in self.keys.items():
                    if value is not None:
                        steps.restore(key, 0, value)
                steps.execute()
        else:
            with psycopg.connect(self.postgres_url) as live:
                live.execute("SET LOCAL lock_timeout = '1s'")
                live.execute("LOCK TABLE traktauth_logins; DELETE FROM traktauth_logins")
                live.execute("INSERT INTO traktauth_logins TABLE backup")

    @property
    def copy(self) -> Path:
        """The backup of the SQLite database."""
        return self.folder / "backup.db"


def give_up_after(seconds: float) -> Callable[[int, int, int], None]:
    """Return what ends a copy of a SQLite database that waits longer for a lock: its holder may be stopped."""
    until = time.monotonic() + seconds

    def check(_status: int, _remaining: int, _total: int) -> None:
        if time.monotonic() > until:
            raise sqlite3.OperationalError("the database is locked")

    return check


# ---------------------------------------------------------------- one round
class Round:
    """Eight processes for some seconds; `tally` counts, `wrong` tells what must not be."""

    def __init__(self, folder: Path, stores: dict[str, str], backups: Backups, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - chance needs no secrecy
        self.folder, self.stores, self.backups = folder, stores, backups
        self.tally: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.seats = [(kind, driver) for kind in stores for driver in ("blocking", "async")]
        self.workers: list[subprocess.Popen[bytes]] = []
        self.read = [0] * len(self.seats)  # bytes of each log
        self.began = [0] * len(self.seats)  # how long each log was when its process started
        self.answers: Counter[int] = Counter()  # by process
        self.events: list[tuple[float, str, str, int]] = []  # when, what, to which store and process
        self.saved: dict[str, float] = {}  # when the backup of a store was made
        self.restored: dict[str, list[tuple[float, float]]] = defaultdict(list)  # when, and when that backup was made
        self.later: list[tuple[float, int, str]] = []  # what ends later: a stop, a wrong clock
        self.signed_in: dict[tuple[str, str], list[float]] = defaultdict(list)

    def run(self) -> None:
        """Run it."""
        with LocalTrakt(access_life=LIFE) as server:
            self.server = server
            self.proxy = Proxy(server.url, random.Random(self.chance.random()))  # noqa: S311 - as above
            for kind in self.stores:
                for account in ACCOUNTS:
                    self.sign_in(kind, account)
            try:
                self.workers = [self.start(seat) for seat in range(len(self.seats))]
                until = time.monotonic() + ROUND
                while time.monotonic() < until:
                    time.sleep(self.chance.uniform(0.05, 0.4))
                    self.act()
                    self.look()
                self.settle()
            finally:
                for worker in self.workers:
                    worker.kill()
                    worker.wait()
                self.proxy.shutdown()
                self.proxy.server_close()
            self.look()
            self.judge()

    def start(self, seat: int) -> subprocess.Popen[bytes]:
        """Start the process of a seat."""
        kind, driver = self.seats[seat]
        self.set_clock(seat, 0.0)
        self.began[seat] = self.size(seat)
        asked = {
            "service": self.proxy.base,
            "app": [self.server.app.client_id, self.server.app.client_secret],
            "store": self.stores[kind],
            "kind": driver,
            "accounts": ACCOUNTS,
            "log": str(self.folder / f"{seat}.log"),
            "clock": str(self.folder / f"{seat}.clock"),
            "seed": self.chance.random(),
        }
        command = tethered(sys.executable, WORKER, json.dumps(asked))
        with (self.folder / f"{seat}.err").open("ab") as errors:
            return subprocess.Popen(command, stderr=errors)  # noqa: S603 - this script's own worker

    def size(self, seat: int) -> int:
        """Return how long the log of a seat is."""
        path = self.folder / f"{seat}.log"
        return path.stat().st_size if path.exists() else 0

    def set_clock(self, seat: int, error: float) -> None:
        """Set how wrong a process's clock is."""
        path = self.folder / f"{seat}.clock"
        with path.open("r+b" if path.exists() else "wb") as file:
            file.write(struct.pack("d", error))

    def sign_in(self, kind: str, account: str) -> None:
        """Sign an account in, as its user does when a program asks for it; none is stopped, as it may hold a lock."""
        for due in [each for each in self.later if each[2] == "stop"]:
            self.later.remove(due)
            self.end(*due[1:])
        with Trakt(self.server.app, service=self.proxy.base, store=self.stores[kind], account=account) as trakt:
            for _ in range(100):
                with suppress(RuntimeError, StoreFailed):  # another process has just changed the record
                    token = self.server.sign_in_at(trakt, f"{kind}-{account}")
                    self.signed_in[kind, account].append(time.time())
                    self.proxy.signed_in_at[token.refresh_token or ""] = self.signed_in[kind, account][-1]
                    self.proxy.login_of[token.refresh_token or ""] = (kind, account)
                    return
                time.sleep(0.1)
        self.wrong.append(f"{kind} {account} cannot be signed in")

    # ------------------------------------------------------------ what happens
    def act(self) -> None:
        """Let one thing go wrong."""
        for due in [each for each in self.later if each[0] <= time.monotonic()]:
            self.later.remove(due)
            self.end(*due[1:])
        seat = self.chance.randrange(len(self.seats))
        worker, kind = self.workers[seat], self.seats[seat][0]
        if self.start_again(seat):
            return
        what = self.chance.choice(("kill", "stop", "stop", "interrupt", "end", "clock", "clock", "backup", "restore"))
        after = time.monotonic() + self.chance.uniform(0.2, 4.0)
        if what in {"interrupt", "end"} and self.size(seat) <= self.began[seat]:
            return  # it has no handler yet, or not any more
        if what == "kill":
            worker.kill()
        elif what in {"stop", "interrupt", "end"}:
            worker.send_signal({"stop": signal.SIGSTOP, "interrupt": signal.SIGINT, "end": signal.SIGTERM}[what])
            if what == "stop":
                self.later.append((after, seat, what))
            elif what == "end":
                self.began[seat] = sys.maxsize
        elif what == "clock":
            self.set_clock(seat, self.chance.choice((-1, 1)) * self.chance.choice((2.0, 60.0, 3600.0, 86400.0)))
            self.later.append((after, seat, what))
        elif not self.copy(kind, what):
            return
        self.tally[what] += 1
        self.events.append((time.time(), what, kind, worker.pid))

    def start_again(self, seat: int) -> bool:
        """Start the process of a seat again if it has ended; return whether it had."""
        status = self.workers[seat].poll()
        if status is None:
            return False
        if status not in {0, -signal.SIGKILL}:
            self.wrong.append(f"{self.seats[seat]} ended with {status}")
        self.workers[seat] = self.start(seat)
        return True

    def end(self, seat: int, what: str) -> None:
        """End a stop, or set a clock right."""
        if what == "stop":
            with suppress(ProcessLookupError):
                self.workers[seat].send_signal(signal.SIGCONT)
        else:
            self.set_clock(seat, 0.0)

    def copy(self, kind: str, what: str) -> bool:
        """Make a backup of a store, or go back to it; return whether it was done."""
        with suppress(sqlite3.OperationalError, psycopg.Error, redis.ResponseError):
            if what == "backup":
                self.backups.save(kind)
                self.saved[kind] = time.time()
                return True
            if kind in self.saved:
                began = time.time()
                self.backups.restore(kind)
                self.restored[kind].append((began, self.saved[kind]))
                return True
        return False

    # ------------------------------------------------------------ what came of it
    def look(self) -> None:
        """Read how calls ended; a user signs in again if that is required."""
        ended = set()
        for seat, (kind, _) in enumerate(self.seats):
            path = self.folder / f"{seat}.log"
            if not path.exists():
                continue
            with path.open("rb") as file:
                file.seek(self.read[seat])
                content = file.read()
            content = content[: content.rfind(b"\n") + 1]
            self.read[seat] += len(content)
            for line in map(json.loads, content.splitlines()):
                self.answers[seat] += 1
                self.tally[line.get("error", "calls")] += 1
                login = (kind, line["account"])
                if line.get("error") == "LoginRequired" and line["at"] > self.signed_in[login][-1] + 1.0:
                    ended.add((*login, line["reason"]))
                elif "error" in line and line["error"] not in EXPECTED:
                    self.wrong.append(f"{kind}: {line}")
        for kind, account, reason in ended:
            login, since = (kind, account), self.signed_in[kind, account][-1]
            if self.proxy.explains_end(login, since):
                pass
            elif self.was_restored_as_ended(login, since):
                self.tally["ended: in a backup"] += 1
            else:
                sent = [each for _, each in self.proxy.sent_for(login) if each.at > since - 20]
                self.wrong.append(
                    f"the login {login} ended ({reason}) though no used token was sent since {since}: {sent}; "
                    f"restored (when, backup of): {self.restored[kind][-3:]}"
                )
            self.tally[f"ended: {reason}"] += 1
            self.sign_in(kind, account)

    def was_restored_as_ended(self, login: tuple[str, str], since: float) -> bool:
        """Return whether a backup of the time between an earlier sign-in's end and the next was restored since."""
        rejected = [each.at for _, each in self.proxy.sent_for(login) if each.rejected]
        for restored, made in self.restored[login[0]]:
            before = [at for at in self.signed_in[login] if at < made]
            if restored > since > made and before and any(before[-1] < at < made for at in rejected):
                return True
        return False

    def settle(self) -> None:
        """Let nothing go wrong any more, and wait until each process has ended some calls."""
        self.proxy.faulty = False
        for _, seat, what in self.later:
            self.end(seat, what)
        self.look()
        before, until = Counter(self.answers), time.monotonic() + SETTLES
        while silent := [seat for seat in range(len(self.seats)) if self.answers[seat] <= before[seat] + len(ACCOUNTS)]:
            if time.monotonic() > until:
                self.wrong.append(f"no call of {[self.seats[seat] for seat in silent]} ended in {SETTLES:.0f} s")
                return
            for seat in silent:
                self.start_again(seat)
            time.sleep(0.1)
            self.look()

    def judge(self) -> None:
        """Say of each used token that was sent why."""
        for token, first, second in self.proxy.used:
            login = self.proxy.login_of[token]
            events = [each for each in self.events if each[2] == login[0] and each[0] < second.at]
            killed = any(
                (what, pid) == ("kill", first.pid) and at < first.at + SAVES_WITHIN for at, what, _, pid in events
            )
            restored = any(what == "restore" and at > first.at for at, what, _, _ in events)
            if not first.delivered:
                self.tally["used: its response was lost"] += 1
            elif killed:
                self.tally["used: its receiver was killed"] += 1
            elif restored and (second.pid != first.pid or second.at < first.delivered + 1.0):
                self.tally["used: from a backup"] += 1
            else:
                before = [(round(at - first.at, 1), what, pid) for at, what, _, pid in events if at > first.at - 10]
                self.wrong.append(f"a used token of {login} was sent: {first}, then {second}; {before}")
        self.tally["refreshes"] += sum(each.granted for all_ in self.proxy.sendings.values() for each in all_)
        self.tally["faults"] += self.proxy.faults.total()


EXPECTED = {"LoginRequired", "TryLater", "StoreFailed", "UnexpectedReply", "KeyboardInterrupt"}


def main() -> int:
    """Run, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("minutes", type=float)
    parser.add_argument("seed", type=int)
    parser.add_argument("--state", type=Path)
    options = parser.parse_args()
    state = {"rounds": 0, "tally": {}, "wrong": []}
    if options.state and options.state.exists():
        state = json.loads(options.state.read_text())
    tally, wrong, rounds = Counter(state["tally"]), state["wrong"], round(options.minutes * 60 / ROUND)
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis_server = RedisServer(folder)
        stack.callback(redis_server.stop)
        postgres = PostgresServer()
        stack.callback(postgres.stop)
        while state["rounds"] < rounds:
            place = folder / str(state["rounds"])
            place.mkdir()
            schema = f"r{state['rounds']}"
            with psycopg.connect(postgres.url, autocommit=True) as admin:
                admin.execute(f"CREATE SCHEMA {schema}")
            with closing(redis.Redis.from_url(redis_server.url)) as server:
                server.flushdb()
            postgres_url = f"{postgres.url}?options=-csearch_path%3D{schema}"
            stores = {
                "file": f"file:{place}/logins.json",
                "sqlite": f"sqlite:{place}/logins.db",
                "redis": redis_server.url,
                "postgres": postgres_url,
            }
            backups = Backups(place, redis_server.url, postgres_url)
            one = Round(place, stores, backups, options.seed * 1_000_000 + state["rounds"])
            one.run()
            tally.update(one.tally)
            wrong += one.wrong
            state = {"rounds": state["rounds"] + 1, "tally": tally, "wrong": wrong}
            print(summary(state, rounds, began), file=sys.stderr, flush=True)
            if options.state:
                options.state.write_text(json.dumps(state))
    print(f"seed {options.seed}: {summary(state, rounds, began)}")
    print("\n".join(wrong[:50]))
    return 1 if wrong else 2 * (state["rounds"] < rounds)


def summary(state: dict, rounds: int, began: float) -> str:
    """Return the line that sums a run up."""
    counted = ", ".join(f"{count} {what}" for what, count in sorted(state["tally"].items()))
    wrong = len(state["wrong"])
    return f"{state['rounds']} of {rounds} rounds: {counted}; {wrong} wrong; {time.monotonic() - began:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
