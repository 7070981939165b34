"""Runs one command, and ends all that it started when it ends or when the sandbox's process is gone.

This file is a program of its own (`python -I -S supervisor.py`), and needs nothing but the standard library. It is two
processes, so that killing one of them leaves nothing behind:

- The *inner* one starts the command, in the process group and the terminal of the sandbox's process.
- The *outer* one, its parent, has a session of its own, so that a signal to that process group does not reach it.

Both keep open a pipe whose other end the sandbox's process alone holds: when that process ends, however it does, the
pipe ends too. Between the two is a pipe in each direction, which ends with the process at the other end.

On Linux both are *subreapers* (prctl(2)): daemons stay below the inner one in the process tree, and below the outer
one if the inner one is killed. On other systems a process that has detached itself is not found.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import marshal
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
GRACE_SECONDS = 1.0
"""That processes which outlive the command have between SIGTERM and SIGKILL."""
KILL_SECONDS = 30.0
"""For which processes are waited for that do not end at SIGKILL: the kernel may hold them."""
STARTED, NOT_STARTED, ENDED = b"s", b"n", b"e"
"""Kinds of reports; with the process id, the error number, or the status of `os.waitpid` (-1: it was ended)."""
GROUP_SECONDS = 0.05
"""Within which a signal to the process group has reached all its processes, once it has reached one."""
OWN_SECONDS = 2.0
"""Within which the sandbox's process reports a signal that this process was sent as well."""
REPORT_BYTES = 5
LENGTH_BYTES = 8
ON_LINUX = sys.platform.startswith("linux")
FIRST_LINE = 80
"""Bytes of a file by which shells judge whether it is a script."""
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
"""Sent by a terminal to the whole process group: the command decides what they mean."""


def main(control: int, report: int) -> int:
    """Run the command that the pipe *control* names; write how it ended to the pipe *report*."""
    for pipe in (control, report):
        os.set_inheritable(pipe, False)  # noqa: FBT003 - takes it by position alone
    ignored = {one for one in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(one) is signal.SIG_IGN}
    for one in IGNORED:
        signal.signal(one, signal.SIG_IGN)
    become_subreaper()
    from_outer, to_inner = os.pipe()
    from_inner, to_outer = os.pipe()
    inner = os.fork()
    if inner == 0:
        os.close(to_inner)
        os.close(from_inner)
        become_subreaper()
        _run(control, report, from_outer, keep_ignored=ignored)
        os._exit(0)
    os.close(from_outer)
    os.close(to_outer)
    with contextlib.suppress(PermissionError):  # it leads a session already
        os.setsid()
    _watch(control, report, inner, to_inner, from_inner)
    return 0


def become_subreaper() -> None:
    """Let orphans of this process's descendants become its children; nothing outside Linux."""
    if ON_LINUX:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _watch(control: int, report: int, inner: int, to_inner: int, from_inner: int) -> None:
    """Be the outer process: give the inner one its work, and end what it leaves if it is killed."""
    specification = _read_specification(control)
    if not _is_ended(control):
        with contextlib.suppress(BrokenPipeError):
            _write(to_inner, marshal.dumps(specification))
        _wait_for_end(control, from_inner)
    if _is_ended(control):
        # The inner one goes on if this process is killed in the middle, so it is ended when all else is done.
        end_descendants(gently=False, spared=inner)
        _remove(specification[2])
        end_descendants(gently=False)
    else:
        _, status = os.waitpid(inner, 0)
        if status:  # it has not done its work
            end_descendants(gently=False)
            _tell(report, ENDED, -1)
        _wait_for_end(control)
        _remove(specification[2])


def _run(control: int, report: int, from_outer: int, *, keep_ignored: set[signal.Signals]) -> None:
    """Be the inner process: run the command."""
    command, environ, folders = _read_specification(from_outer)
    if not command:
        _wait_for_end(control, from_outer)
        _wait_for_end(control)
        _remove(folders)
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for one in {signal.SIGCHLD, signal.SIGINT, signal.SIGTERM} - keep_ignored:
        signal.signal(one, lambda _signal, _frame: None)
    try:
        pid = _start(command, environ, keep_ignored=keep_ignored)
    except OSError as error:
        _tell(report, NOT_STARTED, error.errno or errno.EINVAL)
        return
    own = OwnSignals(reading)
    own.forget()  # of before the command was there
    _tell(report, STARTED, pid)
    status = _wait(pid, control, from_outer, own)
    end_descendants(gently=status is not None)
    _tell(report, ENDED, -1 if status is None else status)
    if _is_ended(from_outer):
        _wait_for_end(control)
    if _is_ended(control):  # the outer one may be killed before it removes them
        _remove(folders)


def _is_ended(pipe: int) -> bool:
    """Return whether nothing holds the other end of a pipe."""
    return bool(_poll_ended([pipe], 0))


def _wait_for_end(*pipes: int) -> None:
    """Wait until nothing holds the other end of one of these pipes; what is in them stays unread."""
    _poll_ended(pipes, None)


def _poll_ended(pipes: Sequence[int], milliseconds: int | None) -> list[int]:
    poll = select.poll()
    for pipe in pipes:
        poll.register(pipe, 0)  # an end is reported even so
    return [pipe for pipe, _ in poll.poll(milliseconds)]


def _remove(folders: list[bytes]) -> None:
    for folder in filter(os.path.exists, folders):
        import shutil  # noqa: PLC0415 - costly, and rarely needed

        shutil.rmtree(folder, ignore_errors=True)


def _tell(report: int, kind: bytes, value: int) -> None:
    with contextlib.suppress(OSError):  # its reader has gone
        os.write(report, kind + value.to_bytes(REPORT_BYTES - 1, "big", signed=True))


