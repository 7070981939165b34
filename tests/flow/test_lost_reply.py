"""A refresh that was sent and not answered: when it may be sent again, by whom, how often."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flow.changes import Begin, Mark, MarkRejected, MarkUnconfirmed, Save, SwapProbe
from flow.conversation import Conversation, under_lock
from flow.setup import DEAD, HTML, NOW, YEAR, Clock, context, grant, record, reply, token, unconfirmed
from traktauth.errors import LoginMoved, LoginRequired, TryLater
from traktauth.explain import explain
from traktauth.flow.effects import Load, LoadProbe, LogMessage, NoResponse, Send, Shielded, WithLock
from traktauth.flow.get_token import get_token
from traktauth.flow.login_status import login_status
from traktauth.flow.refresh import refresh
from traktauth.models import LoginKey, PendingRefresh, Probe, Record, Sender
from traktauth.models.changes import BeginRefresh, ImportRecord

SETTINGS = ["last-attempt", "sign-in", "resend"]
LIVING, ENDED = token(left=10.0), token(left=-1.0)
HEALTHY = Probe(NOW, "healthy", 1e9)


def locked(lost_reply, old, *, attempt=1, clock=None, **wanted):
    stored = unconfirmed(old, attempt)
    return under_lock(get_token(context(clock, lost_reply=lost_reply), **wanted), stored)


def may_send(talk, attempt):
    talk.enter(Shielded)
    talk.expect(Begin(1, attempt), answer=True)
    return talk


@pytest.mark.parametrize("lost_reply", ["last-attempt", "sign-in"])
@pytest.mark.parametrize("attempt", [1, 2])
def test_nothing_is_sent_again_while_the_access_token_is_valid(lost_reply, attempt):
    assert locked(lost_reply, LIVING, attempt=attempt).returns() == LIVING


@pytest.mark.parametrize("lost_reply", ["last-attempt", "sign-in"])
def test_a_refresh_on_demand_waits_until_the_access_token_expires(lost_reply):
    talk = under_lock(refresh(context(lost_reply=lost_reply)), unconfirmed(LIVING))
    error = talk.raises(TryLater)
    assert error.retry_after == 10
    assert "refresh(force=True)" in error.hint


def after_a_probe(talk, attempt):
    """The endpoint has been probed a moment ago, and works."""
    talk.expect(LoadProbe(), answer=HEALTHY)
    return may_send(talk, attempt)


def test_after_the_expiry_it_is_sent_again_once_a_probe_has_succeeded():
    talk = after_a_probe(locked("last-attempt", ENDED), attempt=2)
    talk.expect(Send, answer=grant(2))
    assert talk.expect(Save, answer=True).token.generation == 2


@pytest.mark.parametrize(("attempt", "pause"), [(2, 60), (3, 120), (4, 240), (7, 1920), (8, 3600), (40, 3600)])
def test_the_pause_between_two_sendings_doubles_up_to_an_hour(attempt, pause):
    clock = Clock()
    clock.pass_by(pause - 60 - 0.5)  # the last one was a minute ago
    error = locked("last-attempt", ENDED, attempt=attempt, clock=clock).raises(TryLater)
    assert error.retry_after == 0.5
    assert "refresh(force=True)" in error.hint
    clock.pass_by(0.5)
    after_a_probe(locked("last-attempt", ENDED, attempt=attempt, clock=clock), attempt + 1).expect(Send)


def test_a_sending_in_the_future_is_not_waited_for():
    clock = Clock()
    clock.jump(-YEAR)
    old = token(left=-YEAR - 1)
    after_a_probe(locked("last-attempt", old, attempt=5, clock=clock), attempt=6).expect(Send)


def test_the_pause_applies_to_a_sending_of_a_host_whose_clock_is_an_hour_behind():
    """By its time it is old; but when this process looked 30 s ago, it had not been made."""
    clock = Clock()
    here = context(clock)

    def asks(stored):
        return under_lock(get_token(here), stored)

    after_a_probe(asks(unconfirmed(ENDED, 1)), attempt=2).expect(Send, answer=NoResponse(sent=False, reason="refused"))
    clock.pass_by(30)
    sent = PendingRefresh(1, 2, NOW - 3600, Sender("elsewhere", 1), unconfirmed=True)
    assert asks(record(ENDED, pending_refresh=sent)).raises(TryLater).retry_after == 30
    clock.pass_by(30)
    asks(record(ENDED, pending_refresh=sent)).expect(LoadProbe())


def test_a_second_sending_that_is_refused_says_what_it_cost():
    talk = after_a_probe(locked("last-attempt", ENDED), attempt=2)
    talk.expect(Send, answer=DEAD)
    talk.expect(Load(), answer=unconfirmed(ENDED, 2))
    talk.expect(Mark(1, SPENT))
    talk.expect(LogMessage)
    assert talk.raises(LoginRequired).reason == "reply-lost"


SPENT = "its refresh token was spent by a refresh whose response was lost"


def test_a_login_that_ended_with_a_lost_response_keeps_reason_hint_and_message():
    """The first error and those of later calls, after the change was applied to the record."""
    stored = record(ENDED)
    for number in (1, 2):
        stored = BeginRefresh(PendingRefresh(1, number, NOW - 60, Sender("elsewhere", 1))).apply(stored)
    talk = after_a_probe(locked("last-attempt", ENDED), attempt=2)
    talk.expect(Send, answer=DEAD)
    talk.expect(Load(), answer=stored)
    ended = talk.expect(Mark).apply(stored)
    first = talk.raises(LoginRequired)
    later = Conversation(get_token(context()))
    later.expect(Load(), answer=ended)
    second = later.raises(LoginRequired)
    assert (first.reason, first.code) == ("reply-lost", "login-reply-lost")
    assert (second.reason, second.hint, second.message) == (first.reason, first.hint, first.message)
    assert [entry.id for entry in explain(first.message)][:1] == [first.code]
    login, status = LoginKey("trakt", "app", "default"), {"lost_reply": "last-attempt", "is_running": lambda _: True}
    assert login_status(login, stored, now=NOW - 60, **status).pending.sending == 2
    shown = login_status(login, ended, now=NOW - 60, **status)
    assert (shown.reason, shown.message, shown.pending) == (first.reason, first.message, None)
    imported = ImportRecord(ended).apply(Record())
    assert login_status(login, imported, now=NOW, **status).reason == "reply-lost", "also after a move to another store"


def test_a_first_sending_that_is_refused_is_a_revoked_login_in_later_calls_too():
    talk = under_lock(get_token(context()), record(ENDED))
    may_send(talk, attempt=1).expect(Send, answer=DEAD)
    talk.expect(Load(), answer=record(ENDED))
    ended = talk.expect(Mark).apply(record(ENDED))
    first = talk.raises(LoginRequired)
    later = Conversation(get_token(context()))
    later.expect(Load(), answer=ended)
    second = later.raises(LoginRequired)
    assert first.reason == "revoked"
    assert (second.reason, second.hint, second.message) == (first.reason, first.hint, first.message)


LOST = [NoResponse(sent=True, reason="cut"), reply(503), reply(200), reply(200, HTML), reply(520, HTML)]


@pytest.mark.parametrize("answer", LOST, ids=["cut", "503", "unreadable", "captcha", "520"])
@pytest.mark.parametrize("attempt", [2, 3, 9])
def test_a_further_sending_whose_outcome_is_unknown_too_does_not_end_the_login(answer, attempt):
    clock = Clock()
    clock.pass_by(3600)
    talk = after_a_probe(locked("last-attempt", ENDED, attempt=attempt, clock=clock), attempt + 1)
    talk.expect(Send, answer=answer)
    talk.expect(LoadProbe(), answer=HEALTHY)
    spoiled = talk.expect(SwapProbe, answer=True)
    assert (spoiled.after.outcome, spoiled.after.at) == ("failed", HEALTHY.at), "no other process sends on its word"
    talk.expect(Load(), answer=unconfirmed(ENDED, attempt + 1))
    talk.expect(MarkUnconfirmed(1, attempt + 1))
    talk.expect(LogMessage)
    error = talk.raises(TryLater)
    assert error.unconfirmed
    assert error.retry_after >= min(3600, 60 * 2 ** (attempt - 1))


@pytest.mark.parametrize(
    ("lost_reply", "kind"), [("last-attempt", TryLater), ("sign-in", LoginRequired), ("resend", TryLater)]
)
def test_what_is_reported_of_a_lost_response_is_what_the_next_call_does(lost_reply, kind):
    talk = under_lock(get_token(context(lost_reply=lost_reply)), record(ENDED))
    may_send(talk, attempt=1).expect(Send, answer=LOST[0])
    talk.expect(LoadProbe(), answer=None)
    talk.expect(Load(), answer=unconfirmed(ENDED))
    talk.expect(MarkUnconfirmed(1, 1))
    talk.expect(LogMessage)
    assert talk.raises(kind).unconfirmed
    again = locked(lost_reply, ENDED)
    if lost_reply == "sign-in":
        again.raises(kind)
    elif lost_reply == "resend":
        may_send(again, attempt=2)
    else:
        after_a_probe(again, attempt=2)


def test_with_sign_in_it_is_never_sent_again():
    error = locked("sign-in", ENDED).raises(LoginRequired)
    assert error.reason == "reply-lost"
    assert "login()" in error.hint
    assert "refresh(force=True)" in error.hint


@pytest.mark.parametrize("old", [LIVING, ENDED])
@pytest.mark.parametrize("attempt", [1, 2, 7])
def test_with_resend_it_is_sent_again_at_any_time_and_each_attempt_is_counted(old, attempt):
    may_send(locked("resend", old, attempt=attempt), attempt + 1).expect(Send)


@pytest.mark.parametrize("lost_reply", SETTINGS)
@pytest.mark.parametrize("old", [LIVING, ENDED])
@pytest.mark.parametrize("attempt", [1, 2])
def test_a_user_who_forces_it_has_it_sent_again_under_every_setting(lost_reply, old, attempt):
    talk = under_lock(refresh(context(lost_reply=lost_reply), resend=True), unconfirmed(old, attempt))
    may_send(talk, attempt + 1).expect(Send)


@pytest.mark.parametrize("lost_reply", SETTINGS)
def test_an_open_refresh_of_which_another_process_saved_the_answer_is_over(lost_reply):
    talk = under_lock(get_token(context(lost_reply=lost_reply)), unconfirmed(ENDED), again=record(token(2, left=900)))
    assert talk.returns() == token(2, left=900)


@pytest.mark.parametrize("noted", [False, True])
def test_a_token_that_an_api_rejected_in_its_life_is_as_one_that_has_expired(noted):
    """Whether this caller was refused, or the record says that another one was."""
    old = token(left=500)
    stored = replace(unconfirmed(old), rejected_at=NOW if noted else None)
    for lost_reply in ("sign-in", "last-attempt"):
        talk = under_lock(get_token(context(lost_reply=lost_reply), rejected=None if noted else "access-1"), stored)
        if not noted:
            talk.expect(MarkRejected(1))
        if lost_reply == "sign-in":
            assert talk.raises(LoginRequired).reason == "reply-lost"
        else:
            after_a_probe(talk, attempt=2).expect(Send)


def test_a_rejected_token_is_never_served_once_it_cannot_be_refreshed():
    stored = replace(
        record(token(left=500)), rejected_at=NOW, refreshable=False, not_refreshable_reason="Trakt refused it"
    )
    talk = Conversation(get_token(context()))
    talk.expect(Load(), answer=stored)
    assert talk.raises(LoginRequired).reason == "revoked"


def test_a_rejected_token_is_refreshed_although_it_has_not_expired():
    stored = replace(record(token(left=500)), rejected_at=NOW)
    talk = under_lock(get_token(context()), stored)
    may_send(talk, attempt=1).expect(Send)


# ---------------------------------------------------------------- another process that is still alive
def with_sender(*, alive, **changed):
    given = replace(context(), other_is_alive=lambda sender: alive and sender.host == "elsewhere")
    stored = unconfirmed(ENDED)
    stored = replace(stored, pending_refresh=replace(stored.pending_refresh, **changed))
    return under_lock(get_token(given), stored)


def test_nothing_is_sent_again_for_three_leases_while_the_sender_is_alive_on_this_host():
    for age in (0, 60, 89):
        error = with_sender(alive=True, started_at=NOW - age).raises(TryLater)
        assert "elsewhere:1" in error.message
    after_a_probe(with_sender(alive=True, started_at=NOW - 91), attempt=2).expect(Send)
    after_a_probe(with_sender(alive=False, started_at=NOW - 31), attempt=2).expect(Send)


def test_a_sender_that_waits_for_no_response_any_more_is_not_waited_for():
    after_a_probe(with_sender(alive=True, started_at=NOW - 5, unconfirmed=True), attempt=2).expect(Send)


def test_a_required_lifetime_is_not_a_reason_to_send_again():
    assert locked("last-attempt", token(left=500), min_life=600).raises(TryLater).retry_after == 500


def test_nothing_is_sent_again_after_the_clock_was_set_back_a_year():
    clock = Clock()
    clock.jump(-YEAR)
    assert locked("last-attempt", token(left=500), clock=clock).returns() == token(left=500)


def test_after_a_lost_response_the_lock_is_not_taken_for_half_a_minute():
    clock = Clock()
    given = context(clock)
    for rest, waits in [(0, False), (29, True), (2, False)]:
        clock.steady += rest
        talk = Conversation(get_token(given))
        talk.expect(Load(), answer=unconfirmed(token(left=95)))
        if not waits:
            talk.enter(WithLock)
            talk.expect(Load(), answer=unconfirmed(token(left=95)))
        assert talk.returns() == token(left=95)


def test_a_copy_of_an_earlier_response_counts_as_a_lost_response():
    """What became of the request, no caller knows; the pair before must not be taken for the one after."""
    talk = under_lock(get_token(context()), record(LIVING))
    may_send(talk, attempt=1)
    talk.expect(Send, answer=grant(1))
    talk.expect(LoadProbe(), answer=None)
    talk.expect(Load(), answer=unconfirmed(LIVING))
    talk.expect(MarkUnconfirmed(1, 1))
    assert talk.returns() == LIVING


# ---------------------------------------------------------------- a move to another store that was cut off
def being_moved(old, *, lost_reply="last-attempt", **wanted):
    stored = record(old, pending_refresh=PendingRefresh(1, 1, NOW, Sender("here", 1), "sqlite:/new"))
    return under_lock(get_token(context(lost_reply=lost_reply), **wanted), stored)


@pytest.mark.parametrize("lost_reply", SETTINGS)
def test_the_refresh_token_of_a_login_being_moved_is_not_sent(lost_reply):
    error = being_moved(ENDED, lost_reply=lost_reply).raises(LoginMoved)
    assert (error.store, error.is_finished) == ("sqlite:/new", False)
    assert "traktauth store move" in error.hint_command
    assert being_moved(LIVING, lost_reply=lost_reply).returns() == LIVING


@pytest.mark.parametrize("resend", [False, True])
def test_a_login_being_moved_is_not_refreshed_on_demand(resend):
    stored = record(LIVING, pending_refresh=PendingRefresh(1, 1, NOW, Sender("here", 1), "sqlite:/new"))
    talk = under_lock(refresh(context(), resend=resend), stored)
    error = talk.raises(TryLater)
    assert error.retry_after == 1.0
    assert "traktauth store move" in error.hint_command
