"""Make and check files that hold secrets, in folders that other users may write as well.

A user who makes `X-wal` before SQLite does owns what is written there, and a symbolic link leads anywhere. The kernel
prevents some of that where `fs.protected_regular` and `fs.protected_symlinks` are set; it is checked here everywhere.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable
from contextlib import suppress

from traktauth.hints import Hint, ShellCommand
from traktauth.log_fields import log_fields

PRIVATE = 0o600
COMPANIONS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database."""
MAX_LINKS = 40  # that lead on to each other, as in Linux
OTHERS_READ = 0o044
OTHERS_READ_OR_WRITE = 0o077
OTHERS_WRITE = 0o022
EVERYBODY_WRITES = 0o002
NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
CLOEXEC = getattr(os, "O_CLOEXEC", 0)


class UnsafeFile(PermissionError):
    """Another user could read or replace what is written to a file; the message names it and the reason.

    Attributes:
        hint: what the user can do; empty if the caller knows better.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def is_own(status: os.stat_result, *, or_roots: bool = False) -> bool:
    """Return whether a file belongs to this process's user, or else to the superuser; always True on Windows."""
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid() or (or_roots and status.st_uid == 0)


def check_own(path: str, status: os.stat_result, *, or_roots: bool = False) -> None:
    """Check that a file, or a link in its place, belongs to this user.

    Raises:
        UnsafeFile: it belongs to another user.
    """
    if not is_own(status, or_roots=or_roots):
        raise UnsafeFile(f"{path} belongs to another user ({user_name(status.st_uid)})")


def user_name(number: int) -> str:
    """Return a user's name, or a text with the id of one without a name; not for Windows."""
    import pwd  # noqa: PLC0415 - needed for an error alone

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user id {number}"


def check_regular(path: str, status: os.stat_result) -> None:
    """Check that a path leads to a regular file.

    Raises:
        UnsafeFile: it leads to something else.
    """
    if not stat.S_ISREG(status.st_mode):
        kinds = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a directory"}
        raise UnsafeFile(f"{path} is {kinds.get(stat.S_IFMT(status.st_mode), 'not a regular file')}")


def resolve(path: str, *, or_roots: bool = True) -> str:
    """Return the path that symbolic links lead to, those of its folders too.

    Args:
        path: the path.
        or_roots: whether a link in the file's place may be the superuser's as well as this user's.

    Raises:
        UnsafeFile: another user made a link in the file's place, or one to a folder where several users may write; or
            the links have no end.
    """
    if os.name != "posix":
        return os.path.realpath(path)
    real, waiting, links = "/" if os.path.isabs(path) else os.getcwd(), path.split("/")[::-1], 0
    while waiting:
        name = waiting.pop()
        if name == "..":
            real = os.path.dirname(real)
        if name in {"", ".", ".."}:
            continue
        step = os.path.join(real, name)
        try:
            status = os.lstat(step)
        except (FileNotFoundError, NotADirectoryError):
            real = step
            continue
        if not stat.S_ISLNK(status.st_mode):
            real = step
            continue
        links += 1
        if links > MAX_LINKS:
            raise UnsafeFile(f"{path} is a symbolic link without an end")
        if not waiting:
            check_own(step, status, or_roots=or_roots)
        elif (above := os.lstat(real)).st_mode & OTHERS_WRITE or not is_own(above, or_roots=True):
            check_own(step, status, or_roots=True)
        target = os.readlink(step)
        real = "/" if os.path.isabs(target) else real
        waiting += target.split("/")[::-1]
    return real


def resolve_own(path: str, elsewhere: str) -> str:
    """Return the path that symbolic links lead to: this user's own regular file, or a missing one.

    Args:
        path: the path.
        elsewhere: how to name another file, for the hint.

    Raises:
        UnsafeFile: a link or the file belongs to another user, or it is not a regular file.
    """
    hint = elsewhere
    try:
        real = resolve(path, or_roots=False)
        with suppress(FileNotFoundError):
            status = os.lstat(real)
            if not is_own(status):
                hint = f"If it is yours: sudo chown {os.geteuid()} {shlex.quote(real)}. {elsewhere}"
            check_own(real, status)
            check_regular(real, status)
    except UnsafeFile as error:
        error.hint = hint
        raise
    return real


