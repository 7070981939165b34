"""A file of another program on the disk: read whole, and replaced whole."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Self

from traktauth.errors import TraktAuthError
from traktauth.migrate.formats import FormatError
from traktauth.private_files import CLOEXEC, NOFOLLOW, is_own, resolve
from traktauth.stores.errors import Hidden
from traktauth.stores.file import atomic_file

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LARGEST = 20 * 1024 * 1024  # bytes
READ_WRITE = 0o666  # no setuid bit is given to a file of this user
_READ = os.O_RDONLY | NOFOLLOW | CLOEXEC | getattr(os, "O_NONBLOCK", 0)  # a pipe in its place would not answer
_LOCK_TIMEOUT = 1.0  # seconds; a write takes milliseconds
_ACL = "system.posix_acl_access"


class LoginFileError(TraktAuthError):
    """A login file cannot be read or written."""


class LoginFileNotDurable(LoginFileError):
    """A login file was written, but its folder could not be synced: a power cut may bring the old file back."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """Who may read and write a file, so that the one that replaces it is open to nobody else.

    Attributes:
        mode: to read and write.
        group: whom the mode's middle bits mean.
        acl: the access list, whose mask those bits are then; empty if there is none.
    """

    mode: int
    group: int
    acl: bytes

    @classmethod
    def of(cls, descriptor: int, status: os.stat_result) -> Self:
        """Return those of an open file."""
        acl = b""
        if sys.platform == "linux":
            with suppress(OSError):  # none, or a file system without
                acl = os.getxattr(descriptor, _ACL)
        return cls(status.st_mode & READ_WRITE, status.st_gid, acl)

    def give(self, descriptor: int) -> None:
        """Give them to an open file of this user; if the group or the list cannot be kept, no group has more rights."""
        mode = self.mode
        try:
            if sys.platform == "linux":
                with suppress(OSError):  # as in `of`
                    os.removexattr(descriptor, _ACL)  # what the folder gives to new files
            if sys.platform != "win32" and os.fstat(descriptor).st_gid != self.group:
                os.fchown(descriptor, -1, self.group)
            if self.acl and sys.platform == "linux":
                os.setxattr(descriptor, _ACL, self.acl)
        except OSError:  # a group that this user is not in
            everybody = mode >> 3 & mode & 0o006  # who is in the file's group is one of the others now
            mode = mode & 0o600 | everybody << 3 | everybody
        os.fchmod(descriptor, mode)


@dataclass(frozen=True, slots=True)
class LoginFile:
    """A file as it was read.

    Attributes:
        path: without symbolic links.
        content: the bytes.
        permissions: who may read and write it.
        identity: its inode and when it was written: another file under the same name differs.
        is_own: whether it belongs to this user.
        has_other_names: whether there are hard links to it.
    """

    path: Path
    content: bytes = field(repr=False)
    permissions: Permissions
    identity: str
    is_own: bool
    has_other_names: bool

    @property
    def text(self) -> str:
        """Return the text, with its byte order mark and line ends.

        Raises:
            FormatError: it is not UTF-8.
        """
        return decode(self.content)

    def check_writable(self) -> None:
        """Check that the file can be replaced, before anything depends on it.

        Raises:
            LoginFileError: it cannot.
        """
        self.check_own()
        hint = "Make it writable, or import it as it is: --keep-source"
        if not self.permissions.mode & 0o222:
            raise LoginFileError(f"{self.path} is read-only", hint=hint)
        if self.has_other_names:
            raise LoginFileError(
                f"{self.path} has another name as well (a hard link), under which it would keep the refresh token",
                hint="Remove the other name (find / -xdev -samefile FILE), or import the file as it is: --keep-source",
            )
        try:
            tempfile.TemporaryFile(dir=self.path.parent).close()
        except OSError as error:
            raise LoginFileError(
                f"The folder of {self.path} cannot be written: {error.strerror or error}", hint=hint
            ) from error

    def check_own(self, otherwise: str = "import the file as it is: --keep-source") -> None:
        """Check that the file may be replaced by one of this user: its owner could read and change that one.

        Args:
            otherwise: what else the user can do, for the hint.

        Raises:
            LoginFileError: it belongs to another user.
        """
        if not self.is_own:
            raise LoginFileError(
                f"{self.path} belongs to another user, and would be replaced by a file of yours",
                hint=f"Run the command as that user, or {otherwise}",
            )

    def check_unchanged(self) -> None:
        """Check that the file still holds what was read.

        Raises:
            LoginFileError: it does not, or cannot be read.
        """
        if read_file(self.path).content != self.content:
            raise changed(self.path)

    def replace(self, text: str, before_rename: Callable[[str], None]) -> None:
        """Replace the file by a text, with the permissions that it has; see `write_file`.

        Raises:
            LoginFileError: it has changed since it was read, or cannot be written.
        """
        write_file(self.path, text, like=self, expected=self.content, before_rename=before_rename)


def _identity(status: os.stat_result) -> str:
    return f"{status.st_ino}:{status.st_mtime_ns}"


def changed(path: Path) -> LoginFileError:
    """Return the error for a file that is not as it was read."""
    return LoginFileError(
        f"{path} has just been changed by another program; it is left as it is",
        hint="Stop the other program, and run the command again",
    )


def read_file(path: Path) -> LoginFile:
    """Read a file.

    Raises:
        LoginFileError: it cannot be read.
    """
    try:
        path = Path(resolve(str(path.expanduser())))
        descriptor = os.open(path, _READ)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise LoginFileError(f"{path} is not a file")
            content = file.read(LARGEST + 1)
            permissions = Permissions.of(descriptor, status)
        check_size(str(path), content)
        return LoginFile(path, content, permissions, _identity(status), is_own(status), status.st_nlink > 1)
    except FileNotFoundError:
        raise LoginFileError(f"{path} does not exist", hint="Give the file's path after the format") from None
    except (OSError, RuntimeError) as error:
        raise LoginFileError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def check_size(name: str, content: bytes) -> None:
    """Check that what was read, at most a byte more than `LARGEST`, can be a login file.

    Raises:
        LoginFileError: it is too large.
    """
    if len(content) > LARGEST:
        raise LoginFileError(f"{name} is larger than {LARGEST // 1024 // 1024} MiB; it is not a login file")


def absolute_path(path: Path) -> Path:
    """Return a path without `~`, which a store can note.

    Raises:
        LoginFileError: it begins with `~` and the name of no user, or is not UTF-8.
    """
    try:
        path = path.expanduser().absolute()
        str(path).encode()
    except UnicodeEncodeError:  # SQLite would refuse it when the file has the refresh token already
        raise LoginFileError(f"{path} is not UTF-8, so a store cannot note it", hint="Name another file") from None
    except RuntimeError as error:
        raise LoginFileError(f"{path} cannot be found: {error}") from error
    return path


def find_file(path: Path) -> LoginFile | None:
    """Read a file; return None if it does not exist.

    Raises:
        LoginFileError: it cannot be read.
    """
    try:
        path.expanduser().stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, RuntimeError):
        pass  # reading it shows what is wrong
    return read_file(path)


def decode(content: bytes) -> str:
    """Return the text that bytes hold.

    Raises:
        FormatError: they are not UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"The file is not UTF-8: byte {error.start}") from None


