"""A refresh that was sent and not answered: when it may be sent again, by whom, how often."""

from __future__ import annotations

import pytest

from flow.conversation import Conversation
from flow.givens import DEAD, NOW, YEAR, Clock, grant, record, reply, terms, token, unconfirmed
from traktauth.errors import LoginRequired, TryLater
from traktauth.flow.effects import Begin, Exclusively, Load, Mark, NoReply, Note, Save, Send, Shielded
from traktauth.flow.lifecycle import refresh, usable_token
from traktauth.models import Renewal

SETTINGS = ["last-attempt", "sign-in", "resend"]
LIVING, ENDED = token(left=10.0), token(left=-1.0)


def locked(lost_reply, old, *, attempt=1, clock=None, **wanted):
    stored = unconfirmed(old, attempt)
    talk = Conversation(usable_token(terms(clock, lost_reply=lost_reply), **wanted))
    talk.expect(Load(), answer=stored)
    talk.enter(Exclusively)
    talk.expect(Load(), answer=stored)
    return talk


def may_send(talk, attempt):
    talk.enter(Shielded)
    talk.expect(Begin(1, attempt), answer=True)
    return talk


@pytest.mark.parametrize("lost_reply", ["last-attempt", "sign-in"])
@pytest.mark.parametrize("attempt", [1, 2])
def test_while_the_access_token_lives_nothing_is_sent_again(lost_reply, attempt):
    assert locked(lost_reply, LIVING, attempt=attempt).returns() == LIVING


@pytest.mark.parametrize("lost_reply", ["last-attempt", "sign-in"])
def test_while_the_access_token_lives_a_renewal_on_demand_waits_for_its_end(lost_reply):
    talk = Conversation(refresh(terms(lost_reply=lost_reply)))
    talk.expect(Load(), answer=unconfirmed(LIVING))
    talk.enter(Exclusively)
    talk.expect(Load(), answer=unconfirmed(LIVING))
    error = talk.raises(TryLater)
    assert error.retry_after == 10
    assert "traktauth refresh --force" in error.hint


def test_after_the_end_one_last_attempt_is_made():
    talk = may_send(locked("last-attempt", ENDED), attempt=2)
    talk.expect(Send, answer=grant(2))
    assert talk.expect(Save, answer=True).token.generation == 2


def test_after_the_last_attempt_a_sign_in_is_required_whoever_made_it():
    error = locked("last-attempt", ENDED, attempt=2).raises(LoginRequired)
    assert error.reason == "reply-lost"
    assert "traktauth login" in error.hint


def test_a_last_attempt_that_is_refused_says_what_it_cost():
    talk = may_send(locked("last-attempt", ENDED), attempt=2)
    talk.expect(Send, answer=DEAD)
    talk.expect(Load(), answer=unconfirmed(ENDED, 2))
    talk.expect(Mark(1, "its refresh token was spent by a renewal whose answer was lost"))
    talk.expect(Note)
    assert talk.raises(LoginRequired).reason == "reply-lost"


LOST = [NoReply(sent=True, reason="cut"), reply(503), reply(200)]


@pytest.mark.parametrize("answer", LOST, ids=["cut", "503", "unreadable"])
def test_a_last_attempt_whose_answer_is_lost_too_is_not_repeated_and_says_sign_in(answer):
    talk = may_send(locked("last-attempt", ENDED), attempt=2)
    talk.expect(Send, answer=answer)
    talk.expect(Load(), answer=unconfirmed(ENDED, 2))
    talk.expect(Note)
    error = talk.raises(LoginRequired)
    assert (error.reason, error.unconfirmed) == ("reply-lost", True)
    assert "the last attempt" in error.message
    assert "traktauth login" in error.hint
    assert locked("last-attempt", ENDED, attempt=2).raises(LoginRequired).reason == "reply-lost"


@pytest.mark.parametrize(
    ("lost_reply", "kind"), [("last-attempt", TryLater), ("sign-in", LoginRequired), ("resend", TryLater)]
)
def test_what_is_said_of_a_lost_answer_is_what_the_next_call_does(lost_reply, kind):
    talk = Conversation(usable_token(terms(lost_reply=lost_reply)))
    talk.expect(Load(), answer=record(ENDED))
    talk.enter(Exclusively)
    talk.expect(Load(), answer=record(ENDED))
    may_send(talk, attempt=1).expect(Send, answer=LOST[0])
    talk.expect(Load(), answer=unconfirmed(ENDED))
    talk.expect(Note)
    assert talk.raises(kind).unconfirmed
    again = locked(lost_reply, ENDED)
    if kind is LoginRequired:
        again.raises(kind)
    else:
        may_send(again, attempt=2)


