"""Who else may read what is sent to a server, or reach it."""

from __future__ import annotations

import ipaddress

from traktauth.stores.errors import DurabilityWarning


def is_local(host: str | None) -> bool:
    """Return whether a server is reached without leaving this machine: by a socket's path or a loopback address."""
    if not host or host.startswith(("/", "@")) or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def find_warnings(server: str, hosts: list[str], fix: str) -> list[str]:
    """Return a problem if what goes to one of some hosts can be read on the way.

    Args:
        server: what kind of server.
        hosts: those of its address.
        fix: the setting of the address that demands TLS.
    """
    remote = [host for host in hosts if not is_local(host)]
    if not remote:
        return []
    where = f"the {server} at {', '.join(remote)}"
    return [DurabilityWarning(f"Tokens go to {where} and can be read on the way, as no TLS is demanded", fix)]
