"""Errors and warnings that several stores share, exceptions of any store as StoreFailed, and errors without tokens."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from shlex import quote
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from traktauth.errors import StoreFailed
from traktauth.hints import LOGIN_COMMAND, Hint, ShellCommand
from traktauth.private_files import UnsafeFile

if TYPE_CHECKING:
    from traktauth.stores.base import AsyncTokenStore, TokenStore

T = TypeVar("T")

RESTORE = "Restore the store from a backup, or move it away and sign in again"
RESTORE_COMMAND = Hint(RESTORE, ": ", LOGIN_COMMAND)
MOVE_AWAY = "Restore it from a backup; or move it away and sign in again"


def disk_hint(number: int | None, path: str) -> str | None:
    """Return the fix for a disk that is full or cannot be written; None for another error of the system.

    Args:
        number: the error's number, of `errno`.
        path: the store's file.
    """
    folder = quote(os.path.dirname(path))
    if number in {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}:
        return Hint("Free space for this user on its file system: ", ShellCommand(f"df -h {folder}"))
    if number == errno.EROFS:
        elsewhere = "Mount its file system for writing, or keep logins elsewhere (TRAKTAUTH_STORE): "
        return Hint(elsewhere, ShellCommand(f"df {folder}"))
    return None


@contextmanager
def file_failures(path: str, what: str) -> Generator[None]:
    """Raise StoreFailed for what the system says of a store's file.

    Args:
        path: the file, as the user named it.
        what: what cannot be done to it, such as `read`.
    """
    try:
        yield
    except UnsafeFile as error:
        raise StoreFailed(str(error), hint=error.hint) from None
    except OSError as error:
        hint = disk_hint(error.errno, path)
        raise StoreFailed(f"{path} cannot be {what}: {error.strerror or error}", hint=hint) from error


def move_away_hint(path: str) -> Hint:
    """Return how a file that cannot be used is put out of the way."""
    move = ShellCommand(f"mv {quote(path)} {quote(f'{path}.damaged')}")
    return Hint("Restore it from a backup; or move it away: ", move, "; then: ", LOGIN_COMMAND)


class DurabilityWarning(str):
    """What about a store may lose a login.

    Attributes:
        fact: what is wrong.
        fix: the setting that fixes it.
    """

    __slots__ = ("fact", "fix")
    fact: str
    fix: str

    def __new__(cls, fact: str, fix: str) -> Self:
        warning = super().__new__(cls, f"{fact}: {fix}")
        warning.fact, warning.fix = fact, fix
        return warning


def missing(extra: str, error: ImportError) -> StoreFailed:
    """Return the error for a store whose library cannot be imported."""
    library = (error.name or extra).partition(".")[0]
    return StoreFailed(
        f"This store needs {library}, which is not installed here", hint=f"pip install 'traktauth[{extra}]'"
    )


def unreadable(message: str, *, hint: str = RESTORE, hint_command: str = "") -> StoreFailed:
    """Return the error for one login's record; callers that read many go on with the next."""
    error = StoreFailed(message, hint=hint, hint_command=RESTORE_COMMAND if hint is RESTORE else hint_command)
    error.of_one = True
    return error


def stray_record_warnings(strays: int) -> list[str]:
    """Return a warning of records that name no login: no other call would report them."""
    if strays == 0:
        return []
    some = "A record names no login and is" if strays == 1 else f"{strays} records name no login and are"
    fix = "restore the store from a backup, or sign in again to an account that is missing"
    return [DurabilityWarning(f"{some} left as found", fix)]


def store_failed(error: BaseException, store: TokenStore | AsyncTokenStore) -> StoreFailed:
    """Return what is raised for an exception of a store; StoreFailed as it is.

    The text of an exception is not repeated, as a driver's may hold a record; only the system's own text is.
    """
    if isinstance(error, StoreFailed):
        return error
    try:
        address = str(store.address)
    except Exception:  # noqa: BLE001 - a store that fails may fail here too
        address = "The store"
    name = type(error).__name__
    text = getattr(error, "strerror", None) if isinstance(error, OSError) else None
    failed = StoreFailed(f"{address} failed: {f'{name} ({text})' if text else name}")
    failed.__cause__ = error
    return failed


def call_store(call: Callable[[], T], store: TokenStore | AsyncTokenStore) -> T:
    """Call a store; whatever it raises is raised as StoreFailed."""
    try:
        return call()
    except StoreFailed:
        raise
    except Exception as error:
        raise store_failed(error, store) from error


# ---------------------------------------------------------------- what error reporters see
# Error reporters collect the local variables of the frames that an error has passed; no token may be in one.
class Hidden(Generic[T]):
    """A value that its `repr` does not show."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "Hidden(…)"


def without_frames(work: Callable[[], T]) -> T:
    """Return what `work` returns; a StoreFailed that it raises loses the frames of `work`, whose locals hold tokens.

    Raises:
        StoreFailed: what `work` raises.
    """
    try:
        return work()
    except StoreFailed as error:
        failed = error.with_traceback(None)
    raise failed
