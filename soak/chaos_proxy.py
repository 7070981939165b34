"""Stands between the processes of `soak/chaos.py` and Trakt: loses and delays responses, and records every refresh."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    import random

LOST = ("502 after", "cut after", "page after")  # the refresh was done, and its response is lost
UNDONE = ("503 before", "429 before", "cut before")


@dataclass
class Sending:
    """One refresh token on its way: when, by which process, and what became of it."""

    at: float
    pid: int
    granted: bool = False
    rejected: bool = False
    delivered: float = 0.0  # when; 0 if its response was lost


class Proxy(ThreadingHTTPServer):
    """Stands before the local Trakt, keeps a record of every refresh, and loses or delays responses."""

    daemon_threads = True

    def __init__(self, upstream: str, chance: random.Random) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server_port}"
        self.upstream = urlsplit(upstream).netloc
        self.chance, self.faulty = chance, True
        self.lock = threading.Lock()
        self.login_of: dict[str, tuple[str, str]] = {}  # by refresh token
        self.signed_in_at: dict[str, float] = {}  # by refresh token: when the user signed in from whom it comes
        self.sendings: dict[str, list[Sending]] = defaultdict(list)
        self.faults: Counter[str] = Counter()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients are killed."""

    def fault(self) -> str:
        """Choose what goes wrong with a response."""
        with self.lock:
            dice = self.chance.random()
            kind = "" if not self.faulty or dice < 0.7 else "late" if dice < 0.8 else self.chance.choice(LOST + UNDONE)
            self.faults[kind] += bool(kind)
            return kind

    def begin(self, token: str, pid: int) -> Sending:
        """Record that a refresh token goes to Trakt now."""
        sending = Sending(time.time(), pid)
        with self.lock:
            self.sendings[token].append(sending)
        return sending

    @property
    def used(self) -> list[tuple[str, Sending, Sending]]:
        """Return what was sent although it was used: the token, the sending that was granted, and the other one.

        The other one may have begun before the granted one had its response.
        """
        with self.lock:
            return [
                (token, granted, sending)
                for token, sendings in self.sendings.items()
                for granted in [each for each in sendings if each.granted and token in self.login_of][:1]
                for sending in sendings
                if sending is not granted
            ]

    def grant(self, sending: Sending, old: str, new: str) -> None:
        """Record the token that follows a used one."""
        with self.lock:
            sending.granted = True
            if old in self.login_of:
                self.login_of[new] = self.login_of[old]
                self.signed_in_at[new] = self.signed_in_at[old]

    def explains_end(self, login: tuple[str, str], since: float) -> bool:
        """Return whether what was sent since a sign-in ends the login: a used token, or one of an earlier sign-in.

        The latter comes from a backup; its login had ended, so Trakt rejects it.
        """
        earlier = [each.at for token, each in self.sent_for(login) if self.signed_in_at[token] < since]
        used = [second.at for token, _, second in self.used if self.login_of[token] == login]
        return any(at > since for at in [*used, *earlier])

    def sent_for(self, login: tuple[str, str]) -> list[tuple[str, Sending]]:
        """Return the refresh tokens of a login that were sent."""
        with self.lock:
            return [
                (token, each)
                for token, sendings in self.sendings.items()
                if self.login_of.get(token) == login
                for each in sendings
            ]


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Pass a request on, and its response, unless something goes wrong."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.fault()
        if fault in UNDONE:
            self.answer_instead(fault)
            return
        token = refresh_token_of(self.path, body)
        sending = self.server.begin(token, pid_of(self.headers)) if token else None
        with closing(HTTPConnection(self.server.upstream, timeout=60)) as upstream:
            fields = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}}
            upstream.request(self.command, self.path, body, fields)
            response = upstream.getresponse()
            content = response.read()
        if sending is not None and token and response.status == 200:
            self.server.grant(sending, token, json.loads(content)["refresh_token"])
        elif sending is not None:
            sending.rejected = response.status == 400
        if fault == "late":
            time.sleep(self.server.chance.uniform(0, 2.0))
        if fault in LOST:
            self.answer_instead(fault)
            return
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in {"connection", "transfer-encoding", "content-length", "date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()
        if sending is not None:
            sending.delivered = time.time()

    do_POST = do_GET  # noqa: N815 - the name is the library's

    def answer_instead(self, fault: str) -> None:
        """Answer as something between, or not at all."""
        if fault.startswith("cut"):
            self.close_connection = True
            return
        status = {"502": 502, "503": 503, "429": 429}.get(fault[:3], 200)
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"<html>")


def refresh_token_of(path: str, body: bytes) -> str | None:
    """Return the refresh token of a refresh request."""
    if path != "/oauth/token":
        return None
    text = body.decode()
    fields = json.loads(text) if text.startswith("{") else {name: each[0] for name, each in parse_qs(text).items()}
    return fields.get("refresh_token") if fields.get("grant_type") == "refresh_token" else None


def pid_of(headers: object) -> int:
    """Return the process that sent a request, from its User-Agent."""
    agent = headers["User-Agent"] or ""
    return int(agent.partition("chaos/")[2].partition(" ")[0] or 0)
