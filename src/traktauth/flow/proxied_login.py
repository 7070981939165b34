"""Logins of programs behind `traktauth proxy`: whose a login is, and a grant that is saved before a program has it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from traktauth.errors import StoreFailed, TraktAuthError, TryLater
from traktauth.flow.common import load_token, perform
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import CheckWritable, Flow, ForAccount, LoadAccounts, LogMessage, Shielded
from traktauth.flow.save_login import is_login_usable, save_login
from traktauth.flow.user import read_user, save_user
from traktauth.models import Record, Token, User
from traktauth.models.token import fingerprint
from traktauth.wire.messages import Request, Response
from traktauth.wire.token_endpoint import GRANTED, parse_token_response


def identify(context: FlowContext) -> Flow[None]:
    """Keep whose login it is with it.

    Raises:
        LoginRequired: there is no token.
        TryLater: the API cannot be reached, or rejects the token.
    """
    _, token = yield from load_token()
    found = yield from read_user(context, token.access_token)
    if found is None:
        raise TryLater("Trakt's API does not say whose login it is")
    yield from save_user(token, found[0])


def keep_grant(context: FlowContext, request: Request, *, account: str) -> Flow[tuple[Response, str | None]]:
    """Send a program's request for a token, and save what it is granted; the flow is not interrupted.

    Args:
        context: of the program's app.
        request: for a token, as the program sent it.
        account: where a user's first login is saved, if no other user's is there.

    Returns:
        The response, and the account that the token was saved as; None if none was granted.

    Raises:
        StoreFailed: the store cannot save; shown before anything is sent, else the token is held in memory.
        TryLater: Trakt cannot be reached.
        UnexpectedReply: the token in the response cannot be read.
    """
    yield from CheckWritable()
    return (yield from Shielded(partial(_send_and_save, context, request, account)))


def _send_and_save(context: FlowContext, request: Request, account: str) -> Flow[tuple[Response, str | None]]:
    sent_at = context.clock()
    response = yield from perform(request)
    if response.status not in GRANTED:
        return response, None
    token = parse_token_response(response, sent_at=sent_at)
    user = None
    try:
        found = yield from read_user(context, token.access_token)
        user = None if found is None else found[0]
    except TraktAuthError as error:
        yield from LogMessage(f"the user's name could not be read: {error.message}", event="user-unknown")
    known = {key.account: record for key, record in (yield from LoadAccounts())}
    chosen = _find_account(known, user)
    if chosen is None:
        secret = token.refresh_token or token.access_token
        chosen = choose_free_account(known.get(account), account, secret, now=context.clock())
    yield from ForAccount(chosen, partial(_save, context, token, user))
    return response, chosen


def _find_account(known: Mapping[str, Record | StoreFailed], user: User | None) -> str | None:
    """Return the account of the user's login, also of one that has ended."""
    if user is None or user.uuid is None:
        return None
    for account, record in known.items():
        if isinstance(record, Record) and user.uuid in (record.user and record.user.uuid, record.digests.user):
            return account
    return None


def choose_free_account(record: Record | StoreFailed | None, account: str, secret: str, *, now: float) -> str:
    """Return an account if no login is there that a program uses, else a name made from a secret of the new one."""
    is_free = record is None or (
        isinstance(record, Record)
        and record.moved_to is None
        and (record.token is None or not (record.digests.placeholders or is_login_usable(record, now)))
    )
    return account if is_free else f"proxy-{fingerprint(secret)}"


def _save(context: FlowContext, token: Token, user: User | None) -> Flow[None]:
    saved = yield from save_login(context, token)
    yield from save_user(saved, user)
