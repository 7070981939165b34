"""One refresh under the lock: a second look at the store, the right to send, the reply, what is kept of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from flow.changes import Begin, Cancel, Mark, MarkRejected, MarkUnconfirmed, Save
from flow.conversation import Conversation, may_send, under_lock
from flow.setup import DEAD, HTML, LIFE, NOW, Clock, context, grant, record, refused, reply, token, unconfirmed
from traktauth.errors import AppRejected, LoginMoved, LoginRequired, StoreFailed, TryLater, UnexpectedReply
from traktauth.flow.effects import Load, LoadProbe, LogMessage, NoResponse, Send, Shielded, Sleep, WithLock
from traktauth.flow.get_token import get_token
from traktauth.models import Probe, Record
from traktauth.timeouts import LEASE, REQUEST_TIMEOUT, SAVE_TIMEOUT

LIVING, ENDED = token(left=10.0), token(left=-1.0)
each_token = pytest.mark.parametrize("old", [LIVING, ENDED], ids=["living", "ended"])


def locked(old, *, again=None, custom=None, **wanted):
    """A caller whose token needs a refresh, with the lock in hand and after the second look at the store."""
    return under_lock(get_token(custom or context(), **wanted), record(old), again=again or record(old))


def sending(old, *, again=None, custom=None, attempt=1, **wanted):
    """The same with the right to send, in front of the sending."""
    talk = locked(old, again=again, custom=custom, **wanted)
    may_send(talk, old.generation, attempt)
    return talk


def cancel(old=LIVING):
    return Cancel(old.generation, 1, None)


def ends(talk, old, error):
    """The old token is served while it lives; else the error."""
    if old is LIVING:
        assert talk.returns() == old
        return None
    return talk.raises(error)


# ---------------------------------------------------------------- the way it goes
@each_token
def test_a_new_token_is_saved_before_it_is_used(old):
    talk = sending(old)
    talk.expect(Send, answer=grant(2))
    new = talk.expect(Save, answer=True)
    assert new.after == 1
    assert (new.token.access_token, new.token.refresh_token, new.token.generation) == ("access-2", "refresh-2", 2)
    assert not talk.expect(LogMessage).warning
    assert talk.returns() == new.token


def test_the_refresh_token_is_sent_once_as_the_document_says():
    request = sending(ENDED).expect(Send, answer=grant(2)).request
    assert (request.method, request.url) == ("POST", "https://api.trakt.tv/oauth/token")
    assert json.loads(request.body) == {
        "refresh_token": "refresh-1",
        "client_id": "the-app",
        "client_secret": "the-secret",
        "redirect_uri": "http://127.0.0.1:9876/callback",
        "grant_type": "refresh_token",
    }


def test_the_expiry_is_computed_from_the_time_before_the_request():
    clock = Clock()
    talk = sending(ENDED, custom=context(clock))
    clock.pass_by(15)
    talk.expect(Send, answer=grant(2))
    assert talk.expect(Save, answer=True).token.expires_at == NOW + LIFE


def test_a_reply_without_a_refresh_token_keeps_the_old_one():
    talk = sending(ENDED)
    talk.expect(Send, answer=grant(2, refresh_token=None))
    assert talk.expect(Save, answer=True).token.refresh_token == "refresh-1"


def test_a_note_follows_the_token_without_showing_it():
    talk = sending(ENDED)
    talk.expect(Send, answer=grant(2))
    talk.expect(Save, answer=True)
    note = talk.expect(LogMessage).message
    assert ENDED.fingerprint in note
    assert talk.returns().fingerprint in note
    assert "access-" not in note
    assert "refresh-" not in note


# ---------------------------------------------------------------- another process was first
@each_token
def test_the_loser_of_the_race_uses_the_winners_token(old):
    winners = record(token(2, left=900))
    assert locked(old, again=winners).returns() == winners.token


def test_the_winners_token_is_refreshed_again_if_it_cannot_be_served():
    talk = locked(ENDED, again=record(token(2, left=-1)))
    may_send(talk, 2, 1)
    assert b"refresh-2" in talk.expect(Send, answer=grant(3)).request.body
    assert talk.expect(Save, answer=True).token.generation == 3


@each_token
@pytest.mark.parametrize("answer", [DEAD, NoResponse(sent=True, reason="cut"), reply(500)])
def test_a_caller_that_was_signed_out_while_sending_gets_login_required(old, answer):
    talk = sending(old)
    talk.expect(Send, answer=answer)
    if answer is not DEAD:
        talk.expect(LoadProbe(), answer=None)
    talk.expect(Load(), answer=Record(generation=1))
    assert talk.raises(LoginRequired).reason == "signed-out"


@each_token
def test_a_caller_that_was_signed_out_before_sending_gets_login_required(old):
    talk = locked(old)
    talk.enter(Shielded)
    talk.expect(Begin(1, 1), answer=False)
    talk.expect(Load(), answer=Record(generation=1))
    assert talk.raises(LoginRequired).reason == "signed-out"


def test_a_login_that_was_moved_names_the_store_that_has_it():
    moved = Record(generation=1, moved_to="sqlite:/elsewhere.db")
    error = locked(ENDED, again=moved).raises(LoginMoved)
    assert (error.store, error.generation) == ("sqlite:/elsewhere.db", 1)
    assert "--store sqlite:/elsewhere.db" in error.hint_command


def test_a_winners_token_that_was_refused_is_not_served():
    talk = locked(ENDED, again=record(token(2, left=900)), rejected="access-2")
    talk.expect(MarkRejected(2))
    talk.enter(Shielded)
    talk.expect(Begin(2, 1))


def test_a_winners_token_without_the_required_lifetime_is_not_served():
    talk = locked(ENDED, again=record(token(2, left=600)), min_life=700)
    talk.enter(Shielded)
    talk.expect(Begin(2, 1))


@each_token
def test_a_caller_that_was_signed_out_while_waiting_gets_login_required(old):
    assert locked(old, again=Record(generation=1)).raises(LoginRequired).reason == "signed-out"


@each_token
def test_a_login_that_was_found_dead_while_waiting_is_not_sent_again(old):
    talk = locked(old, again=record(old, refreshable=False, not_refreshable_reason="Trakt refused its refresh token"))
    ends(talk, old, LoginRequired)


@each_token
def test_without_the_right_to_send_nothing_is_sent(old):
    talk = locked(old)
    talk.enter(Shielded)
    talk.expect(Begin(1, 1), answer=False)
    talk.expect(Load(), answer=unconfirmed(old))
    talk.expect(LogMessage)
    ends(talk, old, TryLater)


def test_without_the_right_to_send_the_token_of_the_process_that_had_it_is_used():
    talk = locked(ENDED)
    talk.enter(Shielded)
    talk.expect(Begin(1, 1), answer=False)
    talk.expect(Load(), answer=record(token(2, left=900)))
    assert talk.returns() == token(2, left=900)


@each_token
def test_a_store_that_cannot_show_that_it_saves_is_sent_nothing_for(old):
    talk = locked(old)
    talk.enter(Shielded)
    talk.expect(Begin(1, 1), raising=StoreFailed("full disk"))
    talk.expect(cancel())  # as the store may have noted it all the same
    ends(talk, old, StoreFailed)


@pytest.mark.parametrize("error", [OSError("EIO"), RuntimeError("a driver's"), ValueError("x"), MemoryError()])
def test_a_begin_that_raises_is_not_counted(error):
    talk = locked(ENDED)
    talk.enter(Shielded)
    talk.expect(Begin(1, 1), raising=error)
    talk.expect(cancel())
    assert talk.raises(type(error)) is error


# ---------------------------------------------------------------- nothing was spent
NOT_SPENT = [
    (NoResponse(sent=False, reason="connection refused"), TryLater),
    (reply(429, retry_after="7"), TryLater),
    (reply(521, HTML), TryLater),
    (refused(401, "invalid_client"), AppRejected),
]  # of each kind one: tests/wire/test_error_responses.py has them all


@each_token
@pytest.mark.parametrize(("answer", "error"), NOT_SPENT)
def test_an_unspent_token_gives_the_right_to_send_back(old, answer, error):
    talk = sending(old)
    talk.expect(Send, answer=answer)
    talk.expect(cancel())
    raised = ends(talk, old, error)
    assert raised is None or not raised.unconfirmed
    if raised is not None and answer == NOT_SPENT[1][0]:
        assert (raised.retry_after, raised.status) == (7, 429), "as long as Trakt answered"


@each_token
def test_a_right_that_cannot_be_returned_counts_as_unconfirmed(old):
    clock = Clock()
    talk = sending(old, custom=context(clock))
    talk.expect(Send, answer=reply(429))
    talk.expect(cancel(), raising=StoreFailed("full disk"))
    talk.expect(Sleep)
    clock.steady += SAVE_TIMEOUT
    talk.expect(cancel(), raising=StoreFailed("full disk"))
    assert talk.expect(LogMessage).warning
    ends(talk, old, TryLater)


@each_token
def test_a_store_that_fails_once_does_not_make_an_unspent_token_unconfirmed(old):
    """Under `sign-in`, that would end the login."""
    talk = sending(old, custom=context(lost_reply="sign-in"))
    talk.expect(Send, answer=NoResponse(sent=False, reason="connection refused"))
    talk.expect(cancel(), raising=StoreFailed("deadlock"))
    talk.expect(Sleep)
    talk.expect(cancel())
    ends(talk, old, TryLater)


def test_a_second_attempt_that_was_not_spent_leaves_the_first_one_open():
    before = unconfirmed(ENDED)
    talk = locked(ENDED, again=before)
    talk.expect(LoadProbe(), answer=Probe(NOW, "healthy", 10.0))
    may_send(talk, 1, 2)
    talk.expect(Send, answer=reply(429))
    talk.expect(Cancel(1, 2, before.pending_refresh))
    talk.raises(TryLater)


def test_a_program_that_was_stopped_for_longer_than_anybody_waits_for_it_does_not_send():
    clock = Clock()
    talk = locked(ENDED, custom=context(clock))
    talk.enter(Shielded)
    clock.pass_by(LEASE + 1)
    talk.expect(Begin(1, 1), answer=True)
    talk.expect(cancel())
    assert "stopped" in talk.raises(TryLater).message


def test_a_request_that_could_outlive_the_lock_is_not_sent():
    clock = Clock()
    talk = Conversation(get_token(context(clock)))
    talk.expect(Load(), answer=record(ENDED))
    talk.enter(WithLock)
    clock.pass_by(LEASE - REQUEST_TIMEOUT + 1)  # between the lock and the right to send
    talk.expect(Load(), answer=record(ENDED))
    may_send(talk, 1, 1)
    talk.expect(cancel())
    talk.raises(TryLater)


def test_a_slow_store_whose_lock_does_not_expire_keeps_no_request_from_being_sent():
    """The lock of a file lasts until its holder releases it or dies, however long a write takes."""
    clock = Clock()
    custom = replace(context(clock), lock_expires=False)
    talk = locked(ENDED, custom=custom)
    talk.enter(Shielded)
    clock.pass_by(LEASE + 1)
    talk.expect(Begin(1, 1), answer=True)
    talk.expect(Send)


def test_a_wall_clock_that_jumps_does_not_count_as_a_stop():
    clock = Clock()
    talk = locked(ENDED, custom=context(clock))
    talk.enter(Shielded)
    clock.jump(LEASE * 1000)
    talk.expect(Begin(1, 1), answer=True)
    talk.expect(Send)


# ---------------------------------------------------------------- no caller knows
UNKNOWN = [
    (NoResponse(sent=True, reason="the connection was cut"), TryLater),
    (reply(500), TryLater),
    (reply(403, {"error": "forbidden"}), UnexpectedReply),
    (reply(200, grant(2).body[:40]), TryLater),
    (reply(302, b"", location="https://elsewhere.example"), TryLater),
    (refused(400, "invalid_grant", "Missing refresh_token"), UnexpectedReply),
    (refused(403, "unauthorized_client"), AppRejected),
    (reply(423), TryLater),
]  # the same


@each_token
@pytest.mark.parametrize(("answer", "error"), UNKNOWN)
def test_a_token_that_may_be_spent_keeps_the_refresh_open(old, answer, error):
    talk = sending(old)
    talk.expect(Send, answer=answer)
    talk.expect(LoadProbe(), answer=None)
    talk.expect(Load(), answer=unconfirmed(old))
    talk.expect(MarkUnconfirmed(1, 1))
    assert talk.expect(LogMessage).warning
    raised = ends(talk, old, error)
    assert raised is None or raised.unconfirmed


@each_token
def test_after_a_lost_response_a_newer_token_of_another_process_is_used(old):
    talk = sending(old)
    talk.expect(Send, answer=NoResponse(sent=True, reason="timed out"))
    talk.expect(LoadProbe(), answer=None)
    talk.expect(Load(), answer=record(token(2, left=900)))
    assert talk.returns() == token(2, left=900)


@each_token
def test_after_a_lost_answer_a_store_that_fails_changes_nothing(old):
    talk = sending(old)
    talk.expect(Send, answer=NoResponse(sent=True, reason="timed out"))
    talk.expect(LoadProbe(), answer=None)
    talk.expect(Load(), raising=StoreFailed("gone"))
    ends(talk, old, TryLater)


# ---------------------------------------------------------------- refused for good
@each_token
def test_a_refused_refresh_token_is_marked_and_the_record_is_kept(old):
    talk = sending(old)
    talk.expect(Send, answer=DEAD)
    talk.expect(Load(), answer=unconfirmed(old))
    talk.expect(Mark(1, "Trakt refused its refresh token"))
    assert talk.expect(LogMessage).warning
    error = ends(talk, old, LoginRequired)
    assert error is None or error.reason == "revoked"


def test_a_sign_in_is_required_if_access_and_refresh_token_were_refused():
    old = token(left=500)
    talk = locked(old, rejected="access-1")
    talk.expect(MarkRejected(1))
    may_send(talk, 1, 1)
    talk.expect(Send, answer=DEAD)
    talk.expect(Load(), answer=unconfirmed(old))
    talk.expect(Mark)
    talk.expect(LogMessage)
    assert talk.raises(LoginRequired).reason == "revoked"


@each_token
def test_a_refused_refresh_token_is_ignored_if_the_store_has_a_newer_token(old):
    talk = sending(old)
    talk.expect(Send, answer=DEAD)
    talk.expect(Load(), answer=record(token(2, left=900)))
    assert talk.returns() == token(2, left=900)


@each_token
def test_a_mark_that_cannot_be_written_leaves_the_refresh_open(old):
    talk = sending(old)
    talk.expect(Send, answer=DEAD)
    talk.expect(Load(), answer=unconfirmed(old))
    talk.expect(Mark, raising=StoreFailed("full disk"))
    talk.expect(LogMessage)
    talk.expect(LogMessage)
    ends(talk, old, LoginRequired)


@each_token
def test_a_store_that_fails_after_a_refusal_is_reported_or_waited_out(old):
    talk = sending(old)
    talk.expect(Send, answer=DEAD)
    talk.expect(Load(), raising=StoreFailed("gone"))
    ends(talk, old, StoreFailed)
