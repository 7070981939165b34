"""Everything that `traktauth serve` takes, checked before anything is opened."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

PROFILE_NAMES = ("current", "classic")
ROTATIONS = ("family", "once", "until-used")
GRACE = "grace:"
"""A rotation too, followed by a number of seconds."""
RATE_LIMITS = ("off", "trakt")
MAX_PORT = 65535
HOST = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{0,5})?", re.ASCII)
"""What a `Host` field holds."""
DEFAULT_PORT = 8712
ORIGIN = re.compile(r"(https?://(?:[a-z0-9._-]+|\[([0-9a-f:.]+)\])(?::([0-9]{1,5}))?)/?", re.IGNORECASE | re.ASCII)
MIN_KEY = 16
"""Characters of a control key, which is all that stands between a stranger and everybody's tokens."""
MAX_LIFE = 100 * 365 * 86_400
"""Of a token or code, in seconds: a hundred years, so that its end is a date whatever the clock shows."""


class SettingError(ValueError):
    """A setting has a value that the local Trakt cannot use.

    Args:
        message: what is wrong and what to give; `{name}` stands for the setting of that name.
        values: further placeholders of the message, shown as they are.
    """

    def __init__(self, message: str, **values: object) -> None:
        self._message = message
        self._values = {name: str(value) for name, value in values.items()}
        super().__init__(self._with_names(lambda name: name))

    def for_command(self) -> str:
        """Return the message with the options of `traktauth serve` in place of the Python names."""
        return self._with_names(lambda name: f"--{name.replace('_', '-')}")

    def _with_names(self, shown: Callable[[str], str]) -> str:
        names = {each.name: shown(each.name) for each in fields(Settings)}
        return self._message.format_map(names | self._values)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a local Trakt is to run.

    Attributes:
        host: the address to listen on.
        port: the port; 0 picks a free one.
        profile: `current` or `classic`.
        database: `sqlite:/PATH` or `memory:`; None: a file in the platform's data folder.
        seed: apps and users, as a file's path or as what such a file holds; None: a demo app and a demo user.
        control: whether the control API is served.
        control_key: what a control call must carry unless the server is on loopback alone; at least 16 characters.
        access_life: seconds an access token lives; None: the profile's.
        refresh_life: seconds a refresh token lives; None: the profile's.
        code_life: seconds a code lives; None: the profile's.
        rotation: what becomes of a used refresh token: `family`, `once`, `until-used`, `grace:SECONDS`; None: the
            profile's.
        rate_limits: `off` or `trakt`.
        insecure: whether a *host* that is not loopback may be listened on; TLS ends in a proxy in front.
        plain_http: whether clients may reach a server that is not on loopback without TLS.
        public_url: the origin that browsers see if a proxy stands in front, kept as `scheme://host[:port]`; None:
            what is listened on.
        trust_proxy: whether a client's address is the last one in the X-Forwarded-For of a loopback peer.
        faults: faults to begin with, as a file's path or as the list itself.
        responses: JSON values that the API returns, by method and path, as a file's path or as the object itself.
        access_log: a file that each request gets a line of JSON in, `-` for standard output; None: no log.

    Raises:
        SettingError: a setting cannot be used; the message names it and what to give instead.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    profile: str = "current"
    database: str | None = field(default=None, repr=False)
    seed: str | Path | Mapping[str, Any] | None = field(default=None, repr=False)
    control: bool = False
    control_key: str | None = field(default=None, repr=False)
    access_life: int | None = None
    refresh_life: int | None = None
    code_life: int | None = None
    rotation: str | None = None
    rate_limits: str = "off"
    insecure: bool = False
    plain_http: bool = False
    trust_proxy: bool = False
    public_url: str | None = None
    faults: str | Path | Sequence[Mapping[str, Any]] | None = None
    responses: str | Path | Mapping[str, Any] | None = field(default=None, repr=False)
    access_log: str | Path | None = None

    def __post_init__(self) -> None:
        _check_types(self)
        if self.public_url is not None:
            object.__setattr__(self, "public_url", origin_of(self.public_url))
        _check_place(self)
        _check_exposure(self)
        _check_rules(self)

    @property
    def loopback(self) -> bool:
        """Return whether only this machine can reach the server: loopback without a public proxy."""
        public = None if self.public_url is None else name_in(self.public_url.partition("://")[2])
        return is_loopback(self.host) and (public is None or is_loopback(public))

    @property
    def database_address(self) -> str:
        """The database, the default one spelled out."""
        return self.database or default_database()


