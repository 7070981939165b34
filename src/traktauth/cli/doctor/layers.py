"""Whether a file lies in a container's own layer, which is thrown away with the container."""

from __future__ import annotations

import re

_MOUNTS = "/proc/self/mountinfo"
_LAYERED = {"overlay", "aufs", "fuse-overlayfs", "fuse.fuse-overlayfs"}
_OCTAL = re.compile(r"\\([0-7]{3})")


def in_container_layer(path: str, mounts: str = _MOUNTS) -> bool:
    """Tell whether a file is, or would be, on a layered filesystem and on no volume; False where nobody can say."""
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - paths are text here
            return filesystem_of(path, file.read()) in _LAYERED
    except OSError:  # not Linux
        return False


def filesystem_of(path: str, mountinfo: str) -> str:
    """Return the kind of the filesystem that a real path is on, from what Linux says of its mounts; else nothing."""
    longest, kind = "", ""
    for line in mountinfo.splitlines():
        where, _, what = line.partition(" - ")
        fields = where.split()
        if len(fields) < 5 or not what:  # noqa: PLR2004 - the fifth is the mount point
            continue
        point = _OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(longest):  # of two at one point the later hides the earlier
            longest, kind = point, what.split()[0]
    return kind
