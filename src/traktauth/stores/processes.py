"""Which process this is, and whether another one on this host is still alive."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256

from traktauth.models import Sender

# Fields of /proc/PID/stat behind the command's name, which is in parentheses and may hold anything.
_STATE, _STARTED = 0, 19


def this_process() -> Sender:
    """Return who this process is."""
    return _sender(os.getpid())


@lru_cache(maxsize=1)
def _sender(pid: int) -> Sender:
    status = _own_status()
    started = None if status is None else int(status[_STARTED])
    return Sender(host=host_name(), pid=pid, started=started, boot_id=_boot_id(), pid_namespace=_pid_namespace())


def is_alive(sender: Sender) -> bool | None:
    """Return whether a process is alive; None if that cannot be told from here.

    A process of another host, of another run of this one, or in a container that does not share its process ids with
    this one, cannot be told.
    """
    me = this_process()
    if os.name == "nt" or not sender.pid or sender.host != me.host:  # on Windows, signal 0 would end it
        return None
    for theirs, mine in ((sender.boot_id, me.boot_id), (sender.pid_namespace, me.pid_namespace)):
        if theirs is not None and theirs != mine:
            return None
    try:
        os.kill(sender.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    except OverflowError:
        return None
    status = None if me.started is None else _status(str(sender.pid))
    if status is None:
        return True
    has_ended = status[_STATE] in {"Z", "X"}  # and its parent has not asked for its exit status yet
    is_another = sender.started is not None and int(status[_STARTED]) != sender.started
    return not has_ended and not is_another


def other_is_alive(sender: Sender) -> bool:
    """Return whether a sender is another process that is known to be alive on this host."""
    return sender != this_process() and is_alive(sender) is True


def process_mark() -> str:
    """Return a text by which another process of this host can find out that this one has ended (`has_ended`).

    It does not name the host. Empty if this system does not show enough of a process, such as when it started.
    """
    me = this_process()
    if me.started is None or me.boot_id is None or me.pid_namespace is None:
        return ""
    return f"{_host_mark(me)}:{me.pid}:{me.started}"


def has_ended(mark: str) -> bool:
    """Return whether `mark` is of a process of this host, of the same run of it, that is known to have ended."""
    me = this_process()
    host, _, process = mark.partition(":")
    pid, _, started = process.partition(":")
    numbers = pid + started
    if not (pid and started and numbers.isascii() and numbers.isdecimal()):
        return False
    if not process_mark() or host != _host_mark(me):
        return False
    return is_alive(replace(me, pid=int(pid), started=int(started))) is False


def _host_mark(sender: Sender) -> str:
    return sha256(f"{sender.host} {sender.boot_id} {sender.pid_namespace}".encode()).hexdigest()[:16]


def host_name() -> str:
    """Return the name of this host."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    return os.environ.get("COMPUTERNAME", "windows")  # pragma: no cover - Windows


def _status(pid: str) -> list[str] | None:
    """Return the fields of a process's status from its state on, where the system shows them (Linux)."""
    with suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
        return fields if len(fields) > _STARTED and fields[_STARTED].isdecimal() else None
    return None


def _own_status() -> list[str] | None:
    """Return this process's status; None if /proc is of another pid namespace, as after `unshare --pid` alone.

    The ids there name other processes, which would be taken for the ones that are looked for.
    """
    with suppress(OSError):
        if os.readlink("/proc/self") == str(os.getpid()):
            return _status("self")
    return None


def _boot_id() -> str | None:
    with suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip() or None
    return None


def _pid_namespace() -> str | None:
    with suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return None
