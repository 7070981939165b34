"""The end of a login: what may be revoked is, in the right order, and nothing is forgotten before."""

from __future__ import annotations

import json

import pytest

from flow.changes import Begin, Cancel, Forget, Mark
from flow.conversation import Conversation
from flow.setup import HTML, Clock, context, record, refused, reply, token, unconfirmed
from traktauth.errors import AppRejected, LoginRequired, StoreFailed, TraktAuthError, TryLater, UnexpectedReply
from traktauth.flow.effects import BUSY, Load, LogMessage, NoResponse, Send, WithLock
from traktauth.flow.logout import SIGNING_OUT, SignedOut, log_out
from traktauth.models import Record
from traktauth.timeouts import LOCK_TIMEOUT

PAIR = token(4)
DONE, UNKNOWN = reply(200, b"{}"), refused(400, "invalid_request", "token not found")
NOT_REACHED = [
    NoResponse(sent=False, reason="connection refused"),
    reply(429),
    reply(521, HTML),
    reply(403, HTML),
]
NOBODY_KNOWS = [NoResponse(sent=True, reason="cut"), reply(500), reply(502, HTML), reply(524)]
WRONG_APP = [
    refused(403, "unauthorized_client", "You are not authorized to revoke this token"),
    refused(401, "invalid_client", "invalid client_secret"),
    refused(400, "invalid_client", "client secret must be provided"),
]


def locked(stored, **how):
    talk = Conversation(log_out(how.pop("given", None) or context(), **how))
    talk.enter(WithLock, timeout=LOCK_TIMEOUT, purpose=None)
    talk.expect(Load(), answer=stored)
    return talk


def begins(talk):
    """No other process may send the refresh token from here on, to be used or revoked."""
    talk.expect(Begin(4, 1), answer=True)
    talk.expect(Mark(4, SIGNING_OUT))
    return talk


def revokes(talk, secret, answer=DONE):
    request = talk.expect(Send, answer=answer).request
    assert request.url == "https://api.trakt.tv/oauth/revoke"
    assert json.loads(request.body)["token"] == secret
    return talk


def forgets(talk):
    talk.expect(LogMessage)
    talk.expect(Forget(4))
    return talk.returns()


@pytest.mark.parametrize("refresh", [DONE, UNKNOWN])
@pytest.mark.parametrize("access", [DONE, UNKNOWN, reply(200), reply(200, b"null")])
def test_the_refresh_token_goes_first_then_the_access_token_then_the_record(refresh, access):
    talk = begins(locked(record(PAIR)))
    revokes(talk, "refresh-4", refresh)
    revokes(talk, "access-4", access)
    talk.expect(Cancel(4, 1, None))
    assert forgets(talk) == SignedOut(revoked=True, left=False)


def test_a_token_is_marked_before_it_is_revoked():
    talk = locked(record(PAIR))
    talk.expect(Begin(4, 1), answer=True)
    talk.expect(Mark(4, SIGNING_OUT), raising=StoreFailed("full disk"))
    talk.raises(StoreFailed)


def test_a_process_without_the_right_to_send_it_revokes_nothing():
    talk = locked(record(PAIR))
    talk.expect(Begin(4, 1), answer=False)
    assert talk.raises(TryLater).retry_after == 5


def test_a_caller_that_was_stopped_for_longer_than_anybody_waits_revokes_nothing():
    """Another process may have sent the refresh token since, and revoking a spent one ends every device's login."""
    clock = Clock()
    talk = locked(record(PAIR), given=context(clock))
    talk.expect(Begin(4, 1), answer=True)
    clock.pass_by(11)
    talk.expect(Mark(4, SIGNING_OUT))
    talk.expect(Mark(4, None))
    talk.expect(Cancel(4, 1, None))
    talk.raises(TryLater)


def test_a_local_sign_out_only_forgets():
    talk = locked(record(PAIR), local=True)
    talk.expect(Forget(4))
    assert talk.returns() == SignedOut(revoked=False, left=True)


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize(("stored", "reason"), [(Record(), "never"), (Record(generation=4), "signed-out")])
def test_an_account_cannot_be_signed_out_twice(local, stored, reason):
    assert locked(stored, local=local).raises(LoginRequired).reason == reason


@pytest.mark.parametrize(
    "stored",
    [
        unconfirmed(PAIR),
        unconfirmed(PAIR, 2),
        record(PAIR, refreshable=False, not_refreshable_reason="Trakt refused its refresh token"),
        record(PAIR, refreshable=False, not_refreshable_reason=SIGNING_OUT),
    ],
)
def test_a_refresh_token_that_may_be_spent_is_not_revoked_as_that_would_end_every_devices_login(stored):
    talk = locked(stored)
    revokes(talk, "access-4")
    assert forgets(talk) == SignedOut(revoked=True, left=True)


def test_a_login_without_a_refresh_token_leaves_none_behind():
    talk = locked(record(token(4, refresh=False)))
    revokes(talk, "access-4")
    assert forgets(talk) == SignedOut(revoked=True, left=False)


def test_a_held_lock_raises_try_later():
    talk = Conversation(log_out(context()))
    talk.expect(WithLock, answer=BUSY)
    assert talk.raises(TryLater).retry_after == 5


# ---------------------------------------------------------------- a service that does not do it
@pytest.mark.parametrize("answer", [*NOT_REACHED, *WRONG_APP])
def test_a_failed_revocation_leaves_the_login_as_it_was(answer):
    talk = begins(locked(record(PAIR)))
    revokes(talk, "refresh-4", answer)
    talk.expect(Mark(4, None))
    talk.expect(Cancel(4, 1, None))
    talk.raises(AppRejected if answer in WRONG_APP else TryLater)


@pytest.mark.parametrize("answer", NOBODY_KNOWS)
def test_a_refresh_token_that_may_be_revoked_is_not_sent_again(answer):
    talk = begins(locked(record(PAIR)))
    revokes(talk, "refresh-4", answer)
    assert "not refreshed any more. Repeat the sign-out" in talk.raises(TryLater).hint


@pytest.mark.parametrize("answer", [reply(204), refused(400, "invalid_request"), reply(404, HTML)])
def test_an_answer_outside_the_contract_forgets_nothing(answer):
    talk = begins(locked(record(PAIR)))
    revokes(talk, "refresh-4", answer)
    talk.raises(UnexpectedReply)


@pytest.mark.parametrize("answer", [*NOT_REACHED, *NOBODY_KNOWS, *WRONG_APP])
def test_a_sign_out_that_revoked_only_the_refresh_token_can_be_finished(answer):
    talk = begins(locked(record(PAIR)))
    revokes(talk, "refresh-4")
    revokes(talk, "access-4", answer)
    assert not talk.goes_on
    assert isinstance(talk.error, TraktAuthError)
    assert "not refreshed any more" in talk.error.hint


@pytest.mark.parametrize("answer", [*NOT_REACHED, *NOBODY_KNOWS, *WRONG_APP])
def test_the_login_is_kept_if_its_only_token_could_not_be_revoked(answer):
    talk = locked(unconfirmed(PAIR))
    revokes(talk, "access-4", answer)
    assert not talk.goes_on
    assert isinstance(talk.error, TryLater | AppRejected)
