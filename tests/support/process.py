"""Servers that run beside the tests: started on a free port, waited for, and ended with all that they started."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the program curl is absent")
READY_WITHIN = 60.0
ENDS_WITHIN = 5.0


class NotReady(Exception):
    """A server ended, or took too long, before it answered; what it had printed is in the message."""


# Below the ports that Linux gives to connections, any of which may be in use a moment later at another address.
_PORTS = range(20000, 32000)
_given: set[int] = set()


def free_port(*addresses: str) -> int:
    """A port that nothing uses at these addresses (default: 127.0.0.1 and ::1), and that was not given before."""
    # The tests' seed is the same in each process, which would all get the same port.
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        if port not in _given and all(is_free(port, address) for address in addresses or ("127.0.0.1", "::1")):
            _given.add(port)
            return port
    raise NotReady("all ports are in use")


def is_free(port: int, address: str) -> bool:
    """Whether a program can listen there; also where the machine lacks the address."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            probe.bind((address, port))
    except OSError as error:
        return error.errno != errno.EADDRINUSE
    return True


class Server:
    """A process that serves HTTP on a loopback port.

    It gets a process group of its own, so that `stop` ends what it started too, and nothing else.
    """

    def __init__(self, command: list[str], *, port: int, log: Path, env: dict[str, str] | None = None) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    def wait_until_ready(self, path: str = "/", within: float = READY_WITHIN) -> Self:
        """Return once *path* is answered, with whatever status; NotReady otherwise, with the process ended."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError):
                try:
                    urllib.request.urlopen(self.base + path, timeout=within).close()
                except urllib.error.HTTPError as answered:
                    answered.close()
                return self
            time.sleep(0.05)
        code = self.process.poll()
        self.stop()
        what = f"no answer within {within:.0f} s" if code is None else f"ended with {code}"
        raise NotReady(f"{what}:\n{self.log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """End the process and what it started; at once if they do not go by themselves."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(ENDS_WITHIN)
                return

    def kill(self) -> None:
        """End it as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
