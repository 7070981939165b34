"""A Redis of the tests' own, on a free port, as durable as the promise needs it."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

from .engines import need
from .process import NotReady, free_port
from .tether import tethered

if TYPE_CHECKING:
    from pathlib import Path

DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction")
READY_WITHIN = 120.0  # seconds, which no busy machine reaches


class RedisServer:
    """A process that can be killed, stopped and started again over the same data."""

    def __init__(self, folder: Path, *settings: str) -> None:
        need("redis-server")
        self.folder, self.settings, self.port = folder, settings or DURABLE, free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        place = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "")
        with (self.folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(
                tethered("redis-server", *place, *self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._answers():
                return
            time.sleep(0.02)
        self.stop()
        raise NotReady((self.folder / "redis.log").read_text()[-2000:])

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Let it answer nothing, until `resume`."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)