def _write(pipe: int, content: bytes) -> None:
    content = len(content).to_bytes(LENGTH_BYTES, "big") + content
    while content:
        content = content[os.write(pipe, content) :]


def _read_specification(pipe: int) -> tuple[list[bytes], dict[bytes, bytes], list[bytes]]:
    """Read the command, its environment, and folders to remove; all empty if the pipe ends before."""
    length = _read(pipe, LENGTH_BYTES)
    content = _read(pipe, int.from_bytes(length, "big")) if length else b""
    if not content:
        return [], {}, []
    specification: tuple[list[bytes], dict[bytes, bytes], list[bytes]] = marshal.loads(content)  # noqa: S302 - ours
    return specification


def _read(pipe: int, size: int) -> bytes:
    content = b""
    while len(content) < size:
        block = os.read(pipe, size - len(content))
        if not block:
            return b""
        content += block
    return content


def _start(command: list[bytes], environ: dict[bytes, bytes], *, keep_ignored: set[signal.Signals]) -> int:
    """Start the command with the streams and the process group of this process; return its id.

    Raises:
        OSError: the program does not exist, or cannot be run.
    """
    reading, writing = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            if ON_LINUX:
                ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                if os.getppid() != parent:
                    os._exit(127)
            for one in (*IGNORED, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
                if one not in keep_ignored:
                    signal.signal(one, signal.SIG_DFL)
            _execute(command, environ)
        except OSError as error:
            os.write(writing, str(error.errno or errno.EINVAL).encode())
        finally:
            os._exit(127)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        failure = pipe.read()
    if failure:
        os.waitpid(pid, 0)
        raise OSError(int(failure), os.strerror(int(failure)))
    return pid


def _execute(command: list[bytes], environ: dict[bytes, bytes]) -> None:
    """Become the command; a script without `#!` is run by sh, as shells and execvp(3) do.

    Raises:
        OSError: the program does not exist, or cannot be run.
    """
    try:
        os.execvpe(command[0], command, environ)  # noqa: S606 - the user's own command
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        script = _find_script(command[0], environ)
        if script is None:
            raise
    os.execve("/bin/sh", [b"sh", script, *command[1:]], environ)  # noqa: S606 - the same


def _find_script(word: bytes, environ: dict[bytes, bytes]) -> bytes | None:
    """Return the path of a script that sh can read; None if the file is not a text, as shells judge it."""
    import shutil  # noqa: PLC0415 - costly, and rarely needed

    path = word if b"/" in word else shutil.which(word, path=os.fsdecode(environ.get(b"PATH", os.defpath)))
    if path is None:
        return None
    with open(path, "rb") as file:
        if b"\0" in file.readline(FIRST_LINE):
            return None
    return path if b"/" in path else b"./" + path


class OwnSignals:
    """Signals that this process was sent itself: the command has been sent them too if it is in the same group.

    Args:
        wakeup: the pipe that the number of each signal is written to (`signal.set_wakeup_fd`).
    """

    def __init__(self, wakeup: int) -> None:
        self.wakeup = wakeup
        self._times: dict[int, float] = {}

    def forget(self) -> None:
        """Forget what has come until now."""
        self._read(0)
        self._times.clear()

    def read(self) -> None:
        """Read what has come, once `wakeup` is readable."""
        self._times |= dict.fromkeys(os.read(self.wakeup, 4096), time.monotonic())

    def has(self, number: int) -> bool:
        """Return whether a signal came within `OWN_SECONDS`, or comes at once.

        They are not counted: of two that come at once, a process may see one.
        """
        deadline = time.monotonic() + GROUP_SECONDS
        while True:
            now = time.monotonic()
            if self._times.get(number, -OWN_SECONDS) > now - OWN_SECONDS:
                return True
            if not self._read(max(0.0, deadline - now)):
                return False

    def _read(self, seconds: float) -> bool:
        is_readable = bool(select.select([self.wakeup], [], [], seconds)[0])
        if is_readable:
            self.read()
        return is_readable


def _wait(pid: int, control: int, from_outer: int, own: OwnSignals) -> int | None:
    """Return how the command ended, as `os.waitpid` does; None if the sandbox is gone or wants it ended."""
    while True:
        ended, status = _reap(pid)
        if ended:
            return status
        ready, _, _ = select.select([control, from_outer, own.wakeup], [], [])
        if own.wakeup in ready:
            own.read()
        if from_outer in ready:
            return None
        if control in ready:
            word = os.read(control, 1)
            if not word or word == b"\0":
                return None
            _pass_on(signal.Signals(word[0]), pid, own)


def _pass_on(number: signal.Signals, pid: int, own: OwnSignals) -> None:
    """Send the command a signal that the sandbox's process was sent, unless the command was sent it too.

    SIGINT goes to the command's whole process group, as Ctrl-C does: a shell waits until its child has ended by it.
    """
    try:
        group = os.getpgid(pid)
    except ProcessLookupError:  # it has ended
        return
    if own.has(number) and group == os.getpgrp():
        return
    _send(_members(group) if number == signal.SIGINT else [pid], number)


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


def end_descendants(*, gently: bool, spared: int = 0) -> None:
    """End every process below this one, but not the process *spared*."""
    if gently and (left := _descendants()):
        _send(left, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline:
            _reap(0)
            if not _descendants():
                return
            time.sleep(0.01)
    deadline = time.monotonic() + KILL_SECONDS
    while time.monotonic() < deadline:
        left = [process for process in _descendants() if process != spared]
        if not _send(left, signal.SIGKILL):
            return
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
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
