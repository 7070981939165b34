"""A PostgreSQL of the tests' own, on a free port, with a password."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from .engines import Missing
from .process import NotReady, free_port
from .tether import tethered

READY_WITHIN = 120.0  # seconds, which no busy machine reaches
USER, PASSWORD, DATABASE = "traktauth", "hunter2", "postgres"
VERSIONED = "/usr/lib/postgresql"  # where Debian keeps what is not on the path


def program(name: str) -> str:
    """Where a program of PostgreSQL's server lies."""
    found = shutil.which(name)
    if found is None:
        newest = sorted(Path(VERSIONED).glob(f"*/bin/{name}"))
        found = str(newest[-1]) if newest else None
    if found is None:
        raise Missing(f"the program {name} is absent")
    return found


def absence() -> str:
    """Say why no PostgreSQL can be started here, nothing where one can."""
    try:
        program("postgres")
    except Missing as absent:
        return str(absent)
    return ""


def unprivileged_user() -> dict[str, Any]:
    """Who runs it: PostgreSQL refuses to be run by root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise Missing("the system has no user who could run PostgreSQL")


class PostgresServer:
    """A process that can be killed, stopped and started again over the same data."""

    def __init__(self, *settings: str) -> None:
        initdb, self.program = program("initdb"), program("postgres")
        self.who, self.settings, self.port = unprivileged_user(), settings, free_port()
        # Not below pytest's own folder, which other users may not enter.
        self.folder = Path(tempfile.mkdtemp(prefix="traktauth-postgres-"))
        password = self.folder / "password"
        password.write_text(PASSWORD)
        for path in (self.folder, password):
            if self.who:
                os.chown(path, self.who["user"], self.who["group"])
        command = [initdb, "-D", self.folder / "data", "-U", USER, f"--pwfile={password}", "-A", "scram-sha-256"]
        done = subprocess.run(
            [*command, "-N", "-E", "UTF8", "--locale=C"],
            **self.who,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotReady(done.stdout[-1000:] + done.stderr[-1000:])
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> None:
        options = ["-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                tethered(self.program, "-D", self.folder / "data", *options, *self.settings),
                **self.who,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._ready():
                return
            time.sleep(0.05)
        self.kill()
        raise NotReady((self.folder / "log").read_text()[-2000:])

    def _ready(self) -> bool:
        """Return whether it answers a query: a server that recovers from a crash listens before it does."""
        try:
            psycopg.connect(self.url, connect_timeout=10).close()
        except psycopg.OperationalError:
            return False
        return True

    def signal(self, sign: int) -> None:
        """Send a signal to it and all of its sessions."""
        for pid in [self.process.pid, *self._sessions()]:
            try:
                os.kill(pid, sign)
            except ProcessLookupError:
                continue

    def _sessions(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()] if children.exists() else []

    def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def pause(self) -> None:
        """Let it answer nothing, until `resume`."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it and throw its data away."""
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def running_postgres(*settings: str) -> Iterator[PostgresServer]:
    """Run a PostgreSQL for a fixture; its tests are skipped where the program is missing."""
    try:
        server = PostgresServer(*settings)
    except Missing as missing:
        pytest.skip(str(missing))
    yield server
    server.stop()