def test_with_sign_in_it_is_never_sent_again():
    assert locked("sign-in", ENDED).raises(LoginRequired).reason == "reply-lost"


@pytest.mark.parametrize("old", [LIVING, ENDED])
@pytest.mark.parametrize("attempt", [1, 2, 7])
def test_with_resend_it_is_sent_again_at_any_time_and_each_attempt_is_counted(old, attempt):
    may_send(locked("resend", old, attempt=attempt), attempt + 1).expect(Send)


@pytest.mark.parametrize("lost_reply", SETTINGS)
@pytest.mark.parametrize("old", [LIVING, ENDED])
@pytest.mark.parametrize("attempt", [1, 2])
def test_a_user_who_forces_it_has_it_sent_again_under_every_setting(lost_reply, old, attempt):
    talk = Conversation(refresh(terms(lost_reply=lost_reply), resend=True))
    talk.expect(Load(), answer=unconfirmed(old, attempt))
    talk.enter(Exclusively)
    talk.expect(Load(), answer=unconfirmed(old, attempt))
    may_send(talk, attempt + 1).expect(Send)


@pytest.mark.parametrize("lost_reply", SETTINGS)
def test_an_open_renewal_of_which_somebody_saved_the_answer_is_over(lost_reply):
    talk = Conversation(usable_token(terms(lost_reply=lost_reply)))
    talk.expect(Load(), answer=unconfirmed(ENDED))
    talk.enter(Exclusively)
    talk.expect(Load(), answer=record(token(2, left=900)))
    assert talk.returns() == token(2, left=900)


@pytest.mark.parametrize("lost_reply", ["last-attempt", "sign-in"])
def test_a_token_that_an_api_refused_in_its_life_needs_a_sign_in(lost_reply):
    error = locked(lost_reply, token(left=500), refused="access-1").raises(LoginRequired)
    assert error.reason == "reply-lost"


def test_a_token_that_does_not_live_long_enough_is_no_reason_to_send_again():
    assert locked("last-attempt", token(left=500), min_life=600).raises(TryLater).retry_after == 500


def test_a_clock_that_was_set_back_a_year_is_no_reason_to_send_again():
    clock = Clock()
    clock.jump(-YEAR)
    assert locked("last-attempt", token(left=500), clock=clock).returns() == token(left=500)


def test_after_a_lost_answer_nobody_asks_for_the_lock_for_half_a_minute():
    clock = Clock()
    given = terms(clock)
    for rest, waits in [(0, False), (29, True), (2, False)]:
        clock.steady += rest
        talk = Conversation(usable_token(given))
        talk.expect(Load(), answer=unconfirmed(token(left=95)))
        if not waits:
            talk.enter(Exclusively)
            talk.expect(Load(), answer=unconfirmed(token(left=95)))
        assert talk.returns() == token(left=95)


def test_a_copy_of_the_answer_that_brought_the_old_pair_counts_as_none():
    """What became of the request, nobody knows; the pair before must not be taken for the one after."""
    talk = Conversation(usable_token(terms()))
    talk.expect(Load(), answer=record(LIVING))
    talk.enter(Exclusively)
    talk.expect(Load(), answer=record(LIVING))
    may_send(talk, attempt=1)
    talk.expect(Send, answer=grant(1))
    talk.expect(Load(), answer=unconfirmed(LIVING))
    assert talk.returns() == LIVING


# ---------------------------------------------------------------- a move to another store that was cut off
def being_moved(old, *, lost_reply="last-attempt", **wanted):
    stored = record(old, renewal=Renewal(1, 1, NOW, "store move to sqlite:/new, here:1"))
    talk = Conversation(usable_token(terms(lost_reply=lost_reply), **wanted))
    talk.expect(Load(), answer=stored)
    talk.enter(Exclusively)
    talk.expect(Load(), answer=stored)
    return talk


@pytest.mark.parametrize("lost_reply", SETTINGS)
def test_what_is_being_moved_is_never_sent_from_here_as_the_other_store_may_have_it(lost_reply):
    error = being_moved(ENDED, lost_reply=lost_reply).raises(LoginRequired)
    assert error.reason == "moved"
    assert "traktauth store move" in error.hint
    assert being_moved(LIVING, lost_reply=lost_reply).returns() == LIVING


@pytest.mark.parametrize("resend", [False, True])
def test_what_is_being_moved_is_not_renewed_on_demand(resend):
    stored = record(LIVING, renewal=Renewal(1, 1, NOW, "store move to sqlite:/new, here:1"))
    talk = Conversation(refresh(terms(), resend=resend))
    talk.expect(Load(), answer=stored)
    talk.enter(Exclusively)
    talk.expect(Load(), answer=stored)
    error = talk.raises(TryLater)
    assert error.retry_after == 1.0
    assert "traktauth store move" in error.hint
