"""`traktauth token` where the file store has a fresh one: the same lookup and the same output, without click.

Whatever is asked for in another way, or is not as expected, is left to the whole command, which words every problem.
"""

from __future__ import annotations

import time

from traktauth.cli.stream import emit, emit_json
from traktauth.client.settings import read_settings
from traktauth.errors import TraktAuthError
from traktauth.flow.windows import Window, window
from traktauth.models import Login, Token

_VALUED = {"--account", "--service", "--store", "--min-life"}


def print_fresh_token(arguments: list[str]) -> int | None:
    """Print a fresh token from a file and return the exit status; None where it is not asked for, or not there."""
    options = read_plainly(arguments)
    if options is None:
        return None
    min_life = options.pop("min_life", "0")
    if not min_life.isascii() or not min_life.isdecimal():
        return None
    as_json = options.pop("json", None) is not None
    try:
        token = _fresh(options, float(min_life))
    except (TraktAuthError, ValueError, OSError):
        return None
    if token is None:
        return None
    try:
        emit_json(token_document(token)) if as_json else emit(token.access_token)
    except (BrokenPipeError, TraktAuthError) as error:
        from traktauth.cli.exits import ended  # noqa: PLC0415 - it imports click

        return ended(error, as_json=as_json)
    return 0


def read_plainly(arguments: list[str]) -> dict[str, str] | None:
    """Return the options where they are written in the plainest way (`--account NAME`), each once; else None."""
    options: dict[str, str] = {}
    rest = iter(arguments)
    for word in rest:
        name = word.removeprefix("--").replace("-", "_")
        if word == "--json":
            value: str | None = ""
        elif word in _VALUED:
            value = next(rest, None)
        else:
            return None
        if value is None or name in options or (value.startswith("-") and word != "--json"):
            return None
        options[name] = value
    return options


def _fresh(options: dict[str, str], min_life: float) -> Token | None:
    settings = read_settings(None, **options)
    if not settings.store.startswith("file:"):
        return None
    from traktauth.stores.addresses import open_store  # noqa: PLC0415 - only for a file

    login = Login(settings.find_service().realm, settings.app().client_id, settings.account)
    token = open_store(settings.store).load(login).token
    now = time.time()
    good = token is not None and window(token, now) is Window.FRESH and token.expires_at - now >= min_life
    return token if good else None


def token_document(token: Token) -> dict[str, object]:
    """Return what `traktauth token --json` prints."""
    return {
        "access_token": token.access_token,
        "token_type": token.token_type,
        "expires_at": token.expires_at,
        "expires_in": token.expires_in,
        "created_at": token.created_at,
        "scope": token.scope,
        "generation": token.generation,
    }
