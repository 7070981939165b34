"""Replace a file so that a crash at any moment leaves the old one or the new one, whole and on the disk."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext, suppress
from shlex import quote

from traktauth import private_files
from traktauth.errors import StoreFailed
from traktauth.hints import Hint, ShellCommand
from traktauth.private_files import CLOEXEC, NOFOLLOW, OTHERS_READ_OR_WRITE, PRIVATE, is_own
from traktauth.stores.errors import DurabilityWarning, Hidden

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW | CLOEXEC
# A file system without such an operation answers with one of these. That is not a failure: no retry and
# no setting would change it, and most of them (SMB, 9P, FUSE) hand each rename to a server that keeps it in order.
_UNSUPPORTED = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}
_ELSEWHERE = "or use another file system (for a store: --store file:/PATH.json, or TRAKTAUTH_STORE)"


class NotDurable(StoreFailed):
    """The file was replaced, but its folder could not be synced after that: a power cut may bring the old one back."""


def make_folder(folder: str) -> None:
    """Make a folder, and those above it, for this user alone, and sync them; one that exists is left as it is."""

    def sync(above: str) -> None:
        with suppress(PermissionError):  # a folder that may be entered, but not read
            can_sync(above)

    private_files.make_folder(folder, sync)


def reserve(path: str, size: int) -> None:
    """Make a file that occupies `size` bytes of the disk, so that writing it later cannot fail for want of room."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    descriptor = os.open(path, _CREATE, PRIVATE)
    try:
        try:
            _occupy(descriptor, size)
            sync_file(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        os.unlink(path)
        raise


def _occupy(descriptor: int, size: int) -> None:
    try:
        os.posix_fallocate(descriptor, 0, size)
    except (AttributeError, OSError) as error:  # macOS has no such call, and some file systems do not know it
        if isinstance(error, OSError) and error.errno not in _UNSUPPORTED:
            raise
        _write_all(descriptor, memoryview(bytes(size)))


def replace(
    path: str,
    content: Hidden[bytes],
    *,
    new: str | None = None,
    reserved: str | None = None,
    permit: Callable[[int], None] | None = None,
    durable: bool = True,
    before_rename: Callable[[os.stat_result], None] | None = None,
) -> None:
    """Put `content` in the place of the file at `path`: written, fsynced, renamed, the folder fsynced.

    The folder is synced before as well: one that cannot be synced fails before anything is changed.

    Args:
        path: what is replaced; no symbolic link.
        content: the whole new file.
        new: the file that is written first, and replaced if it exists; `PATH.new` by default.
        reserved: a file made by `reserve`, which is written instead if it exists.
        permit: gives the new file, which is open, other permissions than PRIVATE.
        durable: sync the folder.
        before_rename: called with the status of the new file when only the rename is left to do. If it raises, the old
            file stays.

    Raises:
        OSError, StoreFailed: nothing was changed.
        NotDurable: the file was replaced, and may not be on the disk.
    """
    descriptor = None if reserved is None else _open_reserved(reserved)
    if reserved is None or descriptor is None:
        reserved, new = None, new or f"{path}.new"
        with suppress(FileNotFoundError):
            os.unlink(new)
        descriptor = os.open(new, _CREATE, PRIVATE)
    else:
        new = reserved
    is_written = False
    try:
        try:
            _write_all(descriptor, memoryview(content.value))
            os.ftruncate(descriptor, len(content.value))
            if permit is not None:
                permit(descriptor)
            sync_file(descriptor)
            status = os.fstat(descriptor)
            is_written = True
        finally:
            os.close(descriptor)
        with syncing(os.path.dirname(path)) if durable else nullcontext() as sync:
            if before_rename is not None:
                before_rename(status)
            _rename(new, path, sync)
    except NotDurable:
        raise
    except BaseException:  # Ctrl-C too: nobody would look for the tokens in it
        if reserved is None or is_written:
            with suppress(OSError):
                os.unlink(new)
        raise


def _rename(new: str, path: str, sync: Callable[[], None] | None) -> None:
    try:
        os.rename(new, path)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        raise StoreFailed(
            f"{path} is mounted as a single file and cannot be replaced; mount the folder instead",
            hint=f"In a container, mount the folder that holds it: --volume FOLDER:{os.path.dirname(path)}",
        ) from error
    if sync is not None:
        try:
            sync()
        except StoreFailed as error:
            raise NotDurable(error.message, hint=error.hint) from error


def _open_reserved(path: str) -> int | None:
    """Open a reserved file; None if it is missing, or not ours: another user may have put it there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | NOFOLLOW | CLOEXEC)
    except OSError:
        return None
    status = os.fstat(descriptor)
    if (
        is_own(status)
        and stat.S_ISREG(status.st_mode)
        and status.st_nlink == 1
        and not status.st_mode & OTHERS_READ_OR_WRITE
    ):
        return descriptor
    os.close(descriptor)
    return None


def _write_all(descriptor: int, view: memoryview) -> None:
    while view:
        view = view[os.write(descriptor, view) :]


if sys.platform == "darwin":  # pragma: no cover - written for macOS, untested
    import fcntl

    def sync_file(descriptor: int) -> None:
        """Bring a file's content to the disk; macOS leaves it in the disk's own cache on fsync."""
        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        except OSError:  # a file system that does not have it
            os.fsync(descriptor)

else:

    def sync_file(descriptor: int) -> None:
        """Bring a file's content to the disk."""
        os.fsync(descriptor)


# ---------------------------------------------------------------- folders
@contextmanager
def syncing(folder: str) -> Generator[Callable[[], None]]:
    """Show that a folder can be synced; the value syncs it again.

    Raises:
        StoreFailed: it cannot be synced.
    """
    with _sync_failures(folder):
        descriptor = _open_folder(folder)

    def sync() -> None:
        with _sync_failures(folder):
            _sync_folder(descriptor)

    try:
        sync()
        yield sync
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def can_sync(folder: str) -> bool:
    """Return whether the file system of a folder has an operation to sync it.

    Raises:
        OSError: it has one, and that failed.
    """
    descriptor = _open_folder(folder)
    try:
        return _sync_folder(descriptor)
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _open_folder(folder: str) -> int:
    if os.name == "nt":  # pragma: no cover - Windows opens no folders
        return -1
    return os.open(folder, os.O_RDONLY | CLOEXEC)


def _sync_folder(descriptor: int) -> bool:
    """Sync an open folder; False if its file system has no such operation."""
    if descriptor < 0:  # pragma: no cover - Windows
        return False
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return False
        raise
    return True


@contextmanager
def _sync_failures(folder: str) -> Generator[None]:
    """Turn an OSError into StoreFailed that names the folder and the fix."""
    try:
        yield
    except OSError as error:
        hint = f"See what is wrong with its disk or mount, {_ELSEWHERE}"
        if error.errno == errno.EACCES:
            hint = Hint("Let yourself read the folder: ", ShellCommand(f"chmod u+r {quote(folder)}"), f"; {_ELSEWHERE}")
        raise StoreFailed(
            f"The folder {folder} cannot be synced to the disk: {error.strerror or error}", hint=hint
        ) from error


def find_warnings(folder: str) -> list[str]:
    """Return what about a store's folder may lose a login, with what helps.

    Raises:
        OSError: it cannot be synced.
    """
    if not os.path.isdir(folder) or can_sync(folder):
        return []
    what = f"The file system of {folder} cannot sync a folder, so a power cut may undo the last refresh"
    return [DurabilityWarning(what, "keep the store on a local disk")]


MOUNTS = "/proc/self/mountinfo"
_MOUNT_POINT = 4  # the index of the field
_OCTAL = re.compile(r"\\([0-7]{3})")


def mounts(path: str = MOUNTS) -> list[tuple[str, str]]:
    """Return each mount point with its file system's type, in the order of mounting; nothing if it is not known."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return parse(file.read())
    except OSError:  # not Linux
        return []


def parse(mountinfo: str) -> list[tuple[str, str]]:
    """Return the mount points and types in the content of a `mountinfo` file."""
    found: list[tuple[str, str]] = []
    for line in mountinfo.splitlines():
        where, _, what = line.partition(" - ")
        fields = where.split()
        if len(fields) > _MOUNT_POINT and what:
            found.append((_OCTAL.sub(lambda octal: chr(int(octal[1], 8)), fields[_MOUNT_POINT]), what.split()[0]))
    return found


def is_mount_point(path: str) -> bool:
    """Return whether something is mounted at a path, as a single file may be in a container."""
    real = os.path.realpath(path)
    return any(point == real for point, _ in mounts())