def default_database() -> str:
    """Return the address of the SQLite file that is used unless another database is named."""
    return f"sqlite:{user_data_path('traktauth') / 'local-trakt.sqlite'}"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine and cannot be another; names below `localhost` are (RFC 6761)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def name_in(field: str) -> str:
    """Return the host's name in a `Host` field, in lower case; empty without one."""
    found = HOST.fullmatch(field.lower())
    return found[1] if found else ""


def origin_of(address: str) -> str:
    """Return the origin that an address is, in lower case and without a slash at its end.

    Raises:
        SettingError: it is not an origin; it is not quoted, as it may hold a password.
    """
    found = ORIGIN.fullmatch(address)  # without a path: the pages' own links begin at the host
    if found is None or not _leads_somewhere(found[2], found[3]):
        raise SettingError(
            "{public_url} must be an origin: {why}; give a scheme, a host and at most a port, such as "
            "https://trakt.example",
            why=_why_no_origin(address),
        )
    return found[1].lower()


def _why_no_origin(address: str) -> str:
    scheme, slashes, rest = address.partition("://")
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    beyond = rest[len(authority) :]
    if not slashes or scheme.lower() not in ("http", "https"):
        return "it does not begin with https:// or http://"
    if not authority:
        return "it names no host"
    if "@" in authority:
        return "it has a user name"
    if beyond.startswith("/"):
        return "it has a path, and the local Trakt's pages begin at the root of a host"
    return "it has a query or a fragment" if beyond else "its host or port is not valid"


def grace_seconds(rotation: str) -> float | None:
    """Return the seconds of `grace:SECONDS`; None if they are invalid or too many."""
    word, _, seconds = rotation.partition(":")
    try:
        found = float(seconds)
    except ValueError:
        return None
    return found if word == "grace" and 0 < found <= MAX_LIFE else None


def _leads_somewhere(ipv6: str | None, port: str | None) -> bool:
    try:
        ipaddress.IPv6Address(ipv6 or "::1")
    except ValueError:
        return False
    return 0 < int(port or DEFAULT_PORT) <= MAX_PORT


TYPES: dict[str, tuple[type, str]] = {
    **dict.fromkeys(
        ("host", "profile", "database", "control_key", "rotation", "rate_limits", "public_url"), (str, "a str")
    ),
    **dict.fromkeys(("port", "access_life", "refresh_life", "code_life"), (int, "a whole number")),
    **dict.fromkeys(("control", "insecure", "plain_http", "trust_proxy"), (bool, "True or False")),
}
"""The settings of one type; the readers of `seed`, `faults` and `responses` check theirs."""


def _check_types(settings: Settings) -> None:
    """Check the types of the settings, which Python code may give as it likes."""
    for each in fields(settings):
        kind, name = TYPES.get(each.name, (object, "")), each.name
        given = getattr(settings, name)
        if given is None and each.default is None:
            continue
        if not isinstance(given, kind[0]) or (kind[0] is int and isinstance(given, bool)):
            raise SettingError(f"{{{name}}} must be {kind[1]}, not {{type}}", type=type(given).__name__)


