"""Runs one command, and ends all that it started when it ends or when the parent process is gone.

This file is a program of its own (`python -I -S supervisor.py`), and needs nothing but the standard library.

It starts the command in the process group and the terminal of the parent process, and leaves them for a session of
its own, so that a signal to that process group does not reach it. A socket, whose other end the parent process alone
holds, tells what to do, and when that process has ended, however it did.

On Linux it is a *subreaper* (prctl(2)): daemons stay below it in the process tree. On other systems a process that has
detached itself is not found.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import marshal
import os
import select
import shutil
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 1.0
"""That processes which outlive the command have between SIGTERM and SIGKILL."""
KILL_SECONDS = 30.0
"""For which processes are waited for that do not end at SIGKILL: the kernel may hold them."""
STARTED, NOT_STARTED, ENDED, ISOLATED, NOT_ISOLATED = b"s", b"n", b"e", b"i", b"u"
"""Kinds of reports; with the process id, an error number, the status of `os.waitpid` (-1: it was ended), 0, or an error
number."""
CLONE_NEWUSER, CLONE_NEWNET, SIOCSIFFLAGS, IFF_UP = 0x10000000, 0x40000000, 0x8914, 1
GROUP_SECONDS = 0.05
"""Within which a signal to the process group has reached all its processes, once it has reached one."""
OWN_SECONDS = 2.0
"""Within which the parent process reports a signal that its process group was sent."""
REPORT_BYTES = 5
ON_LINUX = sys.platform.startswith("linux")
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
FIRST_LINE = 80
"""Bytes of a file by which shells judge whether it is a script."""


def main(connection: int) -> int:
    """Run the command that the parent process names on a socket, and report how it ended there."""
    os.set_inheritable(connection, False)  # noqa: FBT003 - takes it by position alone
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(one) is not signal.SIG_IGN:  # as `nohup` has it, also for the command
            signal.signal(one, _do_nothing)  # the command decides what it means
    if ON_LINUX:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    port: int
    command: list[bytes]
    environ: dict[bytes, bytes]
    folders: list[bytes]
    with os.fdopen(connection, "rb", closefd=False) as file:  # nothing comes after it until the command is there
        try:
            port, command, environ, folders = marshal.load(file)  # noqa: S302 - ours
        except EOFError:
            return 0
    if port and not _isolate(connection, port):
        return 0
    if command:
        _run(connection, command, environ)
    else:
        _leave_group()
    _wait_for_end(connection)
    end_descendants(gently=False)
    for folder in filter(os.path.exists, folders):
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _isolate(connection: int, port: int) -> bool:
    """Give this process and the command a network of their own, in which nothing but a listening socket is.

    The sandbox's process is sent that socket, at a port of 127.0.0.1 (network_namespaces(7), user_namespaces(7)).
    Returns False, and reports it, if the system does not allow it.
    """
    import socket  # noqa: PLC0415 - costly, and rarely needed

    try:
        _leave_network()
        with socket.create_server(("127.0.0.1", port)) as listener, socket.socket(fileno=os.dup(connection)) as ours:
            fcntl.ioctl(listener, SIOCSIFFLAGS, b"lo".ljust(16, b"\0") + IFF_UP.to_bytes(24, "little"))
            socket.send_fds(ours, [ISOLATED.ljust(REPORT_BYTES, b"\0")], [listener.fileno()])
    except OSError as error:
        _tell(connection, NOT_ISOLATED, error.errno or errno.EINVAL)
        return False
    return True


def _leave_network() -> None:
    user, group, system = os.geteuid(), os.getegid(), ctypes.CDLL(None, use_errno=True)
    if not system.unshare(CLONE_NEWNET):  # allowed to the superuser alone
        return
    if system.unshare(CLONE_NEWUSER | CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def _do_nothing(_number: int, _frame: object) -> None:
    """Handle a signal; unlike one that is ignored, it has its default effect on the command."""


def _leave_group() -> None:
    with contextlib.suppress(PermissionError):  # it leads a session already
        os.setsid()


def _run(connection: int, command: list[bytes], environ: dict[bytes, bytes]) -> None:
    """Run the command to its end, or until the parent process has gone or wants it ended."""
    group = GroupSignals()
    wakeup, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.signal(signal.SIGCHLD, _do_nothing)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        pid = _start(command, environ)
    except OSError as error:
        group.close()
        _tell(connection, NOT_STARTED, error.errno or errno.EINVAL)
        return
    _leave_group()
    group.forget()  # of before the command was there
    _tell(connection, STARTED, pid)
    status = _wait(pid, connection, wakeup, group)
    group.close()
    end_descendants(gently=status is not None)
    _tell(connection, ENDED, -1 if status is None else status)


def _wait_for_end(connection: int) -> None:
    """Wait until the parent process has gone; what it has written stays unread."""
    poll = select.poll()
    poll.register(connection, 0)  # an end is reported even so
    poll.poll()


def _tell(connection: int, kind: bytes, value: int) -> None:
    with contextlib.suppress(OSError):  # its reader has gone
        os.write(connection, kind + value.to_bytes(REPORT_BYTES - 1, "big", signed=True))


def _start(command: list[bytes], environ: dict[bytes, bytes]) -> int:
    """Start the command with the streams of this process, and return its id.

    A script without `#!` is run by sh, as shells and execvp(3) do.

    Raises:
        OSError: the program does not exist, or cannot be run.
    """
    path = _find(command[0], environ)
    try:
        return os.posix_spawn(path, command, environ, setsigdef=IGNORED_BY_PYTHON)
    except OSError as error:
        if error.errno != errno.ENOEXEC or not _is_text(path):
            raise
    return os.posix_spawn("/bin/sh", [b"sh", path, *command[1:]], environ, setsigdef=IGNORED_BY_PYTHON)


def _find(word: bytes, environ: dict[bytes, bytes]) -> bytes:
    """Return the path of a program.

    Raises:
        OSError: it is not on the PATH, or cannot be executed.
    """
    if b"/" in word:
        return word
    problem = errno.ENOENT
    for folder in environ.get(b"PATH", os.fsencode(os.defpath)).split(b":"):
        path = os.path.join(folder or b".", word)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
        if os.path.exists(path):
            problem = errno.EACCES
    raise OSError(problem, os.strerror(problem))


def _is_text(path: bytes) -> bool:
    """Return whether shells would take a file for a script."""
    with open(path, "rb") as file:
        return b"\0" not in file.readline(FIRST_LINE)


class GroupSignals:
    """Signals to the process group that this process was in, as the command is sent them too if it is in the group.

    A process that stays in the group and does nothing else reports them.

    Attributes:
        group: the process group.
        listener: that process.
        reports: the pipe that the number of each signal is written to.
    """

    def __init__(self) -> None:
        self.group = os.getpgrp()
        self.reports, self._report = os.pipe()
        is_alive, self._is_alive = os.pipe()
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._note)
        self._times: dict[int, float] = {}
        self.listener = os.fork()
        if self.listener == 0:
            os.close(self._is_alive)
            os.read(is_alive, 1)  # until the supervisor has gone
            os._exit(0)
        os.close(is_alive)

    def forget(self) -> None:
        """Forget what has come until now."""
        self._wait(0)
        self._times.clear()

    def read(self) -> None:
        """Read what has come, once `reports` is readable."""
        self._times |= dict.fromkeys(os.read(self.reports, 4096), time.monotonic())

    def has(self, number: int) -> bool:
        """Return whether a signal came within `OWN_SECONDS`, or comes at once.

        They are not counted: of two that come at once, a process may see one.
        """
        deadline = time.monotonic() + GROUP_SECONDS
        while True:
            now = time.monotonic()
            if self._times.get(number, -OWN_SECONDS) > now - OWN_SECONDS:
                return True
            if not self._wait(max(0.0, deadline - now)):
                return False

    def close(self) -> None:
        """End the process that reports them."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.listener, signal.SIGKILL)
            os.waitpid(self.listener, 0)

    def _note(self, number: int, _frame: object) -> None:
        os.write(self._report, bytes([number]))

    def _wait(self, seconds: float) -> bool:
        is_readable = bool(select.select([self.reports], [], [], seconds)[0])
        if is_readable:
            self.read()
        return is_readable


