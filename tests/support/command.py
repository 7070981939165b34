"""The command line: in this process with captured streams, or as a process of its own."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

import pytest

from traktauth.__main__ import main
from traktauth.client import duplicate_responses

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

HANG = 120.0  # seconds; no test depends on this time
_CHANGED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ)


class Outcome(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


class _Output(io.BytesIO):
    """What a command has printed; each line is handed to *on_line* when it is complete."""

    def __init__(self, on_line: Callable[[str], object] | None) -> None:
        super().__init__()
        self._on_line = on_line
        self._begun = b""

    def write(self, data: Any) -> int:
        size = super().write(data)
        if self._on_line is not None:
            *lines, self._begun = (self._begun + bytes(data)).split(b"\n")
            for line in lines:
                self._on_line(line.decode())
        return size


def run(
    *words: str,
    env: Mapping[str, str],
    folder: Path | None = None,
    stdin: str | bytes = b"",
    on_out: Callable[[str], object] | None = None,
    on_err: Callable[[str], object] | None = None,
) -> Outcome:
    """Run the command line in this process.

    What it finds is as in a process of its own: environment, working directory, time zone, streams over bytes, signal
    handlers, and a logging module without handlers.

    Args:
        words: arguments.
        env: the whole environment.
        folder: working directory.
        stdin: what it reads.
        on_out: called in the command's thread with each line of standard output.
        on_err: the same for standard error.
    """
    out, err = _Output(on_out), _Output(on_err)
    encoding, _, errors = env.get("PYTHONIOENCODING", "utf-8").partition(":")
    duplicate_responses.forget()
    with (
        _process_state(env, folder or Path.cwd()),
        mock.patch.object(sys, "argv", ["traktauth", *words]),
        mock.patch.object(
            sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode() if isinstance(stdin, str) else stdin), encoding)
        ),
        mock.patch.object(sys, "stdout", io.TextIOWrapper(out, encoding, errors or "strict", write_through=True)),
        mock.patch.object(sys, "stderr", io.TextIOWrapper(err, encoding, "backslashreplace", write_through=True)),
        mock.patch.object(os, "execvpe", _refuse_exec),
    ):
        try:
            status = main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        sys.stdout.flush()
        return Outcome(status, out.getvalue().decode(encoding), err.getvalue().decode(encoding))


def _refuse_exec(*_: object) -> None:
    pytest.fail("this command replaces its process: use Command.execute")


@contextmanager
def _process_state(env: Mapping[str, str], folder: Path) -> Generator[None]:
    """Change what belongs to the whole process, and change it back."""
    root = logging.getLogger()
    environ, cwd, handlers = dict(os.environ), Path.cwd(), root.handlers[:]
    signals = {number: signal.getsignal(number) for number in _CHANGED_SIGNALS}
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    time.tzset()
    root.handlers[:] = []
    try:
        yield
    finally:
        root.handlers[:] = handlers
        os.environ.clear()
        os.environ.update(environ)
        os.chdir(cwd)
        time.tzset()
        for number, handler in signals.items():
            signal.signal(number, handler)


class Command:
    """`traktauth` for one app at one service, in an environment with nothing else of this process's.

    Args:
        service: base address.
        app: with `client_id`, `client_secret` and `redirect_uri`.
        home: home folder and working directory.
        store: address of the store; default: a file in *home*.
    """

    def __init__(self, service: str, app: Any, home: Path, store: str | None = None) -> None:
        self.folder = home
        self.env = {name: value for name, value in os.environ.items() if name.startswith(("COVERAGE_", "PYTHON"))}
        self.env |= {
            "PATH": os.environ["PATH"],
            "TZ": "UTC",
            "HOME": str(home),
            "TRAKTAUTH_SERVICE": service,
            "TRAKTAUTH_STORE": store or f"file:{home}/login.json",
            "TRAKTAUTH_CLIENT_ID": app.client_id,
            "TRAKTAUTH_CLIENT_SECRET": app.client_secret or "",
            "TRAKTAUTH_REDIRECT_URI": app.redirect_uri,
        }
        self._started: list[subprocess.Popen[str]] = []

    def __call__(self, *words: str, stdin: str | bytes = b"", **env: str) -> Outcome:
        """Run it in this process."""
        return run(*words, env={**self.env, **env}, folder=self.folder, stdin=stdin)

    def json(self, *words: str) -> Any:
        """Run it, expect success, and read what it printed as JSON."""
        done = self(*words, "--json")
        assert done.status == 0, done.err
        return json.loads(done.out)

    def execute(self, *words: str, stdin: str = "", **env: str) -> Outcome:
        """Run it as a process to its end."""
        process = self.start(*words, **env)
        out, err = process.communicate(stdin, timeout=HANG)
        return Outcome(process.returncode, out, err)

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        """Start it as a process with pipes; it is ended with the test."""
        process = subprocess.Popen(
            [sys.executable, "-m", "traktauth", *words],
            env={**self.env, **env},
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def stop(self) -> None:
        """End what a test left running, and close every pipe."""
        for process in self._started:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    with suppress(OSError):
                        pipe.close()


def step(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Read the next step that a `login --json` prints."""
    assert process.stdout
    assert process.stderr
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return json.loads(line)


def finish(process: subprocess.Popen[str], stdin: str | None = None) -> str:
    """Wait for its end, expect success, and return what is left of its output."""
    printed, message = process.communicate(stdin, timeout=HANG)
    assert process.returncode == 0, message
    return printed
