"""A home folder of the program's own, so that it does not find its user's logins."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from traktauth.errors import TraktAuthError

FOLDERS = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
"""Variables that name folders elsewhere; without them a program uses those below its home."""


def make_home(environ: Mapping[str, str], home: Path, *, copy_of: Path | None) -> dict[str, str]:
    """Make a home folder, and return the environment of a program that has it.

    Args:
        environ: the environment without it.
        home: the folder to make.
        copy_of: the folder that is copied, without its pipes, sockets and devices; None: it is empty.

    Raises:
        TraktAuthError: it cannot be made, or a file cannot be copied.
    """
    try:
        if copy_of is None:
            home.mkdir(mode=0o700)
        else:
            shutil.copytree(copy_of, home, symlinks=True, ignore=_special_files)
    except shutil.Error as error:  # it has a list of files, each with source, copy and reason
        source, _, reason = error.args[0][0]
        raise _not_copied(source, reason) from None
    except OSError as error:
        raise _not_copied(copy_of or home, error.strerror) from None
    return {name: value for name, value in environ.items() if name not in FOLDERS} | {"HOME": str(home)}


def _special_files(folder: str, names: Iterable[str]) -> list[str]:
    """Return the names of what cannot be copied, such as the socket of an agent."""
    return [name for name in names if not _is_copied(Path(folder, name).lstat().st_mode)]


def _is_copied(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def _not_copied(path: object, reason: object) -> TraktAuthError:
    return TraktAuthError(
        f"{path} cannot be copied: {reason}", hint="Give a folder with the program's settings alone: --home"
    )
