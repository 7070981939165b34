"""The copy of a file whose login was imported: where it lies, how it is read, and when it goes.

It holds a refresh token beside the store: encrypted as the store is, for this user alone, and only until the login is
refreshed, signed out or moved. Until then `traktauth import --undo` can give the login back.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from typing import Any, cast

from traktauth.models import LoginKey
from traktauth.private_files import CLOEXEC, NOFOLLOW, OTHERS_WRITE, UnsafeFile, check_own, check_regular
from traktauth.stores.user_folders import user_folder

# Not blocking, as a pipe in its place would keep a refresh waiting for ever.
_FLAGS = os.O_RDONLY | NOFOLLOW | CLOEXEC | getattr(os, "O_NONBLOCK", 0)


def copy_path(address: str, login: LoginKey) -> str | None:
    """Return where the copy of a login's import lies: beside the store, or in the user's data folder.

    Args:
        address: of the store.
        login: the login.

    Returns:
        The path; None if the platform names no data folder.
    """
    place = address.removeprefix("sealed+")
    scheme, _, path = place.partition(":")
    folder = user_folder("data")
    if scheme in ("file", "sqlite") and path:
        place, folder = os.path.realpath(path), os.path.dirname(path)
    # Two stores may lie in one folder. A copy that both took for theirs would give a login two holders.
    name = hashlib.sha256(place.encode(errors="surrogateescape") + b"\0" + _name_of(login)).hexdigest()[:16]
    return None if folder is None else os.path.join(folder, f"import-{name}.json")


def unfinished_copy(path: str) -> str:
    """Return where a copy is written before it gets its name; a killed run leaves it."""
    return f"{path}.new"


def bound_text(login: LoginKey) -> bytes:
    """Return the login of a copy, so that the copy is used for this login only."""
    return b"import\n" + _name_of(login)


def read_document(path: str) -> dict[str, Any] | None:
    """Return the document at a path; None if there is no file.

    Raises:
        UnsafeFile: another user has put it there, or could have changed it: `--undo` would write what they want.
        OSError: it cannot be read.
        ValueError, TypeError: it is not a JSON object.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        check_own(path, status)
        check_regular(path, status)
        if status.st_mode & OTHERS_WRITE:
            raise UnsafeFile(f"{path} can be written by other users")
        try:
            document = json.loads(file.read())
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
    if not isinstance(document, dict):
        raise TypeError("it is not a JSON object")
    return cast("dict[str, Any]", document)


def remove_copy(address: str, login: LoginKey, fingerprint: str) -> None:
    """Remove the copy of a login's import, as the login was refreshed, signed out or moved.

    Args:
        address: of the store.
        login: the login.
        fingerprint: of the token that this happened to. A copy of another token stays: it may be all that is left of a
            login that was replaced.
    """
    path = copy_path(address, login)
    if path is None:
        return
    if os.path.lexists(unfinished := unfinished_copy(path)):
        with suppress(OSError):
            os.unlink(unfinished)
    if not os.path.lexists(path):
        return
    with suppress(OSError, ValueError, TypeError):  # it is not ours
        if (read_document(path) or {}).get("fingerprint") == fingerprint:
            os.unlink(path)


def _name_of(login: LoginKey) -> bytes:
    return f"{login.realm}\0{login.client_id}\0{login.account}".encode()