def write_file(
    path: Path,
    text: str,
    *,
    like: LoginFile | None = None,
    expected: bytes | None = None,
    is_new: bool = False,
    new: str | None = None,
    before_rename: Callable[[str], None] | None = None,
) -> None:
    """Write a file whole, and rename it into its place.

    Args:
        path: where; a symbolic link there stays, and what it leads to is written.
        text: the content.
        like: the file whose permissions it gets; None: only this user may read it.
        expected: what the file must hold at that moment; None replaces anything.
        is_new: there must be no file at that moment.
        new: the name that is written first; one that no other run uses by default.
        before_rename: called with the identity of the written file when only the rename is left to do. If it raises,
            the old file stays.

    Raises:
        LoginFileError, StoreFailed: it cannot be written, and is as it was.
        LoginFileNotDurable: it was written.
    """
    try:
        content = Hidden(text.encode())
    except UnicodeEncodeError:
        raise LoginFileError(f"{path} would hold a character that UTF-8 has not (half of a surrogate pair)") from None

    def check(status: os.stat_result) -> None:
        if resolve(str(path)) != str(path):  # a folder was replaced by a link, maybe before the new file was made in it
            raise LoginFileError(f"{path} has just been replaced by a symbolic link; nothing was written")
        if os.path.lexists(path) if is_new else expected is not None and read_file(path).content != expected:
            raise changed(path)
        if before_rename is not None:
            before_rename(_identity(status))

    try:
        path = Path(resolve(str(path.expanduser())))  # no link of another user is followed
        atomic_file.make_folder(str(path.parent))
        written = str(path.parent / (new or f".traktauth-{token_hex(8)}"))
        with _locked(path) if is_new or expected is not None else nullcontext():
            permit = None if like is None else like.permissions.give
            atomic_file.replace(str(path), content, new=written, permit=permit, before_rename=check)
    except atomic_file.NotDurable as error:
        raise _not_durable(path, error) from error
    except (OSError, RuntimeError) as error:  # RuntimeError: `~` of a user that does not exist
        raise LoginFileError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}") from error


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """Lock a file's folder against other runs of traktauth, which may use another store, until the file is replaced.

    The folder, as the file may not exist yet.

    Raises:
        LoginFileError: another run keeps it locked.
    """
    if fcntl is None:  # Windows
        yield
        return
    descriptor = os.open(path.parent, os.O_RDONLY | CLOEXEC)
    until = time.monotonic() + _LOCK_TIMEOUT
    is_locked = False
    try:
        with suppress(OSError):  # a file system without locks
            while not is_locked:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    is_locked = True
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise changed(path) from None
                    time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def sync_folder_of(path: Path) -> None:
    """Bring the name of a file that was written to the disk.

    Raises:
        LoginFileNotDurable: that failed.
    """
    try:
        atomic_file.can_sync(str(path.parent))
    except OSError as error:
        raise _not_durable(path, error) from error


def _not_durable(path: Path, error: Exception) -> LoginFileNotDurable:
    return LoginFileNotDurable(
        f"{path} was written, but a power cut may undo that: {getattr(error, 'strerror', None) or error}",
        hint="See what is wrong with its disk or mount, and run the command again",
    )
