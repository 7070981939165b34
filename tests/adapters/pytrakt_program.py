"""A program on PyTrakt that has its login from traktauth: two lines more."""

import trakt.core
from trakt.users import get_user_settings

from traktauth import Trakt
from traktauth.adapters.requests import TraktAuth

with Trakt.from_env() as login:
    trakt.core.BASE_URL = login.api_url + "/"
    trakt.core.CLIENT_ID = login.status().client_id
    trakt.core.api().auth = TraktAuth(login)
    print(get_user_settings()["user"]["username"])
