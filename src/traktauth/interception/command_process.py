"""Commands, each below a supervisor that leaves no process behind."""

from __future__ import annotations

import errno
import marshal
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

from traktauth.errors import TraktAuthError
from traktauth.hints import Hint, ShellCommand
from traktauth.interception import supervisor

NOT_FOUND, NOT_EXECUTABLE = 127, 126
HANDLER_SECONDS = 0.5
"""After which handlers of signals run at the latest: the system may interrupt another thread than the main one."""
SIGNALLED = 128
"""Added to a signal's number, as shells do, for a command that was ended by it."""


class Network(NamedTuple):
    """The network that a command has for itself, on Linux.

    Attributes:
        port: the only port of 127.0.0.1 at which something listens.
        serve: is called with the socket that listens there, before the command starts.
    """

    port: int
    serve: Callable[[socket.socket], None]


class CommandProcess:
    """A command and all that it starts.

    The supervisor is started when this is made, so that it is ready when the proxy is; `start` starts the command.
    Whatever ends this process, kill -9 too, ends the command.

    Args:
        stdin: as `subprocess.Popen` takes it; None: this process's.
        stdout: the same.
        stderr: the same.

    Attributes:
        pid: the supervisor's process id; everything that the command starts is below it.

    Raises:
        TraktAuthError: no more processes or files can be opened.
    """

    def __init__(
        self,
        *,
        stdin: int | IO[bytes] | None = None,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
    ) -> None:
        self._status: int | None = None
        try:
            with ExitStack() as opened:
                ours, theirs = (opened.enter_context(end) for end in socket.socketpair())
                # By a descriptor: with a path that has `traktauth` in it, `pkill -f traktauth` would end it too.
                program = opened.enter_context(Path(supervisor.__file__).open("rb")).fileno()
                self._supervisor = subprocess.Popen(  # noqa: S603 - our own program
                    [sys.executable, "-I", "-S", f"/dev/fd/{program}", str(theirs.fileno()), "sandbox-supervisor"],
                    pass_fds=(program, theirs.fileno()),
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                )
                self._connection = socket.socket(fileno=ours.detach())
        except OSError as error:
            raise TraktAuthError(
                f"A process cannot be started: {error.strerror}",
                hint=Hint(
                    "End other programs, or raise the limits of open files and processes: ",
                    ShellCommand("ulimit -n 4096"),
                ),
            ) from None
        self.pid = self._supervisor.pid

    def guard(self, folders: Sequence[Path]) -> None:
        """Start no command: only remove folders when this process ends, or on `close`."""
        self._specify([], {}, folders)

    def start(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        folders: Sequence[Path] = (),
        network: Network | None = None,
    ) -> int | None:
        """Start the command; return None, or the exit status 126 or 127 if it cannot be started.

        Args:
            command: its words.
            environ: its environment.
            folders: folders that the supervisor removes if this process ends first.
            network: the network that it has for itself; None: this process's.

        Raises:
            TraktAuthError: the system allows no network of its own.
        """
        self._specify(command, environ, folders, network)
        if network is not None:
            network.serve(self._receive_socket())
        kind, value = self._read_report()
        if kind == supervisor.STARTED:
            return None
        return NOT_FOUND if value in (errno.ENOENT, errno.ENOTDIR) else NOT_EXECUTABLE

    def wait(self, timeout: float | None = None) -> int | None:
        """Return the exit status as a shell has it, once every process is gone; None after *timeout* seconds."""
        if self._status is not None:
            return self._status
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            pause = HANDLER_SECONDS if left is None else min(left, HANDLER_SECONDS)
            if select.select([self._connection], [], [], pause)[0]:
                break
            if left == 0.0:
                return None
        _, value = self._read_report()
        status = -signal.SIGKILL if value == -1 else os.waitstatus_to_exitcode(value)
        self._status = SIGNALLED - status if status < 0 else status
        return self._status

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the command, unless its process group was sent it; SIGINT to all processes of its group."""
        self._write(bytes([number]))

    def kill(self) -> None:
        """End the command and everything that it has started."""
        self._write(b"\0")

    def close(self) -> None:
        """End everything, and wait until it is gone."""
        self._connection.close()
        self._supervisor.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _receive_socket(self) -> socket.socket:
        report, descriptors, _, _ = socket.recv_fds(self._connection, supervisor.REPORT_BYTES, 1)
        if descriptors:
            return socket.socket(fileno=descriptors[0])
        reason = os.strerror(int.from_bytes(report[1:], "big")) if report else "its supervisor has ended"
        raise TraktAuthError(
            f"The program cannot get a network of its own: {reason}",
            hint="Leave --isolate out, or run it where user namespaces are allowed, or as root",
        )

    def _specify(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        folders: Sequence[Path],
        network: Network | None = None,
    ) -> None:
        specification = [
            network.port if network else 0,
            [os.fsencode(word) for word in command],
            {os.fsencode(name): os.fsencode(value) for name, value in environ.items()},
            [os.fsencode(folder) for folder in folders],
        ]
        self._write(marshal.dumps(specification))

    def _write(self, content: bytes) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # the supervisor has been killed
            self._connection.sendall(content)

    def _read_report(self) -> tuple[bytes, int]:
        """Read the next report; a supervisor that was killed has none."""
        try:
            content = self._connection.recv(supervisor.REPORT_BYTES)  # written at once, so read at once
        except ConnectionResetError:
            content = b""
        if not content:
            return supervisor.ENDED, -1
        return content[:1], int.from_bytes(content[1:], "big", signed=True)
