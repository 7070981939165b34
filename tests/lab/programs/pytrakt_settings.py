"""A program over PyTrakt, as its documentation shows one: the login is in ~/.pytrakt.json."""

from trakt.users import get_user_settings

print(get_user_settings()["user"]["username"])
