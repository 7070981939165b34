"""Read everything that a local Trakt would start with, and judge it; nothing is made and nothing is served."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traktauth.server.faults import read_faults
from traktauth.server.profiles import PROFILES
from traktauth.server.profiles.strict import strictly
from traktauth.server.realm import terms_of
from traktauth.server.seed import read_seed
from traktauth.server.wiring import looked_at

if TYPE_CHECKING:
    from traktauth.server.settings import Settings


def checked(settings: Settings) -> dict[str, Any]:
    """Say what would be served: `profile`, `measured_on`, `rotation`, `strict`, `database`, `apps`, `users`, `faults`.

    *settings* have been judged when they were made. `database` has its `address` and `state`: `new`, or `ready` where
    this version has made it. `apps` and `users` are numbers of the seed, None without one.

    Raises:
        ValueError: the seed, the faults, the rotation or the access log make no sense.
        StorageDown: the database cannot be used.
    """
    profile = strictly(PROFILES[settings.profile]) if settings.strict else PROFILES[settings.profile]
    terms_of(settings, profile, "")  # a rotation may lack a package
    seed = None if settings.seed is None else read_seed(settings.seed)
    faults = [] if settings.faults is None else read_faults(settings.faults)
    _check_place(settings)
    return {
        "profile": profile.name,
        "measured_on": profile.measured_on,
        "rotation": settings.rotation or profile.rotation,
        "strict": settings.strict,
        "database": {"address": shown(settings.database_address), "state": looked_at(settings.database_address)},
        "apps": None if seed is None else len(seed.apps),
        "users": None if seed is None else len(seed.users),
        "faults": len(faults),
    }


def _check_place(settings: Settings) -> None:
    """Check where it would listen, and log."""
    try:
        socket.getaddrinfo(settings.host.strip("[]"), settings.port)
    except OSError as error:
        raise ValueError(f"host {settings.host} cannot be found: {error.strerror}") from error
    if settings.access_log is None:
        return
    log = Path(settings.access_log).absolute()
    if log.is_dir() or not log.parent.is_dir():
        why = "it is a folder" if log.is_dir() else "its folder does not exist"
        raise ValueError(f"access_log {settings.access_log} cannot be written: {why}")


def shown(address: str) -> str:
    """Give a database's address without what may hold a password."""
    scheme, slashes, rest = address.partition("://")
    return f"{scheme}{slashes}{rest.rpartition('@')[2].partition('?')[0]}" if slashes else address
