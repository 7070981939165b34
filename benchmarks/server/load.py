"""The load: a process of its own that keeps connections busy and checks every answer.

Usage: python load.py, then one JSON object a line on stdin; each is answered by one line.

    {"do": "open", "port": …, "connections": …, "job": …, "path": …, "media": "json" | "form", "fields": {…},
     "tokens": […] | "tokens_file": …, "draw": false | true}
    {"do": "run", "seconds": …, "warm": …, "rate": null | requests a second}

Jobs: `refresh` sends each connection's own chain of refresh tokens, each answer's new one next (with `draw`, a chain is
drawn at random from all for each request); `fixed` sends the same each time; `exchange` and `revoke` take the next of
`tokens` for each request.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from array import array
from collections import deque
from itertools import count
from pathlib import Path
from urllib.parse import quote

import msgspec
import uvloop

VARIABLE = {"refresh": "refresh_token", "fixed": "refresh_token", "exchange": "code", "revoke": "token"}
ENOUGH = 64  # bytes of a header's value that are looked at


class Tokens(msgspec.Struct):
    """What an answer must have."""

    access_token: str
    refresh_token: str
    expires_in: int


decoded = msgspec.json.Decoder(Tokens).decode


class Wrong(Exception):
    """An answer was not what it had to be."""


class Job:
    """What is sent, and what is made of an answer."""

    def __init__(self, plan: dict) -> None:
        self.kind = plan["job"]
        file = plan.get("tokens_file")
        self.tokens = Path(file).read_bytes().split() if file else [token.encode() for token in plan["tokens"]]
        self.draws = plan.get("draw", False)
        self.at = count()
        name, form = VARIABLE[self.kind], plan["media"] == "form"
        if form:
            body = "&".join(f"{key}={quote(value, safe='')}" for key, value in plan["fields"].items())
            self.begin, self.end = f"{body}&{name}=".encode(), b""
        else:
            self.begin, self.end = json.dumps({**plan["fields"], name: ""}).encode()[:-2], b'"}'
        media = "application/x-www-form-urlencoded" if form else "application/json"
        head = f"POST {plan['path']} HTTP/1.1\r\nHost: 127.0.0.1:{plan['port']}\r\nContent-Type: {media}\r\n"
        self.head = f"{head}Content-Length: ".encode()

    def request(self, token: bytes) -> bytes:
        length = len(self.begin) + len(token) + len(self.end)
        return b"%b%d\r\n\r\n%b%b%b" % (self.head, length, self.begin, token, self.end)

    def next_of_supply(self) -> bytes:
        at = next(self.at)
        if at >= len(self.tokens):
            raise Wrong(f"the supply of {len(self.tokens)} is used up: give more, or shorter rounds")
        return self.tokens[at]

    def drawn(self, back: bytes | None = None) -> bytes:
        """Take a chain that is not in use, in exchange for one's own."""
        at = random.randrange(len(self.tokens))
        token = self.tokens[at]
        if back is None:
            self.tokens[at] = self.tokens[-1]
            self.tokens.pop()
        else:
            self.tokens[at] = back
        return token

    def first(self, at: int) -> bytes:
        """Give what a connection sends first."""
        if self.draws:
            return self.drawn()
        return self.tokens[at] if self.kind in ("refresh", "fixed") else self.next_of_supply()

    def following(self, sent: bytes, body: bytes) -> bytes:
        """Check an answer; give what is to be sent next."""
        if self.kind == "revoke":
            return self.next_of_supply()
        got = decoded(body)
        token = got.refresh_token.encode()
        if self.kind == "refresh":
            if token == sent or not got.access_token:
                raise Wrong("the refresh token was not rotated")
            return self.drawn(token) if self.draws else token
        if self.kind == "exchange":
            return self.next_of_supply()
        return sent


