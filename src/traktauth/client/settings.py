"""Settings from the environment and a TOML file; the environment wins over the file, a caller over both."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, get_args

from traktauth.flow.terms import LostReply
from traktauth.models import App, find_service
from traktauth.protocol import OUT_OF_BAND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traktauth.protocol import Service

_PREFIX = "TRAKTAUTH_"
_YES = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class Settings:
    """What `TRAKTAUTH_*` and the configuration file say."""

    client_id: str = ""
    client_secret: str | None = field(default=None, repr=False)
    redirect_uri: str = OUT_OF_BAND
    service: str = "trakt"
    store: str = "file:"
    account: str = "default"
    lost_reply: LostReply = "last-attempt"
    insecure: bool = False

    def app(self) -> App:
        """Return the app.

        Raises:
            AppInvalid: its id is missing, or something about it cannot be right.
        """
        return App(self.client_id, client_secret=self.client_secret, redirect_uri=self.redirect_uri)

    def place(self) -> dict[str, Any]:
        """Return what `Trakt` takes beside the app."""
        names = ("service", "store", "account", "lost_reply", "insecure")
        return {name: getattr(self, name) for name in names}

    def find_service(self) -> Service:
        """Return the service.

        Raises:
            ValueError: there is no such service.
        """
        return find_service(self.service, insecure=self.insecure)


_NAMES = tuple(each.name for each in fields(Settings))


def read_settings(environ: Mapping[str, str] | None = None, **given: object) -> Settings:
    """Read the settings.

    Args:
        environ: the environment; the process's own where none is given.
        given: what the caller settles; None leaves it open.

    Raises:
        ValueError: the file is missing or not TOML, or a setting is unknown or has no such value.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = dict(_from_file(environ))
    values |= {name: environ[_PREFIX + name.upper()] for name in _NAMES if environ.get(_PREFIX + name.upper())}
    values |= {name: value for name, value in given.items() if value is not None}
    values["insecure"] = _yes_or_no(values.get("insecure", False))
    for name in _NAMES:
        if name != "insecure" and not isinstance(values.get(name, ""), str):
            raise ValueError(f"The setting {name} must be a text")
    lost_reply = values.get("lost_reply", "last-attempt")
    if lost_reply not in get_args(LostReply):
        raise ValueError(f"TRAKTAUTH_LOST_REPLY must be one of {', '.join(get_args(LostReply))}")
    return Settings(**values)


def take_objects(given: dict[str, Any]) -> dict[str, Any]:
    """Take out of a caller's arguments what no setting can hold: a clock, a client, a store, a service."""
    names: list[str] = [name for name in ("clock", "http") if name in given]
    names += [name for name in ("service", "store") if not isinstance(given.get(name), str | None)]
    return {name: given.pop(name) for name in names}


def _yes_or_no(value: object) -> bool:
    known = _YES.get(str(value).lower())
    if known is None:
        raise ValueError("TRAKTAUTH_INSECURE must be 1 or 0")
    return known


def config_path(environ: Mapping[str, str]) -> str | None:
    """Return the configuration file: the one that `TRAKTAUTH_CONFIG` names, or the platform's where it exists."""
    named = environ.get(f"{_PREFIX}CONFIG")
    if named:
        return named
    from platformdirs import user_config_dir  # noqa: PLC0415 - only where no file is named

    try:
        default = os.path.join(user_config_dir("traktauth", appauthor=False), "config.toml")  # noqa: PTH118 - see stores
    except (KeyError, RuntimeError, OSError):
        return None  # no home folder
    return default if os.path.isfile(default) else None  # noqa: PTH113 - the same


def _from_file(environ: Mapping[str, str]) -> Mapping[str, Any]:
    path = config_path(environ)
    if path is None:
        return {}
    import tomllib  # noqa: PLC0415 - only where there is a file

    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the same
            values = tomllib.load(file)
    except OSError as error:
        raise ValueError(f"The configuration file {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise ValueError(f'The configuration file {path} is no TOML; a line reads: client_id = "…"') from None
    unknown = sorted(values.keys() - set(_NAMES))
    if unknown:
        raise ValueError(
            f"The configuration file {path} has an unknown setting: {unknown[0]} (known: {', '.join(_NAMES)})"
        )
    return values