def _wait(pid: int, connection: int, wakeup: int, group: GroupSignals) -> int | None:
    """Return how the command ended, as `os.waitpid` does; None if the parent is gone or wants it ended."""
    while True:
        ended, status = _reap(pid)
        if ended:
            return status
        ready, _, _ = select.select([connection, wakeup, group.reports], [], [])
        if wakeup in ready:
            os.read(wakeup, 4096)
        if group.reports in ready:
            group.read()
        if connection in ready:
            word = os.read(connection, 1)
            if not word or word == b"\0":
                return None
            _pass_on(signal.Signals(word[0]), pid, group)


def _pass_on(number: signal.Signals, pid: int, group: GroupSignals) -> None:
    """Send the command a signal that the parent process was sent, unless the command was sent it too.

    SIGINT goes to the command's whole process group, as Ctrl-C does: a shell waits until its child has ended by it.
    """
    try:
        its_group = os.getpgid(pid)
    except ProcessLookupError:  # it has ended
        return
    if group.has(number) and its_group == group.group:
        return
    members = [each for each in _members(its_group) if each != group.listener]
    _send(members if number == signal.SIGINT else [pid], number)


def _members(group: int) -> list[int]:
    """Return the processes below this one that are in a process group."""
    found: list[int] = []
    for process in _descendants():
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(process) == group:
                found.append(process)
    return found


