"""A usable token: as it is, or by somebody's renewal; a lock is only waited for where a token does not serve."""

from __future__ import annotations

import pytest

from flow.conversation import Conversation
from flow.givens import LIFE, YEAR, Clock, record, terms, token
from traktauth.errors import LoginRequired, StoreFailed, TryLater
from traktauth.flow.effects import BUSY, Exclusively, Load
from traktauth.flow.lifecycle import usable_token
from traktauth.flow.terms import PATIENCE
from traktauth.models import Record

FRESH, ADVISORY, MANDATORY, ENDED = 500.0, 80.0, 10.0, -1.0
NEWER = record(token(2, left=1000))


def ask(stored, *, given=None, **wanted):
    talk = Conversation(usable_token(given or terms(), **wanted))
    talk.expect(Load(), answer=stored)
    return talk


def test_a_fresh_token_is_returned_after_one_look_at_the_store():
    assert ask(record(token(left=FRESH))).returns() == token(left=FRESH)


def test_a_fresh_token_is_served_even_if_it_cannot_be_renewed():
    stored = record(token(left=FRESH), renewable=False, why_not="Trakt refused its refresh token")
    assert ask(stored).returns() == stored.token


@pytest.mark.parametrize(("stored", "reason"), [(Record(), "never"), (Record(generation=3), "signed-out")])
def test_without_a_token_a_sign_in_is_required(stored, reason):
    error = ask(stored).raises(LoginRequired)
    assert error.reason == reason
    assert "traktauth login" in error.hint


def test_a_store_that_cannot_be_read_is_the_callers_to_see():
    talk = Conversation(usable_token(terms()))
    talk.expect(Load(), raising=StoreFailed("damaged"))
    talk.raises(StoreFailed)


def lock_of(stored, **wanted):
    return ask(stored, **wanted).expect(Exclusively)


@pytest.mark.parametrize(("left", "patience"), [(ADVISORY, 0.0), (MANDATORY, PATIENCE), (ENDED, PATIENCE)])
def test_only_a_token_near_its_end_is_worth_waiting_for_the_lock(left, patience):
    assert lock_of(record(token(left=left))).patience == patience
    assert PATIENCE > 30


def test_callers_with_the_same_wish_share_one_renewal_and_others_do_not():
    stored = record(token(left=ENDED))
    assert lock_of(stored).purpose == lock_of(stored).purpose
    assert lock_of(stored, min_life=5).purpose != lock_of(stored).purpose
    assert lock_of(stored, refused="access-1").purpose != lock_of(stored).purpose
    assert "access-1" not in repr(lock_of(stored, refused="access-1"))


@pytest.mark.parametrize("left", [ADVISORY, MANDATORY])
def test_where_somebody_else_holds_the_lock_the_old_token_serves_while_it_lives(left):
    talk = ask(record(token(left=left)))
    talk.expect(Exclusively, answer=BUSY)
    talk.expect(Load(), answer=record(token(left=left)))
    assert talk.returns() == token(left=left)


def test_where_somebody_else_holds_the_lock_a_newer_pair_may_have_come_in_the_last_moment():
    talk = ask(record(token(left=ENDED)))
    talk.expect(Exclusively, answer=BUSY)
    talk.expect(Load(), answer=NEWER)
    assert talk.returns() == NEWER.token


def test_where_somebody_else_holds_the_lock_for_ever_an_ended_token_means_try_later():
    talk = ask(record(token(left=ENDED)))
    talk.expect(Exclusively, answer=BUSY)
    talk.expect(Load(), answer=record(token(left=ENDED)))
    assert talk.raises(TryLater).retry_after == 1


@pytest.mark.parametrize("left", [ADVISORY, MANDATORY, ENDED])
def test_where_somebody_else_held_the_lock_to_sign_out_a_sign_in_is_required(left):
    talk = ask(record(token(left=left)))
    talk.expect(Exclusively, answer=BUSY)
    talk.expect(Load(), answer=Record(generation=1))
    assert talk.raises(LoginRequired).reason == "signed-out"


@pytest.mark.parametrize(("left", "error"), [(ADVISORY, None), (MANDATORY, None), (ENDED, StoreFailed)])
def test_where_somebody_else_holds_the_lock_a_store_that_fails_takes_no_living_token_away(left, error):
    talk = ask(record(token(left=left)))
    talk.expect(Exclusively, answer=BUSY)
    talk.expect(Load(), raising=StoreFailed("gone"))
    if error is None:
        assert talk.returns() == token(left=left)
    else:
        talk.raises(error)


@pytest.mark.parametrize("left", [ADVISORY, MANDATORY])
def test_a_store_that_fails_in_a_renewal_does_not_take_a_living_token_away(left):
    talk = ask(record(token(left=left)))
    talk.expect(Exclusively, raising=StoreFailed("read-only disk"))
    assert talk.returns() == token(left=left)


def test_a_pair_that_is_held_in_memory_alone_is_told_though_the_old_token_lives():
    failure = StoreFailed("full disk")
    failure.kept = True
    talk = ask(record(token(left=MANDATORY)))
    talk.expect(Exclusively, raising=failure)
    assert talk.raises(StoreFailed) is failure


