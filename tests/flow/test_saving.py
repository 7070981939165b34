"""From the answer to the store: a store that fails is asked for ten seconds; a late pair replaces no newer one."""

from __future__ import annotations

import pytest

from flow.changes import Save
from flow.conversation import may_send, under_lock
from flow.setup import LIFE, Clock, context, grant, record, token
from traktauth.errors import LoginRequired, StoreFailed
from traktauth.flow.effects import HoldUnsaved, Load, LogMessage, Send, Sleep, WithLock
from traktauth.flow.get_token import get_token
from traktauth.models import Record

LIVING, ENDED = token(left=10.0), token(left=-1.0)
FULL = StoreFailed("full disk")


def test_a_token_that_expired_while_it_was_being_saved_is_refreshed_again():
    """As in a database that another program kept locked: another process may have refreshed it by now."""
    clock = Clock()
    talk = under_lock(get_token(context(clock)), record(token(left=-1.0)))
    may_send(talk, 1, 1)
    talk.expect(Send, answer=grant(2))
    talk.expect(Save, answer=True)
    clock.pass_by(LIFE + 1)
    talk.expect(LogMessage)
    talk.enter(WithLock)
    newer = token(3, left=2 * LIFE)
    talk.expect(Load(), answer=record(newer))
    assert talk.returns() == newer


def answered(old, clock=None):
    talk = under_lock(get_token(context(clock)), record(old))
    may_send(talk, 1, 1)
    talk.expect(Send, answer=grant(2))
    return talk


def test_a_save_that_fails_is_tried_again_a_moment_later():
    clock = Clock()
    talk = answered(ENDED, clock)
    first = talk.expect(Save, raising=FULL)
    talk.expect(Sleep(0.25))
    clock.pass_by(0.25)
    assert talk.expect(Save, answer=True) == first
    talk.expect(LogMessage)
    assert talk.returns() == first.token


@pytest.mark.parametrize("old", [LIVING, ENDED])
def test_after_ten_seconds_the_token_is_held_in_memory_and_the_caller_is_informed(old):
    clock = Clock()
    talk = answered(old, clock)
    tries = 0
    while clock.steady < 5010:
        save = talk.expect(Save, raising=StoreFailed("full disk"))
        talk.expect(Sleep(0.25))
        clock.pass_by(0.25)
        tries += 1
    assert tries == 40
    talk.expect(save, raising=FULL)
    talk.expect(HoldUnsaved(save.token, after=1))
    assert talk.raises(StoreFailed).kept


@pytest.mark.parametrize("old", [LIVING, ENDED])
def test_a_late_token_is_reported_and_the_newer_one_used(old):
    talk = answered(old)
    talk.expect(Save, answer=False)
    assert talk.expect(LogMessage).warning
    talk.expect(Load(), answer=record(token(5, left=900)))
    assert talk.returns() == token(5, left=900)


def test_a_token_that_comes_after_a_sign_out_is_not_used():
    talk = answered(ENDED)
    talk.expect(Save, answer=False)
    talk.expect(LogMessage)
    talk.expect(Load(), answer=Record(generation=1))
    assert talk.raises(LoginRequired).reason == "signed-out"


def test_a_saved_token_ends_the_pause_after_a_failure():
    clock = Clock()
    given = context(clock)
    given.cooldown.until = clock.steady + 30
    talk = under_lock(get_token(given), record(ENDED))
    may_send(talk, 1, 1)
    talk.expect(Send, answer=grant(2))
    talk.expect(Save, answer=True)
    talk.expect(LogMessage)
    talk.returns()
    assert given.cooldown.until < clock.steady
