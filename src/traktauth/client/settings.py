"""Settings from the environment and a TOML file; the environment wins over the file, a caller over both."""

from __future__ import annotations

import os
import shlex
import stat
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, get_args

from traktauth.errors import AppInvalid
from traktauth.flow.context import LostReply
from traktauth.models import App, find_service
from traktauth.protocol import OUT_OF_BAND, Service
from traktauth.stores.user_folders import config_path

_PREFIX = "TRAKTAUTH_"
_YES = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class Settings:
    """What `TRAKTAUTH_*` and the configuration file say."""

    client_id: str = ""
    client_secret: str | None = field(default=None, repr=False)
    redirect_uri: str = OUT_OF_BAND
    service: str = "trakt"
    store: str = field(default="file:", repr=False)  # it may hold a password
    account: str = "default"
    lost_reply: LostReply = "last-attempt"
    insecure: bool = False
    clock_url: str = ""

    def app(self, *, user_agent: str | None = None) -> App:
        """Return the app.

        Raises:
            AppInvalid: its id is missing, or something about it cannot be right.
        """
        if not self.client_id:
            raise self._nothing_set()
        return App(
            self.client_id,
            client_secret=self.client_secret,
            redirect_uri=self.redirect_uri,
            user_agent=user_agent,
        )

    def _nothing_set(self) -> AppInvalid:
        """Return the error for a missing id, which names all that is missing."""
        names = ["client id", *(["secret"] if self.client_secret is None else [])]
        names += ["redirect address"] if self.redirect_uri == OUT_OF_BAND else []
        *first, last = names
        missing = f"{', '.join(first)} and {last} are missing" if first else f"{last} is missing"
        return AppInvalid(
            f"No app is set up: {missing}",
        )

    def trakt_arguments(self) -> dict[str, Any]:
        """Return what `Trakt` takes beside the app."""
        names = ("service", "store", "account", "lost_reply", "insecure")
        return {**{name: getattr(self, name) for name in names}, "clock": self.clock()}

    def clock(self, service: Service | None = None) -> Callable[[], float]:
        """Return a function of Unix seconds: of this machine, or of the local Trakt whose time a test moves.

        Args:
            service: instead of the service of the settings.

        Raises:
            ValueError: the service is unknown, or the clock is not for it.
        """
        if not self.clock_url:
            return time.time
        from traktauth.client.remote_clock import RemoteClock  # noqa: PLC0415 - only in tests

        return RemoteClock(self.clock_url, service or self.find_service())

    def find_service(self) -> Service:
        """Return the service.

        Raises:
            ValueError: the service is unknown.
        """
        return find_service(self.service, insecure=self.insecure)


_NAMES = Settings.__match_args__


def read_settings(environ: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """Read the settings.

    Args:
        environ: the environment; the process's own by default.
        overrides: settings of the caller; None leaves one open.

    Raises:
        ValueError: the file is missing or not TOML, or a setting is unknown or has no such value.
    """
    environ = os.environ if environ is None else environ
    path = config_path(environ)
    values: dict[str, Any] = {} if path is None else read_file(path)
    values |= {name: environ[_PREFIX + name.upper()] for name in _NAMES if environ.get(_PREFIX + name.upper())}
    values |= {name: value for name, value in overrides.items() if value is not None}
    values["insecure"] = _yes_or_no(values.get("insecure", False))
    lost_reply = values.get("lost_reply", "last-attempt")
    if lost_reply not in get_args(LostReply):
        known = ", ".join(get_args(LostReply))
        raise ValueError(f"TRAKTAUTH_LOST_REPLY must be one of {known}, not {str(lost_reply)[:20]!r}")
    return Settings(**values)


def _yes_or_no(value: object) -> bool:
    known = _YES.get(str(value).lower())
    if known is None:
        raise ValueError(f"TRAKTAUTH_INSECURE must be 1 or 0, not {str(value)[:20]!r}")
    return known


def read_file(path: str) -> dict[str, Any]:
    """Return the settings in a configuration file.

    Raises:
        ValueError: it cannot be read, every user can change it, or an entry is unknown or of a wrong type.
    """
    try:
        with open(path, "rb") as file:
            _check_writers(path, os.fstat(file.fileno()))
            text = file.read().decode("utf-8-sig")  # some editors begin a file with a byte order mark
    except OSError as error:
        raise ValueError(f"The configuration file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"The configuration file {path} is not UTF-8; save it as UTF-8") from None
    values = _parse(path, text)
    for name, entry in values.items():
        _check_setting(path, name, entry)
    return values


def _parse(path: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        _, at, place = str(error).rpartition("(at ")  # the rest may quote the file, and so a secret
        where = f" ({place.rstrip(')')})" if at else ""
        raise ValueError(
            f'The configuration file {path} is not valid TOML{where}; a line reads: client_id = "…"'
        ) from None


def _check_setting(path: str, name: str, value: object) -> None:
    """Check one entry of the file; its value is not quoted, as it may be a secret."""
    if name not in _NAMES:
        close = get_close_matches(name, _NAMES, 1)
        meant = f"did you mean {close[0]}?" if close else f"known: {', '.join(_NAMES)}"
        raise ValueError(f"The configuration file {path} has an unknown setting: {name} ({meant})")
    if name == "insecure":
        if str(value).lower() not in _YES:
            raise ValueError(f"The configuration file {path}: insecure must be true or false")
    elif not isinstance(value, str):
        kind = _TOML_TYPES.get(type(value), "a date or time")
        raise ValueError(f'The configuration file {path}: {name} must be a string in quotes ("…"), not {kind}')


_TOML_TYPES: dict[type, str] = {
    bool: "true or false",
    int: "an integer",
    float: "a float",
    list: "an array",
    dict: "a table",
}


def _check_writers(path: str, status: os.stat_result) -> None:
    """Refuse a file that every user of this machine can write: it says where the app's secret is sent."""
    if os.name != "nt" and stat.S_ISREG(status.st_mode) and status.st_mode & stat.S_IWOTH:
        raise ValueError(
            f"The configuration file {path} can be changed by every user of this machine, so it is not used; "
            f"check it, then: chmod 600 {shlex.quote(path)}"
        )
