"""A home folder of the program's own, so that it does not find its user's logins."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOLDERS = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
"""Variables that name folders elsewhere; without them a program uses those below its home."""


def make_home(environ: Mapping[str, str], home: Path, *, copy_of: Path | None) -> dict[str, str]:
    """Make a home folder, and return the environment of a program that has it.

    Args:
        environ: the environment without it.
        home: the folder to make.
        copy_of: the folder that is copied; None: it is empty.

    Raises:
        OSError: it cannot be made, or a file cannot be copied.
    """
    if copy_of is None:
        home.mkdir(mode=0o700)
    else:
        shutil.copytree(copy_of, home, symlinks=True)
    return {name: value for name, value in environ.items() if name not in FOLDERS} | {"HOME": str(home)}
