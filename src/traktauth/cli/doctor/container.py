"""Whether a file lies in a container's own layer, which is thrown away with the container."""

from __future__ import annotations

from traktauth.stores.mounts import MOUNTS, mounts

_LAYERED = {"overlay", "aufs", "fuse-overlayfs", "fuse.fuse-overlayfs"}


def is_in_container_layer(path: str, mountinfo: str = MOUNTS) -> bool:
    """Tell whether a file is, or would be, on a layered file system and on no volume; False if it is not known."""
    return find_filesystem(path, mounts(mountinfo)) in _LAYERED


def find_filesystem(path: str, mounted: list[tuple[str, str]]) -> str:
    """Return the type of the file system that a real path is on; an empty text if none of `mounted` has it."""
    longest, kind = "", ""
    for point, what in mounted:
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(longest):  # of two at one point the later hides the earlier
            longest, kind = point, what
    return kind
