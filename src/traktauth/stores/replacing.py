"""Replace a file so that a crash at any moment leaves the old one or the new one, whole and on the disk."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

from traktauth.errors import StoreFailed

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_MODE = 0o600
_FOLDER_MODE = 0o700
_UNKNOWN = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)  # what a file system says of what it cannot do
_LONGEST_CHAIN = 40  # symbolic links, as Linux has it


def resolve(path: str) -> str:
    """Follow a symbolic link to the file that is really kept.

    Raises:
        StoreFailed: a link, or the file, belongs to another user, or is no plain file.
    """
    for _ in range(_LONGEST_CHAIN):
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            break
        if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
            raise StoreFailed(
                f"{path} belongs to another user",
                hint="Use a file of your own: --store file:/PATH.json, or TRAKTAUTH_STORE",
            )
        if not stat.S_ISLNK(status.st_mode):
            if not stat.S_ISREG(status.st_mode):
                kind = "a directory" if stat.S_ISDIR(status.st_mode) else "no plain file"
                raise StoreFailed(f"{path} is {kind}", hint="Name a file: --store file:/PATH.json")
            break
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    else:
        raise StoreFailed(f"{path} is a symbolic link without an end", hint="Name a file: --store file:/PATH.json")
    return os.path.join(os.path.realpath(os.path.dirname(path) or "."), os.path.basename(path))


def make_folder(folder: str) -> None:
    """Make a folder, and those above it, for this user alone; one that exists is left as it is."""
    if folder and not os.path.isdir(folder):
        above = os.path.dirname(folder)
        make_folder(above)
        with suppress(FileExistsError):
            os.mkdir(folder, _FOLDER_MODE)
            with suppress(PermissionError):  # a folder that may be entered, but not read
                _sync_folder(above)


def reserve(path: str, size: int) -> None:
    """Make a file that occupies `size` bytes of the disk, so that writing it later cannot fail for want of room."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _CLOEXEC, _MODE)
    try:
        try:
            _occupy(descriptor, size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        os.unlink(path)
        raise


def _occupy(descriptor: int, size: int) -> None:
    try:
        os.posix_fallocate(descriptor, 0, size)
    except (AttributeError, OSError) as error:  # macOS has no such call, and some file systems do not know it
        if isinstance(error, OSError) and error.errno not in _UNKNOWN:
            raise
        _write_all(descriptor, bytes(size))


def replace(path: str, content: bytes, *, reserved: str | None = None) -> None:
    """Put `content` in the place of the file at `path`: written, fsynced, renamed, the folder fsynced.

    Args:
        path: what is replaced; no symbolic link.
        content: the whole new file.
        reserved: a file made by `reserve`, to be used up where it is there; otherwise a new one is made.
    """
    descriptor = None if reserved is None else _open_reserved(reserved)
    if reserved is None or descriptor is None:
        reserved, new = None, f"{path}.new"
        with suppress(FileNotFoundError):
            os.unlink(new)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _CLOEXEC, _MODE)
    else:
        new = reserved
    try:
        _write_all(descriptor, content)
        os.ftruncate(descriptor, len(content))
        os.fsync(descriptor)
    except OSError:
        if reserved is None:
            os.unlink(new)
        raise
    finally:
        os.close(descriptor)
    os.rename(new, path)
    _sync_folder(os.path.dirname(path))


def _open_reserved(path: str) -> int | None:
    """Open a reserved file; None where there is none, or where it is not ours: somebody may have put it there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | _NOFOLLOW | _CLOEXEC)
    except OSError:
        return None
    status = os.fstat(descriptor)
    mine = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    if mine and stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and not status.st_mode & 0o077:
        return descriptor
    os.close(descriptor)
    return None


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: str) -> None:
    if os.name == "nt":  # pragma: no cover - Windows has no such thing
        return
    descriptor = os.open(folder, os.O_RDONLY | _CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNKNOWN:  # some file systems cannot do it with a folder
            raise
    finally:
        os.close(descriptor)