def check_own_file(path: str, status: os.stat_result) -> None:
    """Check that a file beside a store is this user's own regular file.

    Raises:
        UnsafeFile: it is not.
    """
    try:
        check_own(path, status)
        check_regular(path, status)
    except UnsafeFile as error:
        remove = ShellCommand(f"rm {shlex.quote(path)}")
        error.hint = Hint("Remove it: ", remove, "; or keep the store in a folder that only you can write")
        raise


def check_private(path: str, status: os.stat_result, chmod: Callable[[int], None]) -> None:
    """Check that no other user may have written a file; take the right to read it from others.

    Args:
        path: the file's path, for messages.
        status: of the file, or of a link in its place.
        chmod: sets the file's mode.

    Raises:
        UnsafeFile: it is not this user's own regular file, or another user may write it.
    """
    check_own_file(path, status)
    if os.name != "posix":  # pragma: no cover - Windows has access lists, which the mode does not show
        return
    if status.st_mode & OTHERS_WRITE:
        raise UnsafeFile(
            f"Other users can write {path}, so its content may not be yours",
            Hint(
                "If you trust its content: ",
                ShellCommand(f"chmod 600 {shlex.quote(path)}"),
                ". If that changes nothing, its file system keeps no permissions: keep the store on another one",
            ),
        )
    if status.st_mode & OTHERS_READ:
        import logging  # noqa: PLC0415 - a program whose file is in order logs nothing

        logging.getLogger("traktauth").warning(
            "Other users could read %s; its mode is set to 600", path, extra=log_fields("store-was-readable")
        )
        with suppress(OSError):  # a file system that is read-only, or keeps no permissions
            chmod(PRIVATE)


def make_folder(folder: str, on_made: Callable[[str], None] = lambda _: None) -> None:
    """Make a folder, and those above it, for this user alone; one that exists is left as it is.

    Args:
        folder: the folder.
        on_made: called with the folder above each one that was made.
    """
    if folder and not os.path.isdir(folder):
        above = os.path.dirname(folder)
        make_folder(above, on_made)
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700)
            on_made(above)


def make_file(path: str) -> bool:
    """Make an empty file that this user alone can read; return False if there is something already."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW | CLOEXEC, PRIVATE))
    except FileExistsError:
        return False
    return True


def check_database(path: str) -> None:
    """Check an SQLite database and the files beside it; call it before SQLite opens them, and again once it has.

    Args:
        path: the database, which need not exist; no symbolic link (see `resolve`).

    Raises:
        UnsafeFile: one of them is a link, no regular file, another user's, or open to others; or everybody can replace
            them in their folder.
    """
    if os.name != "posix":
        return
    _check_folder(os.path.dirname(path) or ".")
    with suppress(FileNotFoundError, NotADirectoryError):
        status = os.lstat(path)
        _check_file(path, status, OTHERS_WRITE)
        # A copy's mode, or that of a loose umask. Without its execute bit a folder could not be entered any more.
        if stat.S_ISREG(status.st_mode) and status.st_mode & OTHERS_READ_OR_WRITE:
            os.chmod(path, PRIVATE)
    for name in (path + end for end in COMPANIONS):
        with suppress(FileNotFoundError, NotADirectoryError):
            status = os.lstat(name)
            _check_file(name, status, OTHERS_READ_OR_WRITE)
            if status.st_nlink > 1:
                raise UnsafeFile(f"{name} has another name as well, under which others may read it")


def open_to_append(path: str, flags: int) -> int:
    """Open a file as `open` wants it from its opener, made for this user alone; no link of another user is followed.

    Raises:
        UnsafeFile: it belongs to another user.
    """
    descriptor = os.open(resolve(path), flags | NOFOLLOW | CLOEXEC, PRIVATE)
    try:
        check_own(path, os.fstat(descriptor), or_roots=True)
    except UnsafeFile:
        os.close(descriptor)
        raise
    return descriptor


def _check_folder(folder: str) -> None:
    try:
        status = os.stat(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    if status.st_mode & EVERYBODY_WRITES and not status.st_mode & stat.S_ISVTX:
        raise UnsafeFile(f"everybody can replace files in {folder}; use a folder of your own")


def _check_file(path: str, status: os.stat_result, forbidden: int) -> None:
    check_own(path, status, or_roots=True)
    if stat.S_ISDIR(status.st_mode):
        return  # not a database, which is found out when it is opened
    check_regular(path, status)
    if status.st_mode & forbidden:
        verb = "written" if status.st_mode & OTHERS_WRITE else "read"
        raise UnsafeFile(f"{path} can be {verb} by other users; close it to them, or remove it: chmod 600 {path}")
