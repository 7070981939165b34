"""The command line: in this process with captured streams, or as a process of its own."""

from __future__ import annotations

import errno
import fcntl
import gc
import io
import json
import logging
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

import pytest

from traktauth.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

HANG = 120.0  # seconds; no test depends on this time
_CHANGED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ)


class Outcome(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


Steps = Sequence[tuple[str, "str | Callable[[re.Match[str]], object]"]]
"""Pairs of a pattern and what is done once when it is shown, in this order.

A text is typed as a line; a function is called with the match, and a text that it returns is typed.
"""


class _Dialogue:
    """What a command shows, and what the test does about it."""

    def __init__(self, typed: bytes, steps: Steps) -> None:
        self.typed = typed
        self.left = list(steps)
        self._shown = ""  # since the last step

    def show(self, text: str) -> None:
        self._shown += text
        while self.left and (found := re.search(self.left[0][0], self._shown)):
            action = self.left.pop(0)[1]
            self._shown = self._shown[found.end() :]
            answer = action if isinstance(action, str) else action(found)
            if isinstance(answer, str):
                self.typed += f"{answer}\n".encode()


class _Stream:
    """What makes a stream a terminal: the file descriptor of a pseudo-terminal, which is asked for its size only."""

    terminal: int | None = None

    def isatty(self) -> bool:
        return self.terminal is not None

    def fileno(self) -> int:
        if self.terminal is None:
            raise io.UnsupportedOperation("fileno")
        return self.terminal


class _Input(_Stream, io.RawIOBase):
    def __init__(self, dialogue: _Dialogue, terminal: int | None) -> None:
        self._dialogue, self.terminal = dialogue, terminal

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._dialogue.typed[: len(buffer)]
        self._dialogue.typed = self._dialogue.typed[len(part) :]
        buffer[: len(part)] = part
        return len(part)


class _Output(_Stream, io.BytesIO):
    def __init__(self, dialogue: _Dialogue, terminal: int | None) -> None:
        super().__init__()
        self._dialogue, self.terminal = dialogue, terminal

    def write(self, data: Any) -> int:
        size = super().write(data)
        self._dialogue.show(bytes(data).decode(errors="replace"))
        return size


class Size(NamedTuple):
    """The size of a terminal."""

    rows: int = 50
    columns: int = 100


def run(
    *words: str,
    env: Mapping[str, str],
    folder: Path,
    stdin: str | bytes = b"",
    steps: Steps = (),
    terminal: Size | None = None,
    on_terminal: str = "err",
) -> Outcome:
    """Run the command line in this process.

    What it finds is as in a process of its own: environment, working directory, time zone, streams over bytes, signal
    handlers, and a logging module without handlers. A signal can be raised by a step.

    Args:
        words: arguments.
        env: the whole environment.
        folder: working directory.
        stdin: what it reads before the lines that steps type.
        steps: what is done while it runs; each must happen.
        terminal: the size of the terminal; None: it has none.
        on_terminal: the streams that are that terminal: words of `in out err`.
    """
    dialogue = _Dialogue(stdin.encode() if isinstance(stdin, str) else stdin, steps)
    encoding, _, errors = env.get("PYTHONIOENCODING", "utf-8").partition(":")
    with _pseudo_terminal(terminal) as descriptor, _process_state(env, folder):
        ends = [descriptor if name in on_terminal.split() else None for name in ("in", "out", "err")]
        out, err = _Output(dialogue, ends[1]), _Output(dialogue, ends[2])
        stdin_stream = io.TextIOWrapper(io.BufferedReader(_Input(dialogue, ends[0])), encoding)
        stdout = io.TextIOWrapper(out, encoding, errors or "strict", write_through=True)
        stderr = io.TextIOWrapper(err, encoding, "backslashreplace", write_through=True)
        with (
            mock.patch.multiple(sys, argv=["traktauth", *words], stdin=stdin_stream, stdout=stdout, stderr=stderr),
            mock.patch.object(sys, "__stdout__", stdout),  # shutil asks it for the terminal's size
            mock.patch.multiple(os, execvpe=_refuse_exec, open=_open_without_controlling_terminal),
        ):
            try:
                status = main()
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else int(end.code is not None)
            outcome = Outcome(status, out.getvalue().decode(encoding), err.getvalue().decode(encoding))
    assert not dialogue.left, f"{dialogue.left[0][0]!r} was not shown: {outcome}"
    return outcome


_open = os.open


def _open_without_controlling_terminal(path: Any, *arguments: Any, **options: Any) -> int:
    """Open a file, but never the terminal that the tests were started in: getpass asks there first."""
    if path == "/dev/tty":
        raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
    return _open(path, *arguments, **options)


@contextmanager
def _pseudo_terminal(size: Size | None) -> Generator[int | None]:
    if size is None:
        yield None
        return
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    try:
        yield slave
    finally:
        os.close(slave)
        os.close(master)


def _refuse_exec(*_: object) -> None:
    pytest.fail("this command replaces its process: use Command.execute")


@contextmanager
def _process_state(env: Mapping[str, str], folder: Path) -> Generator[None]:
    """Change what belongs to the whole process, and change it back."""
    root = logging.getLogger()
    environ, cwd, handlers = dict(os.environ), Path.cwd(), root.handlers[:]
    threshold = gc.get_threshold()
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
        gc.set_threshold(*threshold)
        gc.unfreeze()
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

    def __call__(self, *words: str, stdin: str | bytes = b"", steps: Steps = (), **env: str) -> Outcome:
        """Run it in this process."""
        return run(*words, env={**self.env, **env}, folder=self.folder, stdin=stdin, steps=steps)

    def show(
        self, *words: str, steps: Steps = (), on: str = "err", rows: int = 50, columns: int = 100, **env: str
    ) -> Outcome:
        """Run it in this process at a terminal, which is the streams *on* names."""
        env = {**self.env, "TERM": "xterm-256color", **env}
        size = Size(rows, columns)
        return run(*words, env=env, folder=self.folder, steps=steps, terminal=size, on_terminal=on)

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
