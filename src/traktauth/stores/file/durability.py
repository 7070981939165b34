"""What about the folder of a store's file may lose a login: asked by `traktauth doctor`."""

from __future__ import annotations

import os

from traktauth.stores.errors import DurabilityWarning
from traktauth.stores.file.atomic_file import can_sync


def find_warnings(folder: str) -> list[str]:
    """Return what about a folder may lose a login, each with what helps.

    Raises:
        OSError: it cannot be synced.
    """
    if not os.path.isdir(folder) or can_sync(folder):
        return []
    what = f"The file system of {folder} cannot sync a folder, so a power cut may undo the last refresh"
    return [DurabilityWarning(what, "keep the store on a local disk")]
