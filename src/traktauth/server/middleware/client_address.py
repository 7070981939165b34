"""The address that a request came from, where a proxy passes it on (X-Forwarded-For)."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from traktauth.server.limits.brute_force import network_of

if TYPE_CHECKING:
    from starlette.types import Scope

FORWARDED = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?|([0-9.]+)(?::[0-9]+)?|([0-9A-Fa-f:.]+)")
"""An address in X-Forwarded-For; some proxies add a port."""


def client_address(scope: Scope) -> tuple[str, int] | None:
    """Return a client's address: the last one in X-Forwarded-For if the peer is a proxy on this machine."""
    peer: tuple[str, int] | None = scope.get("client")
    if peer is None or network_of(peer[0]) != "loopback":
        return peer
    said = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    last = said[-1].rpartition(",")[2].strip() if said else ""
    found = FORWARDED.fullmatch(last)
    try:
        return (str(ipaddress.ip_address(found[1] or found[2] or found[3])), 0) if found else peer
    except ValueError:
        return peer
