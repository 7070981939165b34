"""Refuse files that another user owns or may have written: what `private_files` finds is raised as StoreFailed."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

from traktauth import private_files
from traktauth.errors import StoreFailed
from traktauth.hints import Hint, ShellCommand
from traktauth.log_fields import log_fields
from traktauth.private_files import OTHERS_WRITE, PRIVATE, UnsafeFile

_READABLE = stat.S_IRGRP | stat.S_IROTH


def resolve(path: str, *, example: str = "file:/PATH.json") -> str:
    """Follow a symbolic link to the file that is really kept.

    Args:
        path: the file.
        example: a store of the same kind, for the hint.

    Raises:
        StoreFailed: a link, or the file, belongs to another user, or is not a regular file.
    """
    elsewhere = f"Name a file: --store {example}, or TRAKTAUTH_STORE"
    with _store_failed(elsewhere):
        path = private_files.resolve(path, or_roots=False)
        with suppress(FileNotFoundError):
            status = os.lstat(path)
            with _store_failed(f"If it is yours: sudo chown {_user_id()} {quote(path)}. {elsewhere}"):
                private_files.check_own(path, status)
            private_files.check_regular(path, status)
    return path


def _user_id() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0  # Windows has no owners, and so no such error


def require_own(path: str, status: os.stat_result) -> None:
    """Refuse a file of another user, and what is not a regular file.

    Args:
        path: the file's path, for messages.
        status: of the file, or of a link in its place.

    Raises:
        StoreFailed: it is not this user's own regular file.
    """
    with _store_failed(
        Hint(
            "Remove it: ", ShellCommand(f"rm {quote(path)}"), "; or keep the store in a folder that only you can write"
        )
    ):
        private_files.check_own(path, status)
        private_files.check_regular(path, status)


def require_private(path: str, status: os.stat_result, chmod: Callable[[int], None]) -> None:
    """Refuse a file that another user may have written; take the right to read it from others.

    Args:
        path: the file's path, for messages.
        status: of the file, or of a link in its place.
        chmod: sets the file's mode.

    Raises:
        StoreFailed: it is not this user's own regular file, or another user may write it.
    """
    require_own(path, status)
    if os.name != "posix":  # pragma: no cover - Windows has access lists, which the mode does not show
        return
    if status.st_mode & OTHERS_WRITE:
        raise StoreFailed(
            f"Other users can write {path}, so its content may not be yours",
            hint=Hint(
                "If you trust its content: ",
                ShellCommand(f"chmod 600 {quote(path)}"),
                ". If that changes nothing, its file system keeps no permissions: keep the store on another one",
            ),
        )
    if status.st_mode & _READABLE:
        import logging  # noqa: PLC0415 - a program whose file is in order logs nothing

        logging.getLogger("traktauth").warning(
            "Other users could read %s; its mode is set to 600", path, extra=log_fields("store-was-readable")
        )
        with suppress(OSError):  # a file system that is read-only, or keeps no permissions
            chmod(PRIVATE)


def quote(path: str) -> str:
    """Return a path as a shell takes it."""
    return shlex.quote(path)


@contextmanager
def _store_failed(hint: str) -> Generator[None]:
    try:
        yield
    except UnsafeFile as error:
        raise StoreFailed(str(error), hint=hint) from None
