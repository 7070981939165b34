"""A token that was obtained elsewhere becomes an account's login."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from traktauth.errors import LoginExists
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import Flow
from traktauth.flow.save_login import save_login
from traktauth.models import Record, Token

_TYPES: dict[str, tuple[type, ...]] = {
    "access_token": (str,),
    "refresh_token": (str, type(None)),
    "token_type": (str,),
    "expires_in": (int,),
    "created_at": (int, type(None)),
    "expires_at": (int, float),
    "scope": (str,),
}


def adopt(context: FlowContext, token: Token, *, replace_login: bool = False) -> Flow[Token]:
    """Save a token as this account's login.

    Args:
        context: the context.
        token: of this app; its `generation` is ignored.
        replace_login: take the place of a login that is still valid; that one is not revoked.

    Raises:
        LoginExists: a login is still valid, or can be refreshed.
        TypeError: the token is not a `Token`, or a value in it has another type.
        ValueError: the token has no expiry or no access token.
        StoreFailed: the store cannot keep it.
    """
    if not isinstance(token, Token):  # pyright: ignore[reportUnnecessaryIsInstance] - Trakt's own response, say
        raise TypeError(f"adopt needs a traktauth.Token(access_token=…, …), not {type(token).__name__}")
    token = _with_expiry(token)
    check = None if replace_login else partial(_check_free, context)
    return (yield from save_login(context, token, check=check))


def _with_expiry(token: Token) -> Token:
    for name, kinds in _TYPES.items():
        if type(getattr(token, name)) not in kinds:
            wanted = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
            raise TypeError(f"The token's {name} must be {wanted}, not {type(getattr(token, name)).__name__}")
    if not token.access_token:
        raise ValueError("The token to adopt has no access_token")
    if token.expires_at > 0 and math.isfinite(token.expires_at):
        return token
    if token.created_at is None or token.expires_in <= 0:
        raise ValueError("The token to adopt has no expiry: give it expires_at, or both created_at and expires_in")
    return replace(token, expires_at=float(token.created_at + token.expires_in))


def _check_free(context: FlowContext, record: Record) -> None:
    if record.token is not None and is_login_usable(record, context.clock()):
        raise LoginExists(
            f"The account has a login already (token {record.token.fingerprint}, generation {record.generation})"
        )


def is_login_usable(record: Record, now: float) -> bool:
    """Return whether a record has a token that is still valid, or can be refreshed."""
    token = record.token
    if token is None:
        return False
    is_valid = token.expires_at > now and record.rejected_at is None
    return is_valid or (record.refreshable and token.refresh_token is not None)
