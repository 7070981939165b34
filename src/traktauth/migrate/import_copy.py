"""The copy of an imported file: a run that was killed is taken up from it, and `--undo` puts it back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from traktauth.errors import StoreFailed
from traktauth.migrate.login_file import LoginFileError, read_file, write_file
from traktauth.stores.user_folders import user_folder
from traktauth.values import field, value

if TYPE_CHECKING:
    from traktauth.models import LoginKey
    from traktauth.stores.base import TokenStore

_VERSION = 1


@value
class ImportCopy:
    """What a file held before its refresh token was taken away.

    Attributes:
        format: of the file.
        path: of the file.
        text: all that it held.
        is_finished: whether the login was saved.
    """

    format: str
    path: str
    text: str = field(repr=False)
    is_finished: bool = False


def copy_path(store: TokenStore, login: LoginKey) -> Path:
    """Return where the copy of a login's import lies: beside the store, or in the user's data folder.

    Raises:
        StoreFailed: the platform names no data folder.
    """
    name = f"{login.realm}\0{login.client_id}\0{login.account}"
    file = f"import-{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"
    scheme, _, path = store.address.removeprefix("sealed+").partition(":")
    if scheme in ("file", "sqlite") and path:
        return Path(path).parent / file
    folder = user_folder("data")
    if folder is None:
        raise StoreFailed("This user has no home folder for the copy of the imported file; set XDG_DATA_HOME")
    return Path(folder) / file


def save_copy(path: Path, copy: ImportCopy) -> None:
    """Keep a copy, for this user alone.

    Raises:
        LoginFileError: it cannot be written.
    """
    document: dict[str, object] = {"version": _VERSION, "format": copy.format, "path": copy.path, "text": copy.text}
    document["finished"] = copy.is_finished
    write_file(path, json.dumps(document), mode=0o600)


def load_copy(path: Path) -> ImportCopy | None:
    """Return the copy of an earlier import; None if it does not exist.

    Raises:
        LoginFileError: it cannot be read.
    """
    if not path.exists():
        return None
    try:
        found: Any = json.loads(read_file(path).text)
        members = cast("dict[str, Any]", found)
        if members["version"] != _VERSION:
            raise LoginFileError(f"{path} was written by another version of traktauth")
        return ImportCopy(str(members["format"]), str(members["path"]), str(members["text"]), bool(members["finished"]))
    except (ValueError, KeyError, TypeError):
        raise LoginFileError(f"{path}, the copy of an earlier import, is damaged", hint="Remove it") from None