class Kept(asyncio.Protocol):
    """A kept connection; the next request leaves when the answer is there."""

    def __init__(self, run: Run, token: bytes) -> None:
        self.run, self.token = run, token
        self.due = 0.0
        self.heard = b""
        self.busy = self.leaving = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self.leaving:
            self.leaving = False
            self.reconnecting = asyncio.get_running_loop().create_task(self.reconnect())
        elif self.busy or not self.run.ended:
            self.run.fail(error or Wrong("the server closed a connection"))

    def send(self, due: float) -> None:
        self.due, self.busy = due, True
        self.transport.write(self.run.job.request(self.token))

    def data_received(self, data: bytes) -> None:
        data = self.heard + data if self.heard else data
        split = data.find(b"\r\n\r\n")
        if split < 0:
            self.heard = data
            return
        head = data[:split].lower()
        at = head.find(b"content-length:")
        if at < 0:
            self.run.fail(Wrong(f"an answer without a length: {data[:600]!r}"))
            return
        length = int(head[at + 15 : at + 15 + ENOUGH].split(b"\r\n", 1)[0])
        if len(data) < split + 4 + length:
            self.heard = data
            return
        self.heard = b""
        if data[9:12] != b"200":
            self.run.fail(Wrong(f"an answer was {data[:600]!r}"))
            return
        try:
            self.token = self.run.job.following(self.token, data[split + 4 :])
        except (Wrong, msgspec.DecodeError) as error:
            self.run.fail(error)
            return
        self.busy = False
        if b"\r\nconnection: close" in head:  # puma does so under load
            self.leaving = True
            self.transport.close()
        else:
            self.run.answered(self)

    async def reconnect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self.run.port)
        except OSError as error:
            self.run.fail(error)
            return
        self.run.answered(self)


class Run:
    """One stretch of time: closed loop, or paced where a rate is given."""

    def __init__(self, job: Job, *, warm: float, seconds: float, rate: float | None) -> None:
        self.job, self.warm, self.seconds, self.rate = job, warm, seconds, rate
        self.latencies = array("d")
        self.idle: deque[Kept] = deque()
        self.ended = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, error: Exception) -> None:
        self.ended = True
        if not self.done.done():
            self.done.set_exception(error)

    def answered(self, kept: Kept) -> None:
        now = time.perf_counter()
        if self.begun <= kept.due and now <= self.until:
            self.latencies.append(now - kept.due)
        if self.rate is None and not self.ended:
            kept.send(now)
            return
        self.idle.append(kept)
        if self.ended and len(self.idle) == len(self.all) and not self.done.done():
            self.done.set_result(None)

    def pace(self) -> None:
        """Send what is due; what finds no idle connection waits, and its waiting counts."""
        now = time.perf_counter()
        while self.due <= now and self.idle and not self.ended:
            self.idle.popleft().send(self.due)
            self.due += 1 / self.rate
        if not self.ended:
            asyncio.get_running_loop().call_soon(self.pace)

    def stop(self) -> None:
        self.ended = True
        if len(self.idle) == len(self.all) and not self.done.done():
            self.done.set_result(None)

    async def on(self, port: int, tokens: list[bytes]) -> list[bytes]:
        loop, self.port = asyncio.get_running_loop(), port
        made = [loop.create_connection(lambda token=token: Kept(self, token), "127.0.0.1", port) for token in tokens]
        self.all: list[Kept] = [protocol for _, protocol in await asyncio.gather(*made)]
        start = time.perf_counter()
        self.begun, self.until = start + self.warm, start + self.warm + self.seconds
        loop.call_later(self.warm + self.seconds, self.stop)
        if self.rate is None:
            for kept in self.all:
                kept.send(start)
        else:
            self.idle, self.due = deque(self.all), start
            self.pace()
        await self.done
        for kept in self.all:
            kept.transport.close()
        return [kept.token for kept in self.all]


class Load:
    """What was opened, and where its chains have come to."""

    def open(self, plan: dict) -> dict:
        self.port, self.job = plan["port"], Job(plan)
        self.tokens = [self.job.first(at) for at in range(plan["connections"])]
        return {"ready": True}

    async def run(self, plan: dict) -> dict:
        run = Run(self.job, warm=plan["warm"], seconds=plan["seconds"], rate=plan.get("rate"))
        spent = time.process_time()
        self.tokens = await run.on(self.port, self.tokens)
        spent = time.process_time() - spent
        ordered = sorted(run.latencies)
        if not ordered:
            raise Wrong("nothing was answered in time")
        return {
            "rate": len(ordered) / plan["seconds"],
            "p50": ordered[len(ordered) // 2] * 1e3,
            "p99": ordered[len(ordered) * 99 // 100] * 1e3,
            "longest": ordered[-1] * 1e3,
            "busy": spent / (plan["seconds"] + plan["warm"]),
        }


def main() -> None:
    load = Load()
    for line in sys.stdin:
        plan = json.loads(line)
        try:
            answer = load.open(plan) if plan["do"] == "open" else uvloop.run(load.run(plan))
        except (Wrong, OSError, msgspec.DecodeError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
