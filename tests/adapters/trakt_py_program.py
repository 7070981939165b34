"""A program on trakt.py that has its login from traktauth."""

from trakt import Trakt

import traktauth

with traktauth.Trakt.from_env() as login:
    Trakt.base_url = login.api_url
    Trakt.configuration.defaults.client(id=login.status().client_id)
    with Trakt.configuration.oauth(login.token().access_token):
        print(Trakt["users/settings"].get()["user"]["username"])
