"""From the answer to the store: a store that fails is asked for ten seconds; a late pair replaces no newer one."""

from __future__ import annotations

import pytest

from flow.conversation import Conversation
from flow.givens import Clock, grant, record, terms, token
from traktauth.errors import LoginRequired, StoreFailed
from traktauth.flow.effects import Begin, Exclusively, Keep, Load, Note, Save, Send, Shielded, Sleep
from traktauth.flow.lifecycle import usable_token
from traktauth.models import Record

LIVING, ENDED = token(left=10.0), token(left=-1.0)
FULL = StoreFailed("full disk")


def answered(old, clock=None):
    talk = Conversation(usable_token(terms(clock)))
    talk.expect(Load(), answer=record(old))
    talk.enter(Exclusively)
    talk.expect(Load(), answer=record(old))
    talk.enter(Shielded)
    talk.expect(Begin(1, 1), answer=True)
    talk.expect(Send, answer=grant(2))
    return talk


def test_a_save_that_fails_is_tried_again_a_moment_later():
    clock = Clock()
    talk = answered(ENDED, clock)
    first = talk.expect(Save, raising=FULL)
    talk.expect(Sleep(0.25))
    clock.pass_by(0.25)
    assert talk.expect(Save, answer=True) == first
    talk.expect(Note)
    assert talk.returns() == first.token


@pytest.mark.parametrize("old", [LIVING, ENDED])
def test_after_ten_seconds_the_pair_is_held_in_memory_and_the_caller_is_told(old):
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
    talk.expect(Keep(save.token, after=1))
    assert talk.raises(StoreFailed).kept


def test_a_wall_clock_that_jumps_does_not_cut_the_ten_seconds():
    clock = Clock()
    talk = answered(ENDED, clock)
    clock.jump(1e6)
    talk.expect(Save, raising=StoreFailed("full disk"))
    talk.expect(Sleep)


@pytest.mark.parametrize("old", [LIVING, ENDED])
def test_a_pair_that_comes_too_late_is_reported_and_the_newer_one_used(old):
    talk = answered(old)
    talk.expect(Save, answer=False)
    assert talk.expect(Note).warning
    talk.expect(Load(), answer=record(token(5, left=900)))
    assert talk.returns() == token(5, left=900)


def test_a_pair_that_comes_after_a_sign_out_is_not_used():
    talk = answered(ENDED)
    talk.expect(Save, answer=False)
    talk.expect(Note)
    talk.expect(Load(), answer=Record(generation=1))
    assert talk.raises(LoginRequired).reason == "signed-out"


def test_a_saved_pair_ends_the_rest_after_an_earlier_failure():
    clock = Clock()
    given = terms(clock)
    given.rest.until = clock.steady + 30
    talk = Conversation(usable_token(given))
    talk.expect(Load(), answer=record(ENDED))
    talk.enter(Exclusively)
    talk.expect(Load(), answer=record(ENDED))
    talk.enter(Shielded)
    talk.expect(Begin(1, 1), answer=True)
    talk.expect(Send, answer=grant(2))
    talk.expect(Save, answer=True)
    talk.expect(Note)
    talk.returns()
    assert given.rest.until < clock.steady