def test_a_store_that_fails_in_a_renewal_is_told_once_the_token_has_ended():
    talk = ask(record(token(left=ENDED)))
    talk.expect(Exclusively, raising=StoreFailed("read-only disk"))
    talk.raises(StoreFailed)


# ---------------------------------------------------------------- a login that cannot be renewed
MARKED = {"renewable": False, "why_not": "Trakt refused its refresh token"}


@pytest.mark.parametrize("left", [ADVISORY, MANDATORY])
def test_a_login_that_cannot_be_renewed_is_served_to_its_tokens_end_without_a_lock(left):
    assert ask(record(token(left=left), **MARKED)).returns() == token(left=left)


def test_a_login_that_cannot_be_renewed_needs_a_sign_in_after_its_tokens_end():
    error = ask(record(token(left=ENDED), **MARKED)).raises(LoginRequired)
    assert error.reason == "revoked"
    assert "Trakt refused its refresh token" in error.message


def test_a_login_without_a_refresh_token_ends_with_its_token():
    assert ask(record(token(left=MANDATORY, refresh=False))).returns() == token(left=MANDATORY, refresh=False)
    assert ask(record(token(left=ENDED, refresh=False))).raises(LoginRequired).reason == "expired"


# ---------------------------------------------------------------- a refused token
def test_a_token_that_an_api_refused_is_not_fresh():
    assert lock_of(record(token(left=FRESH)), refused="access-1").patience == PATIENCE


def test_a_newer_token_than_the_refused_one_is_used_at_once():
    assert ask(record(token(2, left=FRESH)), refused="access-1").returns() == token(2, left=FRESH)


def test_a_refused_token_is_not_served_again_though_it_seems_to_live():
    error = ask(record(token(left=FRESH), **MARKED), refused="access-1").raises(LoginRequired)
    assert error.reason == "revoked"


def test_a_refused_token_is_not_served_again_where_the_lock_is_not_to_be_had():
    talk = ask(record(token(left=FRESH)), refused="access-1")
    talk.expect(Exclusively, answer=BUSY)
    talk.expect(Load(), answer=record(token(left=FRESH)))
    talk.raises(TryLater)


def test_a_refused_token_is_not_served_again_where_the_store_fails():
    talk = ask(record(token(left=FRESH)), refused="access-1")
    talk.expect(Exclusively, raising=StoreFailed("read-only disk"))
    talk.raises(StoreFailed)


# ---------------------------------------------------------------- a life that is asked for
def test_a_token_that_lives_long_enough_is_returned():
    assert ask(record(token(left=FRESH)), min_life=FRESH).returns() == token(left=FRESH)


def test_a_token_that_does_not_live_long_enough_is_renewed():
    assert lock_of(record(token(left=FRESH)), min_life=FRESH + 1).patience == PATIENCE


def test_more_life_than_any_token_of_the_service_has_is_refused_at_once():
    error = ask(record(token(left=FRESH)), min_life=LIFE + 1).raises(ValueError)
    assert f"a new one lives {LIFE} s" in str(error)


def test_a_token_that_does_not_live_long_enough_is_not_served_instead():
    talk = ask(record(token(left=FRESH)), min_life=FRESH + 1)
    talk.expect(Exclusively, answer=BUSY)
    talk.expect(Load(), answer=record(token(left=FRESH)))
    talk.raises(TryLater)
    assert ask(record(token(left=FRESH), **MARKED), min_life=FRESH + 1).raises(LoginRequired).reason == "revoked"


# ---------------------------------------------------------------- a clock that jumps
def test_after_the_clock_was_set_back_a_year_a_renewal_is_tried_and_the_old_token_serves_meanwhile():
    clock = Clock()
    clock.jump(-YEAR)
    talk = ask(record(token(left=FRESH)), given=terms(clock))
    assert talk.expect(Exclusively, answer=BUSY).patience == PATIENCE
    talk.expect(Load(), answer=record(token(left=FRESH)))
    assert talk.returns() == token(left=FRESH)


def test_after_the_clock_was_set_forward_a_year_the_token_is_renewed():
    clock = Clock()
    clock.jump(YEAR)
    assert lock_of(record(token(left=FRESH)), given=terms(clock)).patience == PATIENCE


# ---------------------------------------------------------------- a rest after a failure
def busy(given, left=MANDATORY, **wanted):
    talk = ask(record(token(left=left)), given=given, **wanted)
    talk.expect(Exclusively, answer=BUSY)
    talk.expect(Load(), answer=record(token(left=left)))
    return talk


def test_after_a_renewal_that_had_to_wait_nobody_tries_again_for_a_moment():
    clock = Clock()
    given = terms(clock)
    busy(given).returns()
    assert ask(record(token(left=MANDATORY)), given=given).returns() == token(left=MANDATORY)
    clock.steady += 1.01
    assert lock_of(record(token(left=MANDATORY)), given=given).patience == PATIENCE


def test_a_rest_does_not_hold_back_a_renewal_without_which_there_is_no_token():
    given = terms()
    busy(given).returns()
    lock_of(record(token(left=ENDED)), given=given)
    lock_of(record(token(left=MANDATORY)), given=given, min_life=MANDATORY + 1)
    lock_of(record(token(left=MANDATORY)), given=given, refused="access-1")
