"""`traktauth token` for a fresh token of the file store, without importing click.

Scripts call it in loops, and importing click doubles its time. Arguments in another form than `--name VALUE`, and every
error, are left to the click command, which words each problem.
"""

from __future__ import annotations

from typing import Any

from traktauth.cli.common_options import CommonOptions
from traktauth.cli.output import print_data, print_json
from traktauth.errors import TraktAuthError
from traktauth.models import LoginKey, Token
from traktauth.models.refresh_window import RefreshWindow, refresh_window
from traktauth.stores.open import open_store

_FLAGS = {f"--{name.replace('_', '-')}": name for name in ("account", "service", "store", "json", "min_life")}


def run_token(arguments: list[str]) -> int | None:
    """Print a fresh token of the file store and return the exit status; None to leave it to the click command."""
    values = parse_plain_options(arguments)
    if values is None:
        return None
    min_life = values.pop("min_life", "0")
    if not min_life.isascii() or not min_life.isdecimal():
        return None
    as_json = values.pop("json", "") != ""
    try:
        token = _load_fresh_token(CommonOptions(**values), float(min_life))
    except (TraktAuthError, ValueError, OSError):
        return None
    if token is None:
        return None
    try:
        print_token(token, as_json=as_json)
    except (BrokenPipeError, TraktAuthError) as error:
        from traktauth.cli.exit_codes import end_with_error  # noqa: PLC0415 - only for an error

        return end_with_error(error, as_json=as_json)
    return 0


def parse_plain_options(arguments: list[str]) -> dict[str, Any] | None:
    """Return the values of options written as `--name VALUE`, each at most once; None for any other form."""
    values: dict[str, Any] = {}
    rest = iter(arguments)
    for word in rest:
        name = _FLAGS.get(word)
        value = word if name == "json" else next(rest, "-")
        if name is None or name in values or (name != "json" and value.startswith("-")):
            return None
        values[name] = value
    return values


def _load_fresh_token(options: CommonOptions, min_life: float) -> Token | None:
    settings = options.settings()
    if not settings.store.startswith("file:"):
        return None

    login = LoginKey(settings.find_service().realm, settings.app().client_id, settings.account)
    record = open_store(settings.store).load(login)
    token = record.token
    if token is None or record.rejected_at is not None:
        return None
    now = settings.clock()()
    is_fresh = refresh_window(token, now) is RefreshWindow.FRESH and token.expires_at - now >= min_life
    return token if is_fresh else None


def print_token(token: Token, *, as_json: bool) -> None:
    """Print an access token, or its members as JSON."""
    if not as_json:
        print_data(token.access_token)
        return
    print_json(
        {
            "access_token": token.access_token,
            "token_type": token.token_type,
            "expires_at": token.expires_at,
            "expires_in": token.expires_in,
            "created_at": token.created_at,
            "scope": token.scope,
            "generation": token.generation,
        }
    )
