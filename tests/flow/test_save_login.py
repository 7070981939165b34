"""The end of a sign-in: its pair takes the place of whatever was there, and the generation only grows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flow.changes import Save
from flow.conversation import Conversation
from flow.setup import Clock, context, record, token, unconfirmed
from traktauth.errors import StoreFailed
from traktauth.flow.effects import BUSY, HoldUnsaved, Load, LogMessage, Sleep, WithLock
from traktauth.flow.save_login import save_login
from traktauth.models import Record
from traktauth.timeouts import LOCK_TIMEOUT

FIRST = token(0)


def locked(clock=None):
    talk = Conversation(save_login(context(clock), FIRST))
    talk.enter(WithLock, timeout=LOCK_TIMEOUT, purpose=None)
    return talk


@pytest.mark.parametrize(
    "stored",
    [
        Record(),
        Record(generation=7),
        record(token(7)),
        unconfirmed(token(7)),
        record(token(7), refreshable=False, not_refreshable_reason="a sign-out was begun"),
    ],
)
def test_a_sign_in_continues_the_generation_of_the_record(stored):
    talk = locked()
    talk.expect(Load(), answer=stored)
    new = replace(FIRST, generation=stored.generation + 1)
    talk.expect(Save(new, after=stored.generation), answer=True)
    note = talk.expect(LogMessage).message
    assert new.fingerprint in note
    assert new.access_token not in note
    assert talk.returns() == new


def test_a_sign_in_is_saved_without_a_lock_if_the_lock_is_held():
    talk = Conversation(save_login(context(), FIRST))
    talk.expect(WithLock, answer=BUSY)
    talk.expect(Load(), answer=record(token(7)))
    talk.expect(Save(replace(FIRST, generation=8), after=7), answer=True)
    talk.expect(LogMessage)
    assert talk.returns().generation == 8


def test_a_sign_in_continues_the_generation_of_a_token_saved_meanwhile():
    talk = locked()
    talk.expect(Load(), answer=record(token(7)))
    talk.expect(Save, answer=False)
    talk.expect(Sleep)
    talk.expect(Load(), answer=record(token(8)))
    talk.expect(Save(replace(FIRST, generation=9), after=8), answer=True)
    talk.expect(LogMessage)
    assert talk.returns().generation == 9


def test_a_token_is_held_in_memory_if_the_store_fails_for_ten_seconds():
    clock = Clock()
    talk = locked(clock)
    talk.expect(Load(), answer=Record(generation=7))
    for _ in range(40):
        talk.expect(Save, raising=StoreFailed("full disk"))
        talk.expect(Sleep(0.25))
        clock.pass_by(0.25)
    talk.expect(Save, raising=StoreFailed("full disk"))
    talk.expect(HoldUnsaved(replace(FIRST, generation=8), after=7, is_sign_in=True))
    assert talk.raises(StoreFailed).kept


def test_a_store_that_cannot_be_read_leaves_nothing_to_hold():
    clock = Clock()
    talk = locked(clock)
    talk.expect(Load(), raising=StoreFailed("gone"))
    talk.expect(Sleep)
    clock.pass_by(11)
    talk.expect(Load(), raising=StoreFailed("gone"))
    assert not talk.raises(StoreFailed).kept
