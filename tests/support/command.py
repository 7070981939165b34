"""The command line as a process, with its settings in the environment and a home of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class Command:
    """`traktauth` for one app at one service.

    Args:
        service: base address.
        app: with `client_id`, `client_secret` and `redirect_uri`.
        home: an empty folder; nothing of the real home is seen.
        store: where the login rests.
    """

    def __init__(self, service: str, app: Any, home: Path, store: str | None = None) -> None:
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("TRAKTAUTH_", "XDG_"))}
        self.env = {
            **mine,
            "HOME": str(home),
            "TRAKTAUTH_SERVICE": service,
            "TRAKTAUTH_STORE": store or f"file:{home}/login.json",
            "TRAKTAUTH_CLIENT_ID": app.client_id,
            "TRAKTAUTH_CLIENT_SECRET": app.client_secret or "",
            "TRAKTAUTH_REDIRECT_URI": app.redirect_uri,
        }
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start it with pipes at its three streams."""
        process = subprocess.Popen(
            [sys.executable, "-m", "traktauth", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.env,
        )
        self._started.append(process)
        return process

    def stop(self) -> None:
        """End what a failed test left running, and close every pipe."""
        for process in self._started:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def __call__(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        process = self.start(*words)
        printed, message = process.communicate(stdin, timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, printed, message)

    def json(self, *words: str) -> Any:
        """Run it, expect success, and read what it printed as JSON."""
        done = self(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def step(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Read the next step that a `login --json` prints."""
    assert process.stdout
    assert process.stderr
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return json.loads(line)


def finish(process: subprocess.Popen[str], stdin: str | None = None) -> str:
    """Wait for its end, expect success, and return what is left of its output."""
    printed, message = process.communicate(stdin, timeout=60)
    assert process.returncode == 0, message
    return printed
