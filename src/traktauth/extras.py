"""Optional libraries: whether one is installed and new enough, said with the command that installs it."""

from __future__ import annotations

import re
from importlib import metadata

from traktauth.errors import TraktAuthError


def missing_library(name: str, error: ModuleNotFoundError) -> TraktAuthError:
    """Return the error for a library that is not installed.

    Args:
        name: the library, which is the name of its extra, too.
        error: what its import raised.

    Raises:
        ModuleNotFoundError: another module is missing.
    """
    if error.name != name:
        raise error
    return TraktAuthError(f"{name} is not installed", hint=f"Install it: pip install 'traktauth[{name}]'")


def check_version(name: str, needed: tuple[int, ...], *, extra: str | None = None) -> None:
    """Check that a library is new enough; nothing is checked if its version is not known.

    Args:
        name: the library, as it is named on the package index.
        needed: the lowest version that traktauth works with.
        extra: the extra that installs it; default: `name`.

    Raises:
        TraktAuthError: it is too old.
    """
    try:
        installed = metadata.version(name)
    except metadata.PackageNotFoundError:
        return  # it was put there without a package manager
    found = re.match(r"\d+(\.\d+)+", installed)
    if found and tuple(map(int, found[0].split("."))) < needed:
        raise TraktAuthError(
            f"{name} {installed} is installed; traktauth needs {name} {'.'.join(map(str, needed))} or newer",
            hint=f"Upgrade it: pip install --upgrade 'traktauth[{extra or name}]'",
        )
