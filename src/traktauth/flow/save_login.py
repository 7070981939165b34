"""Saving the first token of a login."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from traktauth.errors import LoginMoved, StoreFailed
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import BUSY, Apply, Flow, HoldUnsaved, Load, LogMessage, Sleep, WithLock
from traktauth.flow.moved_login import check_not_moved
from traktauth.models import Record, Token
from traktauth.models.changes import SaveToken
from traktauth.timeouts import LOCK_TIMEOUT, SAVE_TIMEOUT


def save_login(context: FlowContext, token: Token, *, check: Callable[[Record], None] | None = None) -> Flow[Token]:
    """Save the first token of a login in place of what is stored; an old token is not revoked.

    Args:
        context: the context.
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
    until = context.monotonic() + SAVE_TIMEOUT
    new: Token | None = None
    while True:
        try:
            record = yield from Load()
            check_not_moved(record)
            if check is not None:
                check(record)
            new = replace(token, generation=record.generation + 1)
            if (yield from Apply(SaveToken(new, record.generation, context.clock(), is_sign_in=True))):
                yield from LogMessage(
                    f"signed in, {new.fingerprint}, generation {new.generation}",
                    event="signed-in",
                    generation=new.generation,
                )
                return new
        except LoginMoved:
            raise
        except StoreFailed as error:
            if context.monotonic() >= until:
                if new is not None:
                    yield from HoldUnsaved(new, after=new.generation - 1, is_sign_in=True)
                    error.kept = True
                raise
        yield from Sleep(0.25)
