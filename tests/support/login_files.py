"""Login files of other programs, with a token of a local Trakt."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from traktauth.migrate.login_file import read_file
from traktauth.migrate.transfer import Source

if TYPE_CHECKING:
    from pathlib import Path

    from traktauth.testing import LocalTrakt

KOMETA = """\
# my Kometa
libraries:
  Größe ☃:   # mine
    metadata_path: 'a "quoted" path'
trakt:
  client_id: {client_id}
  client_secret: {client_secret}
  authorization:
    # everything below is autofilled by the script
    access_token: {access_token}
    token_type: Bearer
    expires_in: {expires_in}
    refresh_token: {refresh_token}
    scope: {scope}
    created_at: {created_at}
  pin:
"""


def login_text(name: str, server: LocalTrakt, username: str = "sean") -> str:
    """Return a file of a format that holds a new login."""
    now = server.clock()
    token = server.sign_in(username)
    app = {"client_id": server.app.client_id, "client_secret": server.app.client_secret}
    if name == "kometa":
        return KOMETA.format(**{"scope": "public", **token, **app, "created_at": int(now)})
    if name == "homeassistant":
        mine = {**token, "expires_at": now + token["expires_in"]}
        other = {"domain": "spotify", "data": {"token": {"access_token": "x", "refresh_token": "y"}}}
        entry = {"domain": "trakt_tv", "data": {"auth_implementation": "trakt_tv", **app, "token": mine}}
        return json.dumps({"version": 1, "data": {"entries": [other, entry]}}, indent=2)
    if name == "token":
        return json.dumps({**token, "created_at": int(now)})
    values = {
        "APPLICATION_ID": None,
        "CLIENT_ID": app["client_id"],
        "CLIENT_SECRET": app["client_secret"],
        "OAUTH_EXPIRES_AT": int(now + token["expires_in"]),
        "OAUTH_REFRESH": token["refresh_token"],
        "OAUTH_TOKEN": token["access_token"],
    }
    return json.dumps(values)


def write_pytrakt(path: Path, server: LocalTrakt) -> Path:
    """Write a login as PyTrakt does."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(login_text("pytrakt", server))
    return path


def source_of(path: Path, name: str = "pytrakt") -> Source:
    """Return a file as `import_from` takes it."""
    file = read_file(path)
    return Source(name, file.text, file)


def command_environment(server: LocalTrakt, folder: Path, store: str) -> dict[str, str]:
    """Return the environment of `traktauth` and PyTrakt with a home folder of their own."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("TRAKTAUTH_", "XDG_"))}
    return mine | {
        "HOME": str(folder / "home"),
        "TRAKTAUTH_SERVICE": server.url,
        "TRAKTAUTH_STORE": store,
        "TRAKTAUTH_CLIENT_ID": server.app.client_id,
        "TRAKTAUTH_CLIENT_SECRET": server.app.client_secret or "",
        "OAUTHLIB_INSECURE_TRANSPORT": "1",
    }
