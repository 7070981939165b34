"""A usable token: as it is, or by another caller's refresh; a lock is only waited for where a token does not serve."""

from __future__ import annotations

import pytest

from flow.changes import MarkRejected
from flow.conversation import Conversation
from flow.setup import LIFE, YEAR, Clock, context, record, token
from traktauth.errors import LoginRequired, StoreFailed, TryLater
from traktauth.flow.effects import BUSY, Load, WithLock
from traktauth.flow.get_token import get_token
from traktauth.models import Record
from traktauth.protocol import ONE_COMMUNITY_APP
from traktauth.timeouts import LOCK_TIMEOUT

FRESH, ADVISORY, MANDATORY, ENDED = 500.0, 80.0, 10.0, -1.0
NEWER = record(token(2, left=1000))


def ask(stored, *, custom=None, **wanted):
    talk = Conversation(get_token(custom or context(), **wanted))
    talk.expect(Load(), answer=stored)
    return talk


def test_a_fresh_token_is_returned_after_one_look_at_the_store():
    assert ask(record(token(left=FRESH))).returns() == token(left=FRESH)


@pytest.mark.parametrize(("stored", "reason"), [(Record(), "never"), (Record(generation=3), "signed-out")])
def test_without_a_token_a_sign_in_is_required(stored, reason):
    error = ask(stored).raises(LoginRequired)
    assert error.reason == reason
    assert "login()" in error.hint


def test_a_store_that_cannot_be_read_raises_store_failed():
    talk = Conversation(get_token(context()))
    talk.expect(Load(), raising=StoreFailed("damaged"))
    talk.raises(StoreFailed)


def lock_of(stored, **wanted):
    return ask(stored, **wanted).expect(WithLock)


@pytest.mark.parametrize(("left", "timeout"), [(ADVISORY, 0.0), (MANDATORY, LOCK_TIMEOUT), (ENDED, LOCK_TIMEOUT)])
def test_the_lock_is_waited_for_only_near_the_expiry(left, timeout):
    assert lock_of(record(token(left=left))).timeout == timeout
    assert LOCK_TIMEOUT > 30


def test_callers_with_the_same_request_share_one_refresh_and_others_do_not():
    stored = record(token(left=ENDED))
    assert lock_of(stored).purpose == lock_of(stored).purpose
    assert lock_of(stored, min_life=5).purpose != lock_of(stored).purpose
    assert lock_of(stored, rejected="access-1").purpose != lock_of(stored).purpose
    assert "access-1" not in repr(lock_of(stored, rejected="access-1"))


@pytest.mark.parametrize("left", [ADVISORY, MANDATORY])
def test_the_old_token_is_served_while_another_process_holds_the_lock(left):
    talk = ask(record(token(left=left)))
    talk.expect(WithLock, answer=BUSY)
    talk.expect(Load(), answer=record(token(left=left)))
    assert talk.returns() == token(left=left)


def test_a_newer_token_is_served_if_another_process_held_the_lock():
    talk = ask(record(token(left=ENDED)))
    talk.expect(WithLock, answer=BUSY)
    talk.expect(Load(), answer=NEWER)
    assert talk.returns() == NEWER.token


def test_an_expired_token_raises_try_later_while_another_process_holds_the_lock():
    talk = ask(record(token(left=ENDED)))
    talk.expect(WithLock, answer=BUSY)
    talk.expect(Load(), answer=record(token(left=ENDED)))
    assert talk.raises(TryLater).retry_after == 1


@pytest.mark.parametrize("left", [ADVISORY, MANDATORY, ENDED])
def test_a_sign_in_is_required_after_another_process_signed_out(left):
    talk = ask(record(token(left=left)))
    talk.expect(WithLock, answer=BUSY)
    talk.expect(Load(), answer=Record(generation=1))
    assert talk.raises(LoginRequired).reason == "signed-out"


@pytest.mark.parametrize(("left", "error"), [(ADVISORY, None), (MANDATORY, None), (ENDED, StoreFailed)])
def test_a_valid_token_is_served_if_the_lock_is_held_and_the_store_fails(left, error):
    talk = ask(record(token(left=left)))
    talk.expect(WithLock, answer=BUSY)
    talk.expect(Load(), raising=StoreFailed("gone"))
    if error is None:
        assert talk.returns() == token(left=left)
    else:
        talk.raises(error)


@pytest.mark.parametrize("left", [ADVISORY, MANDATORY])
def test_a_valid_token_is_served_if_the_store_fails_in_a_refresh(left):
    talk = ask(record(token(left=left)))
    talk.expect(WithLock, raising=StoreFailed("read-only disk"))
    assert talk.returns() == token(left=left)


def test_a_token_that_is_held_in_memory_alone_is_reported_although_the_old_token_lives():
    failure = StoreFailed("full disk")
    failure.kept = True
    talk = ask(record(token(left=MANDATORY)))
    talk.expect(WithLock, raising=failure)
    assert talk.raises(StoreFailed) is failure


def test_a_store_that_fails_in_a_refresh_is_reported_once_the_token_has_ended():
    talk = ask(record(token(left=ENDED)))
    talk.expect(WithLock, raising=StoreFailed("read-only disk"))
    talk.raises(StoreFailed)