def _check_place(settings: Settings) -> None:
    """Check where the server listens and stores."""
    if not settings.host:
        raise SettingError("{host} is empty; give an address, such as 127.0.0.1")
    if not 0 <= settings.port <= MAX_PORT:
        raise SettingError("{port} must be 0-65535 (0 picks a free port), not {given}", given=settings.port)
    scheme = settings.database_address.partition(":")[0]
    if scheme in ("postgresql", "postgres"):
        raise SettingError("{database} PostgreSQL was removed from the local Trakt: give sqlite:/PATH or memory:")
    if scheme not in ("sqlite", "memory"):
        raise SettingError("{database} must be sqlite:/PATH or memory:, not {scheme!r}", scheme=scheme)
    if scheme == "memory" and settings.database_address != "memory:":
        raise SettingError("{database} memory: has no name; give memory: alone, or sqlite:/PATH to keep a database")
    if settings.database_address == "sqlite:":
        raise SettingError("{database} sqlite: has no path; give sqlite:/PATH")


def _check_exposure(settings: Settings) -> None:
    """Check that what others than this machine's user can reach is protected."""
    host, public = settings.host, settings.public_url
    if not is_loopback(host) and not settings.insecure:
        raise SettingError("{host} {given} is not loopback; put TLS in front of it and set {insecure}", given=host)
    if not settings.loopback and not settings.plain_http and not (public or "").startswith("https:"):
        raise SettingError(
            ("{public_url} {given}" if public else "{host} {given}") + " would be reached without TLS, and passwords "
            "and tokens would be sent in clear; set {public_url} to the https:// address of the proxy in front, or set "
            "{plain_http} if that is what you want",
            given=public or host,
        )
    if not settings.control:
        return
    key = settings.control_key or ""
    if not settings.loopback and not key:
        where = "behind {public_url} {given}" if public and is_loopback(host) else "with {host} {given}, not loopback,"
        raise SettingError("{control} " + where + " needs TRAKTAUTH_CONTROL_KEY", given=public or host)
    if key and (len(key) < MIN_KEY or not key.isascii() or not key.isprintable() or " " in key):
        raise SettingError(
            "TRAKTAUTH_CONTROL_KEY must have at least {least} characters, all ASCII and without spaces; make one: "
            "openssl rand -hex 16",
            least=MIN_KEY,
        )


def _check_rules(settings: Settings) -> None:
    """Check what the server answers."""
    if settings.profile not in PROFILE_NAMES:
        raise SettingError(
            "{profile} must be {choices}, not {given!r}", choices=" or ".join(PROFILE_NAMES), given=settings.profile
        )
    for name in ("access_life", "refresh_life", "code_life"):
        life: int | None = getattr(settings, name)
        if life is not None and not 0 < life <= MAX_LIFE:
            raise SettingError(
                f"{{{name}}} must be more than 0 seconds and at most a hundred years ({{most}}), not {{given}}",
                most=MAX_LIFE,
                given=life,
            )
    rotation = settings.rotation
    if rotation is not None and rotation not in ROTATIONS and grace_seconds(rotation) is None:
        raise SettingError(
            "{rotation} must be one of {choices} (SECONDS more than 0, and at most {most}), not {given!r}",
            choices=", ".join((*ROTATIONS, f"{GRACE}SECONDS")),
            most=MAX_LIFE,
            given=rotation,
        )
    if settings.rate_limits not in RATE_LIMITS:
        raise SettingError("{rate_limits} must be off or trakt, not {given!r}", given=settings.rate_limits)


def read_json(source: object, what: str, *, expected: str) -> object:
    """Return what a JSON file holds, or the value itself; a ValueError says where *what* is wrong."""
    if not isinstance(source, (str, Path)):
        return source
    file = f"The {what} file {source}"
    try:
        return json.loads(Path(source).read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise ValueError(f"{file} does not exist") from error
    except IsADirectoryError as error:
        raise ValueError(f"{file} is a folder") from error
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror or error}") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"{file} is not valid JSON: {where}: {error.msg}; expected {expected}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8: byte {error.start}; expected {expected}") from error
    except RecursionError as error:
        raise ValueError(f"{file} is nested too deeply; expected {expected}") from error
    except ValueError as error:  # such as a number of too many digits, or a path with a NUL
        raise ValueError(f"{file} cannot be read: {error}") from error
