"""Login files of other programs, with a token of a local Trakt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
