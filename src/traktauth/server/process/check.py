"""Check everything that a local Trakt would start with, without creating or serving anything."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traktauth.server.engines.profiles import PROFILES
from traktauth.server.http.custom_responses import read_responses
from traktauth.server.http.faults import read_faults
from traktauth.server.seed import read_seed
from traktauth.server.settings import SettingError, default_database
from traktauth.server.storage.database import MEMORY, is_initialized, path_of

if TYPE_CHECKING:
    from traktauth.server.settings import Settings


def check_config(settings: Settings) -> dict[str, Any]:
    """Return what would be served: the profile, its rules, the database and the sizes of the seed.

    *settings* have been judged when they were made. `database` has its `address` and `state`: `new`, or `ready` where
    this version has made it. `apps` and `users` are numbers of the seed, None without one.

    Raises:
        ValueError: the seed, the faults, the responses or the access log make no sense.
        StorageUnavailable: the database cannot be used.
    """
    profile = PROFILES[settings.profile]
    seed = None if settings.seed is None else read_seed(settings.seed)
    faults = [] if settings.faults is None else read_faults(settings.faults, profile.oauth_paths)
    responses = read_responses(settings.responses)
    _check_place(settings)
    address = settings.database_address
    return {
        "profile": profile.name,
        "measured_on": profile.measured_on,
        "rotation": settings.rotation or profile.rotation,
        "database": {"address": address, "state": _database_state(address)},
        "apps": None if seed is None else len(seed.apps),
        "users": None if seed is None else len(seed.users),
        "faults": len(faults),
        "responses": sum(map(len, responses.values())),
    }


def _check_place(settings: Settings) -> None:
    """Check where it would listen, and log."""
    try:
        socket.getaddrinfo(settings.host.strip("[]"), settings.port)
    except OSError as error:
        raise SettingError("{host} {given} cannot be found: {why}", given=settings.host, why=error.strerror) from error
    if settings.access_log is None:
        return
    log = Path(settings.access_log).absolute()
    if log.is_dir() or not log.parent.is_dir():
        why = "it is a folder" if log.is_dir() else "its folder does not exist"
        raise SettingError("{access_log} {given} cannot be written: {why}", given=settings.access_log, why=why)


def _database_state(address: str) -> str:
    """Return the state of a database without creating it: `new` or `ready`."""
    if address == MEMORY:
        return "new"
    has_tables = is_initialized(path_of(address), needs_folder=address != default_database(), thorough=True)
    return "ready" if has_tables else "new"
