"""PyTrakt as a program of its own: runs in its own environment, unchanged but for its base address.

Usage: pytrakt_driver.py BASE CONFIG_FILE STEP [ARGUMENT …], several steps in one process separated by `+`.
Steps: `pin ID SECRET CODE`, `device ID SECRET`, `oauth ID SECRET USERNAME`, `settings`. Each ends with a line of JSON.
"""

import json
import sys

import trakt.core
from trakt.users import get_user_settings


def sign_in(method, client_id, client_secret, *arguments, **options):
    """Sign in as PyTrakt does, keeping the login in its own file."""
    trakt.core.AUTH_METHOD = method
    trakt.core.init(*arguments, client_id=client_id, client_secret=client_secret, store=True, **options)
    config = trakt.core.config()
    say({"access_token": config.OAUTH_TOKEN, "refresh_token": config.OAUTH_REFRESH})


def settings():
    """Call the API; PyTrakt renews first where it thinks it must."""
    username = get_user_settings()["user"]["username"]
    say({"username": username, "access_token": trakt.core.config().OAUTH_TOKEN})


def say(data):
    """Answer the test."""
    print(json.dumps(data), flush=True)


STEPS = {
    "pin": lambda client_id, secret, code: sign_in(trakt.core.PIN_AUTH, client_id, secret, pin=code),
    "device": lambda client_id, secret: sign_in(trakt.core.DEVICE_AUTH, client_id, secret),
    "oauth": lambda client_id, secret, username: sign_in(trakt.core.OAUTH_AUTH, client_id, secret, username=username),
    "settings": settings,
}


def main(base, config, *words):
    """Do the steps in turn."""
    trakt.core.BASE_URL = base + "/"
    trakt.core.CONFIG_PATH = config
    for step in " ".join(words).split(" + "):
        name, *arguments = step.split()
        STEPS[name](*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