# ---------------------------------------------------------------- a login that cannot be renewed
MARKED = {"refreshable": False, "not_refreshable_reason": "Trakt refused its refresh token"}


@pytest.mark.parametrize("left", [FRESH, ADVISORY, MANDATORY])
def test_a_login_that_cannot_be_refreshed_is_served_without_a_lock_until_its_token_expires(left):
    assert ask(record(token(left=left), **MARKED)).returns() == token(left=left)


def test_a_login_that_cannot_be_refreshed_requires_a_sign_in_when_its_token_has_expired():
    error = ask(record(token(left=ENDED), **MARKED)).raises(LoginRequired)
    assert error.reason == "revoked"
    assert "Trakt refused its refresh token" in error.message
    assert ONE_COMMUNITY_APP in error.hint


def test_a_login_without_a_refresh_token_requires_a_sign_in_when_its_token_has_expired():
    assert ask(record(token(left=MANDATORY, refresh=False))).returns() == token(left=MANDATORY, refresh=False)
    assert ask(record(token(left=ENDED, refresh=False))).raises(LoginRequired).reason == "expired"


# ---------------------------------------------------------------- a refused token
def test_a_token_that_an_api_refused_is_not_fresh():
    assert lock_of(record(token(left=FRESH)), rejected="access-1").timeout == LOCK_TIMEOUT


def test_a_newer_token_than_the_refused_one_is_used_at_once():
    assert ask(record(token(2, left=FRESH)), rejected="access-1").returns() == token(2, left=FRESH)


def test_a_refused_token_is_not_served_again_although_it_has_not_expired():
    talk = ask(record(token(left=FRESH), **MARKED), rejected="access-1")
    talk.expect(MarkRejected(1))
    error = talk.raises(LoginRequired)
    assert error.reason == "revoked"


def test_a_refused_token_is_not_served_again_if_the_lock_is_held():
    talk = ask(record(token(left=FRESH)), rejected="access-1")
    talk.expect(WithLock, answer=BUSY)
    talk.expect(Load(), answer=record(token(left=FRESH)))
    talk.raises(TryLater)


def test_a_refused_token_is_not_served_again_if_the_store_fails():
    talk = ask(record(token(left=FRESH)), rejected="access-1")
    talk.expect(WithLock, raising=StoreFailed("read-only disk"))
    talk.raises(StoreFailed)


# ---------------------------------------------------------------- a life that is asked for
def test_a_token_without_the_required_lifetime_is_refreshed():
    assert lock_of(record(token(left=FRESH)), min_life=FRESH + 1).timeout == LOCK_TIMEOUT


def test_a_required_lifetime_longer_than_the_services_is_refused():
    error = ask(record(token(left=FRESH)), min_life=LIFE + 1).raises(ValueError)
    assert f"a new one is valid for {LIFE} s" in str(error)


def test_a_token_without_the_required_lifetime_is_not_served():
    talk = ask(record(token(left=FRESH)), min_life=FRESH + 1)
    talk.expect(WithLock, answer=BUSY)
    talk.expect(Load(), answer=record(token(left=FRESH)))
    talk.raises(TryLater)
    assert ask(record(token(left=FRESH), **MARKED), min_life=FRESH + 1).raises(LoginRequired).reason == "revoked"


# ---------------------------------------------------------------- a clock that jumps
def test_after_the_clock_was_set_back_a_year_a_refresh_is_tried_and_the_old_token_serves_meanwhile():
    clock = Clock()
    clock.jump(-YEAR)
    talk = ask(record(token(left=FRESH)), custom=context(clock))
    assert talk.expect(WithLock, answer=BUSY).timeout == LOCK_TIMEOUT
    talk.expect(Load(), answer=record(token(left=FRESH)))
    assert talk.returns() == token(left=FRESH)


# ---------------------------------------------------------------- a rest after a failure
def busy(custom, left=MANDATORY, **wanted):
    talk = ask(record(token(left=left)), custom=custom, **wanted)
    talk.expect(WithLock, answer=BUSY)
    talk.expect(Load(), answer=record(token(left=left)))
    return talk


def test_after_a_refresh_that_raised_try_later_the_next_waits():
    clock = Clock()
    custom = context(clock)
    busy(custom).returns()
    assert ask(record(token(left=MANDATORY)), custom=custom).returns() == token(left=MANDATORY)
    clock.steady += 1.01
    assert lock_of(record(token(left=MANDATORY)), custom=custom).timeout == LOCK_TIMEOUT


def test_a_pause_after_a_failure_does_not_delay_a_refresh_of_an_expired_token():
    custom = context()
    busy(custom).returns()
    lock_of(record(token(left=ENDED)), custom=custom)
    lock_of(record(token(left=MANDATORY)), custom=custom, min_life=MANDATORY + 1)
    lock_of(record(token(left=MANDATORY)), custom=custom, rejected="access-1")


def test_a_token_that_another_caller_saved_meanwhile_is_logged_as_such():
    flow = get_token(context())
    next(flow)
    needed = flow.send(record(token(left=-1)))
    lock = flow.send(None)
    under_lock = lock.flow()
    next(under_lock)
    logged = under_lock.send(record(token(2, left=900)))
    assert (needed.debug, logged.debug) == (True, True)
    assert logged.message == f"another caller has refreshed it to {token(2).fingerprint}, generation 2"