def _reap(pid: int) -> tuple[bool, int]:
    """Collect every child that has ended; return whether *pid* is one, and how it ended."""
    found = False, 0
    with contextlib.suppress(ChildProcessError):
        while True:
            ended, status = os.waitpid(-1, os.WNOHANG)
            if not ended:
                break
            if ended == pid:
                found = True, status
    return found


def end_descendants(*, gently: bool) -> None:
    """End every process below this one."""
    if gently and (left := _descendants()):
        _send(left, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline:
            _reap(0)
            if not _descendants():
                return
            time.sleep(0.01)
    deadline = time.monotonic() + KILL_SECONDS
    while time.monotonic() < deadline and _send(_descendants(), signal.SIGKILL):
        _reap(0)
        time.sleep(0.005)


def _send(processes: list[int], number: signal.Signals) -> bool:
    """Send a signal; return whether one of the processes may be sent it, as another user's may not."""
    is_sent = False
    for process in processes:
        with contextlib.suppress(PermissionError):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)
            is_sent = True
    return is_sent


def _descendants() -> list[int]:
    """Return the processes below this one that have not ended."""
    children: dict[int, list[int]] = {}
    for process, parent in _processes():
        children.setdefault(parent, []).append(process)
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _processes() -> list[tuple[int, int]]:
    """Return each process and its parent, without those that have ended."""
    if not ON_LINUX:
        import subprocess  # noqa: PLC0415 - costly, and not needed on Linux

        listed = subprocess.run(["/bin/ps", "-axo", "pid=,ppid=,stat=,comm="], capture_output=True, check=False)
        rows = [line.split(None, 3) for line in listed.stdout.decode(errors="replace").splitlines()]
        return [(int(row[0]), int(row[1])) for row in rows if "Z" not in row[2] and not row[3].endswith("/ps")]
    found: list[tuple[int, int]] = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError), open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
                if fields[0] not in (b"Z", b"X"):
                    found.append((int(name), int(fields[1])))
    return found


if __name__ == "__main__":
    os.close(int(os.path.basename(sys.argv[0])))  # this file
    sys.exit(main(int(sys.argv[1])))
