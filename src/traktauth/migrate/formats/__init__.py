"""The files in which other programs keep a Trakt login, as pure functions over text; one module a format."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

from traktauth.errors import TraktAuthError
from traktauth.hints import LOGIN_COMMAND, Hint
from traktauth.migrate.formats.foreign_login import ForeignLogin

NAMES = ("pytrakt", "kometa", "homeassistant", "token")
NOT_IMPORTED = {
    "flexget": "its tokens are of FlexGet's own app, so only FlexGet can refresh them",
    "jellyfin": "its tokens are of the plugin's own app, so only the plugin can refresh them",
    "radarr": "the secret of its app is on Radarr's server, so nothing else can refresh its tokens",
    "scripttrakt": "its tokens are of the add-on's own app, so only the add-on can refresh them",
    "sonarr": "the secret of its app is on Sonarr's server, so nothing else can refresh its tokens",
    "tmdbhelper": "its tokens are of the add-on's own app, so only the add-on can refresh them",
}

_FORMAT_OF = {"plextraktsync": "pytrakt", "trakt.py": "token"}  # programs that users may name instead


class FormatError(TraktAuthError):
    """A login file is damaged, incomplete or of another program."""


class Format:
    """How a program keeps its login; every failure is a `FormatError`, whatever a file holds.

    Args:
        module: the module of the format, which has functions with the names of these methods.
    """

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def usual_paths(self, environ: Mapping[str, str]) -> list[Path]:
        """Return where the program keeps its file, the likeliest first; none if it has no file."""
        paths: list[Path] = self._module.usual_paths(environ)
        return paths

    def read(self, text: str, *, now: float) -> ForeignLogin:
        """Return the login that a file holds.

        Args:
            text: what the file holds.
            now: Unix seconds.

        Raises:
            FormatError: the file is damaged, or another program's; the message says where, and quotes nothing.
        """
        with _format_errors():
            login: ForeignLogin = self._module.read(text, now=now)
        given = (login.access_token, login.refresh_token, login.client_id, login.client_secret)
        if not all(each.isascii() and each.isprintable() for each in given if each is not None):
            raise FormatError("The file's token or app has characters that no token has")
        return login

    def write(self, login: ForeignLogin, text: str | None) -> str:
        """Return the file with a login in it.

        Args:
            login: the login; without a refresh token the program does not refresh.
            text: the file as it is; None: it does not exist.

        Raises:
            FormatError: the file is damaged, or must be there already.
        """
        with _format_errors():
            content: str = self._module.write(login, text)
        return content

    def without_refresh_token(self, text: str) -> str:
        """Return the file with a blank refresh token, and otherwise as it is.

        Raises:
            FormatError: the file is damaged.
        """
        with _format_errors():
            content: str = self._module.without_refresh_token(text)
        return content


@contextmanager
def _format_errors() -> Generator[None]:
    """Raise FormatError for what parsers raise if a text is nested too deeply, or is of unforeseen types."""
    try:
        yield
    except TraktAuthError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        raise FormatError("The file is damaged, or written in an unusual way") from None


def find_format(name: str) -> Format:
    """Return a format by its name.

    Raises:
        FormatError: it cannot be imported; the message says why.
        ValueError: the format does not exist.
    """
    if name in NOT_IMPORTED:
        raise FormatError(
            f"A login of {name} cannot be imported: {NOT_IMPORTED[name]}",
            hint=Hint("Sign in with an app of your own: ", LOGIN_COMMAND),
        )
    if name.lower() in _FORMAT_OF:
        raise ValueError(f"{name!r} is not a format; its logins have the format {_FORMAT_OF[name.lower()]}")
    if name not in NAMES:
        raise ValueError(f"{name!r} is not a format; give one of {', '.join(NAMES)}")
    return Format(import_module(f"traktauth.migrate.formats.{name}"))


def default_path(name: str, environ: Mapping[str, str]) -> Path | None:
    """Return the first file that exists of a format's usual paths, else the first path; None: standard input."""
    paths = find_format(name).usual_paths(environ)
    return next((path for path in paths if path.exists()), paths[0]) if paths else None
