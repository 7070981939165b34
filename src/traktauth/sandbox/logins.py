"""Logins written for a program before it starts, in the format that it reads."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from traktauth.client.sync_client import Trakt
from traktauth.migrate.formats import NAMES, find_format
from traktauth.migrate.formats.foreign_login import ForeignLogin
from traktauth.migrate.login_file import read_file, write_file
from traktauth.models import App, Token

OWN = "traktauth"
DEFAULT_PATHS = {
    OWN: "file:traktauth.json",
    "pytrakt": ".pytrakt.json",
    "kometa": "config/config.yml",
    "homeassistant": ".storage/core.config_entries",
    "token": "token.json",
}
FORMATS = (OWN, *NAMES)
NEW_FILES = {
    "homeassistant": json.dumps(
        {
            "version": 1,
            "minor_version": 1,
            "key": "core.config_entries",
            "data": {
                "entries": [
                    {
                        "entry_id": "0123456789abcdef0123456789abcdef",
                        "version": 1,
                        "domain": "trakt_tv",
                        "title": "Trakt",
                        "data": {"auth_implementation": "trakt_tv", "token": {"token_type": "bearer"}},
                        "options": {},
                        "source": "user",
                        "unique_id": None,
                        "disabled_by": None,
                    }
                ]
            },
        }
    )
}
"""What a file holds before the login, for formats that cannot begin one."""


@dataclass(frozen=True, slots=True)
class LoginPlace:
    """Where a program expects its login, and in which format.

    Attributes:
        format: `traktauth`, or one of `traktauth.migrate.formats`.
        path: a file's path; for `traktauth` a store's address, such as `sqlite:logins.sqlite`.
    """

    format: str
    path: str

    def write(self, app: App, token: Token, folder: Path, *, replace: bool = False) -> dict[str, str]:
        """Write the login, and return the variables that lead `traktauth` to it.

        Args:
            app: the app that the token is for.
            token: with `expires_at`.
            folder: what a relative path is below; `~` is that folder as well.
            replace: whether the login of a file that exists is replaced; the rest of the file stays.

        Raises:
            FileExistsError: there is a file already, which could have a real login, and *replace* is not set.
            FormatError: the file is damaged, or another program's.
            LoginExists: the store has a login already, and *replace* is not set.
            OSError: the file cannot be written.
            StoreFailed: the store cannot be written.
            TraktAuthError: the file cannot be read or replaced, or the package for its format is not installed.
        """
        if self.format == OWN:
            scheme, _, path = self.path.partition(":")
            address = f"{scheme}:{_below(folder, path)}"
            with Trakt(app, service="trakt", store=address) as trakt:
                trakt.adopt(token, replace=replace)
            return {"TRAKTAUTH_STORE": address}
        file_path, login = _below(folder, self.path), ForeignLogin.of(app, token)
        if replace and file_path.exists():
            write_file(file_path, find_format(self.format).write(login, read_file(file_path).text))
            return {}
        text = find_format(self.format).write(login, NEW_FILES.get(self.format))
        file_path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        return {}


def read_login_place(text: str) -> LoginPlace:
    """Read `FORMAT` or `FORMAT:PATH`.

    Raises:
        ValueError: the format is unknown, or the path makes no sense.
    """
    name, _, path = text.partition(":")
    if name not in FORMATS:
        raise ValueError(f"{name!r} is not a format of logins; give one of {', '.join(FORMATS)}, as FORMAT:PATH")
    path = path or DEFAULT_PATHS[name]
    if name == OWN and not path.startswith(("file:", "sqlite:")):
        raise ValueError(f"{path!r} is not a store of one file; give traktauth:file:PATH or traktauth:sqlite:PATH")
    return LoginPlace(name, path)


def _below(folder: Path, path: str) -> Path:
    return folder / path.removeprefix("~/")
