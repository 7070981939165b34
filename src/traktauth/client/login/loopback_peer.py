"""Which user's program is at the other end of a loopback connection."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LOCAL, _REMOTE, _USER = 1, 2, 7  # columns


def peer_user(connection: socket.socket) -> int | None:
    """Return the user id of the peer of a loopback TCP connection; None if the system does not tell.

    Linux lists every connection with the user of its socket; other systems have nothing of the kind.
    """
    if sys.platform != "linux":
        return None
    theirs, ours = _plain(connection.getpeername()), _plain(connection.getsockname())
    for fields in _rows():
        if _endpoint(fields[_LOCAL]) == theirs and _endpoint(fields[_REMOTE]) == ours:
            return int(fields[_USER])
    return None


def _rows() -> Iterator[list[str]]:
    """Yield the columns of each connection."""
    for table in _TABLES:
        with suppress(OSError), Path(table).open(encoding="ascii") as rows:
            next(rows, None)
            for row in rows:
                fields = row.split()
                if len(fields) > _USER:
                    yield fields


def _endpoint(text: str) -> tuple[str, int]:
    """Read `0100007F:1F90`: the address in 32-bit words of this machine's byte order, and the port."""
    address, _, port = text.partition(":")
    words = [bytes.fromhex(address[at : at + 8]) for at in range(0, len(address), 8)]
    raw = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return _plain((socket.inet_ntop(family, raw), int(port, 16)))


def _plain(address: tuple[Any, ...]) -> tuple[str, int]:
    """Return host and port; an IPv4 address stays one if an IPv6 socket took the connection."""
    return str(address[0]).removeprefix("::ffff:"), int(address[1])
