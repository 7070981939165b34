"""Everything that `traktauth serve` takes, checked before anything is opened."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from platformdirs import user_data_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PROFILES = ("current", "classic")
ROTATIONS = ("family", "once", "until-used", "grace:SECONDS")
LARGEST_PORT = 65535
DEFAULT_PORT = 8712
ORIGIN = re.compile(r"(https?://(?:[a-z0-9._-]+|\[([0-9a-f:.]+)\])(?::([0-9]{1,5}))?)/?", re.IGNORECASE | re.ASCII)
LONGEST_LIFE = 100 * 365 * 86_400
"""Of a token or code, in seconds: a hundred years, so that its end is a date whatever the clock shows."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a local Trakt is to run.

    Attributes:
        host: the address to listen on.
        port: the port; 0 picks a free one.
        profile: `current` or `classic`.
        database: `sqlite:/PATH`, `memory:` or `postgresql://…`; None: a file in the platform's data folder.
        seed: apps and users, as a file's path or as what such a file holds; None: a demo app and a demo user.
        control: whether the control API is served.
        control_key: what a control call must carry where *host* is not loopback.
        access_life: seconds an access token lives; None: the profile's.
        refresh_life: seconds a refresh token lives; None: the profile's.
        code_life: seconds a code lives; None: the profile's.
        rotation: what becomes of a used refresh token: `family`, `once`, `until-used`, `grace:SECONDS`; None: the
            profile's.
        rate_limits: `off` or `trakt`.
        strict: whether what the RFCs demand beyond Trakt is switched on.
        insecure: whether a *host* that is not loopback may be listened on in plain HTTP.
        public_url: the origin that browsers see where a proxy stands in front, kept as `scheme://host[:port]`; None:
            what is listened on.
        faults: faults to begin with, as a file's path or as the list itself.
        workers: processes that serve one PostgreSQL database.
        access_log: a file that each request gets a line of JSON in, `-` for standard output; None: no log.

    Raises:
        ValueError: a setting makes no sense; the message names it and what would.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    profile: str = "current"
    database: str | None = None
    seed: str | Path | Mapping[str, Any] | None = None
    control: bool = False
    control_key: str | None = None
    access_life: int | None = None
    refresh_life: int | None = None
    code_life: int | None = None
    rotation: str | None = None
    rate_limits: str = "off"
    strict: bool = False
    insecure: bool = False
    public_url: str | None = None
    faults: str | Path | Sequence[Mapping[str, Any]] | None = None
    workers: int = 1
    access_log: str | Path | None = None

    def __post_init__(self) -> None:
        _check_place(self)
        _check_workers(self)
        _check_rules(self)
        if self.public_url is not None:
            object.__setattr__(self, "public_url", origin_of(self.public_url))

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    @property
    def database_address(self) -> str:
        """The database, the default one spelled out."""
        return self.database or f"sqlite:{user_data_path('traktauth') / 'local-trakt.sqlite'}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine and cannot be another."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def origin_of(address: str) -> str:
    """Give the origin that an address is, without a slash at its end.

    Raises:
        ValueError: it is none; it is not quoted, as it may hold a password.
    """
    found = ORIGIN.fullmatch(address)  # without a path: the pages' own links begin at the host
    if found is None or not _leads_somewhere(found[2], found[3]):
        raise ValueError(
            "public_url is no origin; give a scheme, a host and no more than a port, such as https://trakt.example"
        )
    return found[1].lower()


def grace_seconds(rotation: str) -> float | None:
    """Give the seconds of `grace:SECONDS`, None where they are none, or more than a token's longest life."""
    word, _, seconds = rotation.partition(":")
    try:
        found = float(seconds)
    except ValueError:
        return None
    return found if word == "grace" and 0 < found <= LONGEST_LIFE else None


def _leads_somewhere(ipv6: str | None, port: str | None) -> bool:
    try:
        ipaddress.IPv6Address(ipv6 or "::1")
    except ValueError:
        return False
    return 0 < int(port or DEFAULT_PORT) <= LARGEST_PORT


def _check_place(settings: Settings) -> None:
    """Check where the server listens and stores."""
    if not settings.host:
        raise ValueError("host is empty; give an address, such as 127.0.0.1")
    if not 0 <= settings.port <= LARGEST_PORT:
        raise ValueError(f"port {settings.port} is none; give 0 to {LARGEST_PORT}, 0 for a free one")
    if not settings.loopback and not settings.insecure:
        raise ValueError(f"host {settings.host} is not loopback: put TLS in front and give --insecure")
    if settings.control and not settings.loopback and not settings.control_key:
        raise ValueError("--control on a host that is not loopback needs TRAKTAUTH_CONTROL_KEY")
    scheme = settings.database_address.partition(":")[0]
    if scheme not in ("sqlite", "memory", "postgresql", "postgres"):
        raise ValueError(f"database {scheme!r} is unknown; give sqlite:/PATH, memory: or postgresql://…")
    if settings.database_address == "sqlite:":
        raise ValueError("database sqlite: lacks its path; give sqlite:/PATH")


def _check_workers(settings: Settings) -> None:
    """Check in how many processes the server serves."""
    if settings.workers < 1:
        raise ValueError("workers must be at least 1")
    if settings.workers == 1:
        return
    if not settings.database_address.startswith("postgres") or settings.control:
        raise ValueError("more than one worker needs postgresql://… and no --control")
    if settings.rate_limits != "off":
        raise ValueError("rate limits are counted in one process: leave rate_limits off, or workers at 1")
    if not hasattr(os, "fork"):
        raise ValueError("more than one worker needs a system that forks processes; start several servers instead")


def _check_rules(settings: Settings) -> None:
    """Check what the server answers."""
    if settings.profile not in PROFILES:
        raise ValueError(f"profile {settings.profile!r} is unknown; give one of {', '.join(PROFILES)}")
    for name in ("access_life", "refresh_life", "code_life"):
        life: int | None = getattr(settings, name)
        if life is not None and not 0 < life <= LONGEST_LIFE:
            raise ValueError(f"{name} must be more than 0 seconds, and at most a hundred years: {LONGEST_LIFE}")
    rotation = settings.rotation
    if rotation is not None and rotation not in ROTATIONS[:-1] and grace_seconds(rotation) is None:
        bounds = f"SECONDS more than 0, and at most {LONGEST_LIFE}"
        raise ValueError(f"rotation {rotation!r} is unknown; give one of {', '.join(ROTATIONS)} ({bounds})")
    if settings.rate_limits not in ("off", "trakt"):
        raise ValueError(f"rate_limits {settings.rate_limits!r} is unknown; give off or trakt")
