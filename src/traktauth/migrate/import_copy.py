"""The copy of an imported file: a run that was killed is taken up from it, and `--undo` puts it back."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from traktauth.errors import StoreFailed
from traktauth.migrate.formats import find_format
from traktauth.migrate.login_file import LoginFileError, write_file
from traktauth.models import LoginKey
from traktauth.stores.base import TokenStore
from traktauth.stores.import_copy import bound_text, copy_path, read_document, unfinished_copy

_VERSION = 4


@dataclass(frozen=True, slots=True)
class ImportCopy:
    """What a file held before its refresh token was taken away.

    Attributes:
        format: of the file.
        path: of the file.
        text: all that it held.
        fingerprint: of the login in it.
        blank: the identity of the file without its refresh token; another one lost the token in another way.
        is_finished: whether the login was saved.
    """

    format: str
    path: str
    text: str = field(repr=False)
    fingerprint: str
    blank: str
    is_finished: bool = False


def path_of_copy(store: TokenStore, login: LoginKey) -> Path:
    """Return where the copy of a login's import lies.

    Raises:
        StoreFailed: the platform names no data folder.
    """
    path = copy_path(store.address, login)
    if path is None:
        raise StoreFailed("This user has no home folder for the copy of the imported file; set XDG_DATA_HOME")
    return Path(path)


def save_copy(store: TokenStore, login: LoginKey, copy: ImportCopy) -> None:
    """Keep a copy, for this user alone, encrypted as the store is.

    Raises:
        LoginFileError: it cannot be written.
        StoreFailed: it cannot be encrypted, or there is no place for it.
    """
    inside: dict[str, object] = {
        "login": bound_text(login).decode(),
        "format": copy.format,
        "path": copy.path,
        "text": copy.text,
        "blank": copy.blank,
        "finished": copy.is_finished,
    }
    document: dict[str, object] = {"version": _VERSION, "fingerprint": copy.fingerprint}
    sealed = store.encrypt(json.dumps(inside).encode(), bound_text(login))
    document |= inside if sealed is None else {"sealed": sealed}
    path = path_of_copy(store, login)
    write_file(path, json.dumps(document), new=unfinished_copy(path.name))


def load_copy(store: TokenStore, login: LoginKey) -> ImportCopy | None:
    """Return the copy of an earlier import; None if it does not exist.

    Raises:
        LoginFileError: it cannot be read, or is not this user's own or of this login.
        StoreFailed: the key that it is encrypted with is missing.
    """
    path = path_of_copy(store, login)
    try:
        document: Any = read_document(str(path))
        if document is None:
            return None
        if document["version"] != _VERSION:
            raise LoginFileError(f"{path} was written by another version of traktauth")
        inside: Any = document
        if "sealed" in document:
            inside = json.loads(store.decrypt(str(document["sealed"]), bound_text(login)))
        elif store.encrypt(b"", b"") is not None:
            raise LoginFileError(f"{path} is not encrypted, as the store is", hint="See who may write in its folder")
        if inside["login"] != bound_text(login).decode():
            raise LoginFileError(
                f"{path} is the copy of another login's import", hint="See who may write in its folder"
            )
        form, path_of_file, text = (str(inside[name]) for name in ("format", "path", "text"))
        _check(form, path_of_file)
        fingerprint, blank, is_finished = str(document["fingerprint"]), str(inside["blank"]), bool(inside["finished"])
        return ImportCopy(form, path_of_file, text, fingerprint, blank, is_finished)
    except OSError as error:
        raise LoginFileError(
            f"{path}, the copy of an earlier import, cannot be used: {error.strerror or error}",
            hint="Look at what it is; if it is not yours, remove it",
        ) from error
    except (ValueError, KeyError, TypeError):
        raise LoginFileError(f"{path}, the copy of an earlier import, is damaged", hint="Remove it") from None


def _check(form: str, path: str) -> None:
    """Check that a format is known, and that a path can be one.

    Raises:
        ValueError: it is not.
    """
    find_format(form)
    if b"\0" in os.fsencode(path):
        raise ValueError("the path has a NUL in it")
