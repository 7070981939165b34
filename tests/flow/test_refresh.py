"""A refresh on demand, though the token is fresh: once, and shared with callers that asked before it was saved."""

from __future__ import annotations

import pytest

from flow.changes import Begin, Cancel, Save
from flow.conversation import Conversation
from flow.setup import NOW, context, grant, record, refused, reply, token
from traktauth.errors import AppRejected, LoginRequired, StoreFailed, TryLater
from traktauth.flow.effects import BUSY, Load, Send, Shielded, WithLock
from traktauth.flow.refresh import refresh
from traktauth.models import Record
from traktauth.timeouts import LOCK_TIMEOUT

FRESH = token(left=900.0)


def demand(stored, **how):
    talk = Conversation(refresh(context(), **how))
    talk.expect(Load(), answer=stored)
    return talk


def test_a_fresh_token_is_refreshed():
    talk = demand(record(FRESH))
    talk.enter(WithLock, timeout=LOCK_TIMEOUT)
    talk.expect(Load(), answer=record(FRESH))
    talk.enter(Shielded)
    talk.expect(Begin(1, 1), answer=True)
    talk.expect(Send, answer=grant(2))
    assert talk.expect(Save, answer=True).token.generation == 2


def test_a_token_that_came_while_waiting_is_shared():
    talk = demand(record(FRESH))
    talk.enter(WithLock)
    talk.expect(Load(), answer=record(token(2, left=900)))
    assert talk.returns() == token(2, left=900)


def test_a_token_that_was_saved_after_the_caller_began_is_shared():
    assert demand(record(FRESH, saved_at=NOW), since=NOW - 1).returns() == FRESH
    demand(record(FRESH, saved_at=NOW - 1), since=NOW).enter(WithLock)
    demand(record(FRESH, saved_at=NOW)).enter(WithLock)


def test_a_token_of_a_host_whose_clock_is_ahead_or_that_was_rejected_is_not_shared():
    demand(record(FRESH, saved_at=NOW + 120), since=NOW - 1).enter(WithLock)
    demand(record(FRESH, saved_at=NOW, rejected_at=NOW), since=NOW - 1).enter(WithLock)


@pytest.mark.parametrize(("stored", "reason"), [(Record(), "never"), (Record(generation=3), "signed-out")])
def test_without_a_token_a_sign_in_is_required(stored, reason):
    assert demand(stored).raises(LoginRequired).reason == reason


def test_a_refresh_of_a_login_that_cannot_be_refreshed_says_why():
    assert (
        demand(record(FRESH, refreshable=False, not_refreshable_reason="x")).raises(LoginRequired).reason == "revoked"
    )
    assert demand(record(token(left=900, refresh=False))).raises(LoginRequired).reason == "expired"


@pytest.mark.parametrize(("answer", "error"), [(reply(429), TryLater), (refused(401, "invalid_client"), AppRejected)])
def test_a_failed_refresh_does_not_return_the_old_token(answer, error):
    talk = demand(record(FRESH))
    talk.enter(WithLock)
    talk.expect(Load(), answer=record(FRESH))
    talk.enter(Shielded)
    talk.expect(Begin(1, 1), answer=True)
    talk.expect(Send, answer=answer)
    talk.expect(Cancel(1, 1, None))
    talk.raises(error)


@pytest.mark.parametrize("lock", [{"answer": BUSY}, {"raising": StoreFailed("full disk")}], ids=["held", "store fails"])
def test_a_refresh_without_the_lock_does_not_return_the_old_token(lock):
    talk = demand(record(FRESH))
    talk.expect(WithLock, **lock)
    if "answer" in lock:
        talk.expect(Load(), answer=record(FRESH))
    talk.raises(TryLater if "answer" in lock else StoreFailed)


def test_forced_and_unforced_demands_are_not_shared():
    wishes = {demand(record(FRESH), resend=force).expect(WithLock).purpose for force in (True, False)}
    assert len(wishes) == 2
