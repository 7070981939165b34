"""Which file systems are mounted where, as Linux tells it."""

from __future__ import annotations

import os
import re

MOUNTS = "/proc/self/mountinfo"
_MOUNT_POINT = 4  # the index of the field
_OCTAL = re.compile(r"\\([0-7]{3})")


def mounts(path: str = MOUNTS) -> list[tuple[str, str]]:
    """Return each mount point with its file system's type, in the order of mounting; nothing if it is not known."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return parse(file.read())
    except OSError:  # not Linux
        return []


def parse(mountinfo: str) -> list[tuple[str, str]]:
    """Return the mount points and types in the content of a `mountinfo` file."""
    found: list[tuple[str, str]] = []
    for line in mountinfo.splitlines():
        where, _, what = line.partition(" - ")
        fields = where.split()
        if len(fields) > _MOUNT_POINT and what:
            found.append((_OCTAL.sub(lambda octal: chr(int(octal[1], 8)), fields[_MOUNT_POINT]), what.split()[0]))
    return found


def is_mount_point(path: str) -> bool:
    """Return whether something is mounted at a path, as a single file may be in a container."""
    real = os.path.realpath(path)
    return any(point == real for point, _ in mounts())
