"""A token becomes an account's login: after a sign-in, adopted, or taken over from another program."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from traktauth.errors import LoginExists, StoreFailed
from traktauth.flow.common import RETRY_PAUSE, retry_store
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import (
    BUSY,
    Apply,
    CheckWritable,
    Flow,
    HoldUnsaved,
    Load,
    LogMessage,
    Shielded,
    Sleep,
    WithLock,
)
from traktauth.flow.moved_login import check_not_moved
from traktauth.flow.user import save_user
from traktauth.models import Record, Token, User
from traktauth.models.changes import SaveToken
from traktauth.timeouts import LOCK_TIMEOUT

_TYPES: dict[str, tuple[type, ...]] = {
    "access_token": (str,),
    "refresh_token": (str, type(None)),
    "token_type": (str,),
    "expires_in": (int,),
    "created_at": (int, type(None)),
    "expires_at": (int, float),
    "scope": (str,),
}
_ANOTHER_ACCOUNT = "Import it as another account: --account NAME; or take its place: --replace"


def save_login(context: FlowContext, token: Token, *, check: Callable[[Record], None] | None = None) -> Flow[Token]:
    """Save the first token of a login in place of what is stored; an old token is not revoked.

    Args:
        context: of the login.
        token: the token.
        check: raises if the stored record must not be replaced.

    Raises:
        LoginMoved: another store has the account's login; nothing was saved.
        StoreFailed: the token could not be saved within `SAVE_TIMEOUT`; it is held in memory, and saved later.
    """
    outcome = yield from WithLock(partial(_save, context, token, check), timeout=LOCK_TIMEOUT)
    if outcome is BUSY:
        # The lock only orders callers. Whether a token is saved depends on the generation, so none is thrown away.
        return (yield from _save(context, token, check))
    return outcome


def _save(context: FlowContext, token: Token, check: Callable[[Record], None] | None) -> Flow[Token]:
    while True:
        record = yield from retry_store(context, Load())
        check_not_moved(record)
        if check is not None:
            check(record)
        new = replace(token, generation=record.generation + 1)
        save = Apply(SaveToken(new, record.generation, context.clock(), is_sign_in=True))
        try:
            is_saved = yield from retry_store(context, save)
        except StoreFailed as error:
            yield from HoldUnsaved(new, after=record.generation, is_sign_in=True)
            error.kept = True
            raise
        if is_saved:
            text = f"signed in, {new.fingerprint}, generation {new.generation}"
            yield from LogMessage(text, event="signed-in", generation=new.generation)
            return new
        yield from Sleep(RETRY_PAUSE)


# ---------------------------------------------------------------- tokens from elsewhere
def adopt(context: FlowContext, token: Token, *, replace_login: bool = False) -> Flow[Token]:
    """Save a token that was obtained elsewhere as this account's login.

    Args:
        context: of the login.
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
    check = None if replace_login else partial(_check_free, context)
    return (yield from save_login(context, _with_expiry(token), check=check))


def import_login(
    context: FlowContext, token: Token, user: User | None, *, replace_login: bool, hand_over: Callable[[], None]
) -> Flow[Token]:
    """Save another program's token as this account's login; the flow is not interrupted.

    Args:
        context: of the login.
        token: with its expiry.
        user: whose it is; None if that is not known.
        replace_login: take the place of a login that is still valid; that one is not revoked.
        hand_over: takes the refresh token away from the other program; called under the login's lock before the token
            is saved.

    Raises:
        LoginExists: a login is still valid, or can be refreshed.
        StoreFailed: the store cannot keep it.
    """
    is_handed_over = False

    def check(record: Record) -> None:
        nonlocal is_handed_over
        if is_handed_over:
            return  # saving is tried again
        if not replace_login:
            _check_free(context, record, hint=_ANOTHER_ACCOUNT)
        hand_over()
        is_handed_over = True

    def save() -> Flow[Token]:
        saved = yield from save_login(context, token, check=check)
        yield from save_user(saved, user)
        return saved

    yield from CheckWritable()
    return (yield from Shielded(save))


def _check_free(context: FlowContext, record: Record, *, hint: str | None = None) -> None:
    if record.token is not None and is_login_usable(record, context.clock()):
        found = f"token {record.token.fingerprint}, generation {record.generation}"
        raise LoginExists(f"The account has a login already ({found})", hint=hint)


def is_login_usable(record: Record, now: float) -> bool:
    """Return whether a record has a token that is still valid, or can be refreshed."""
    token = record.token
    if token is None:
        return False
    is_valid = token.expires_at > now and record.rejected_at is None
    return is_valid or (record.refreshable and token.refresh_token is not None)


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
