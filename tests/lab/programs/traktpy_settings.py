"""A program over trakt.py, as its examples show one: the login is Trakt's response, in ~/token.json."""

import json
import os
import pathlib
import sys

from trakt import Trakt

FILE = pathlib.Path.home() / "token.json"


def save(_username, authorization):
    """Keep a token that trakt.py has refreshed."""
    FILE.write_text(json.dumps(authorization))


Trakt.configuration.defaults.client(id=os.environ["TRAKT_CLIENT_ID"], secret=os.environ["TRAKT_CLIENT_SECRET"])
Trakt.http.session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True  # trakt.py does not read it by itself
Trakt.on("oauth.refresh", save)
with Trakt.configuration.oauth.from_response(json.loads(FILE.read_text()), refresh=True):
    settings = Trakt["users/settings"].get(exceptions=False)
print(settings["user"]["username"] if settings else "not signed in")
sys.exit(0 if settings else 1)
