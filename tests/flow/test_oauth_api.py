"""The commissioned document's operations: one request, its reply, a value or an error; nothing is ever sent twice."""

from __future__ import annotations

import pytest

from flow.conversation import Conversation
from flow.setup import DEAD, HTML, NOW, Clock, grant, refused, reply
from traktauth.client.oauth_api import _Operations
from traktauth.errors import AppRejected, LoginRefused, TryLater, UnexpectedReply
from traktauth.flow.effects import NoResponse, Send

CODES = {"device_code": "d", "user_code": "U", "verification_url": "https://trakt.tv/activate"}


def converse(operation, answer):
    talk = Conversation(operation)
    talk.expect(Send, answer=answer)
    return talk


def operations(clock=lambda: NOW):
    return _Operations("trakt", insecure=False, clock=clock)


def request_token(clock=lambda: NOW):
    return operations(clock)._exchange_code("code", "id", "secret", "http://127.0.0.1/", None)


def revoke_token():
    return operations()._revoke("token", "id", "secret")


def request_device_code():
    return operations()._new_device_code("id", None)


def poll_token():
    return operations()._poll("code", "id", "secret", None)


def test_the_time_before_the_sending_counts():
    time = Clock()
    talk = Conversation(request_token(lambda: time.wall))
    time.pass_by(10)
    talk.expect(Send, answer=grant(1))
    assert talk.returns().expires_at == NOW + 1000


def test_a_revocation_returns_nothing():
    assert converse(revoke_token(), reply(200, b"{}")).returns() is None


def test_a_device_code_is_returned():
    assert converse(request_device_code(), reply(200, CODES)).returns().user_code == "U"


def test_a_poll_returns_the_token_once_there_is_one():
    assert converse(poll_token(), grant(1)).returns().expires_at == NOW + 1000


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (reply(400), 5),
        (refused(400, "authorization_pending"), 5),
        (reply(429), 10),
        (refused(400, "slow_down"), 10),
        (reply(429, x_retry_after="60"), 60),
        (reply(429, retry_after="1"), 10),
    ],
)
def test_a_poll_without_a_token_yet_says_when_to_poll_again(answer, wait):
    error = converse(poll_token(), answer).raises(TryLater)
    assert (error.retry_after, error.status) == (wait, answer.status)


EVERY = [request_token, revoke_token, request_device_code, poll_token]


@pytest.mark.parametrize("operation", EVERY)
@pytest.mark.parametrize(("sent", "warned"), [(True, True), (False, False)])
def test_a_reply_that_does_not_come_says_whether_the_request_may_have_arrived(operation, sent, warned):
    error = converse(operation(), NoResponse(sent=sent, reason="timed out")).raises(TryLater)
    assert "could not be reached: timed out" in error.message
    assert ("may have arrived" in error.message) is warned


@pytest.mark.parametrize("operation", EVERY)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(503, HTML), TryLater),
        (refused(401, "invalid_client"), AppRejected),
        (refused(400, "unsupported_grant_type"), UnexpectedReply),
    ],
)
def test_a_refusal_is_raised_by_what_to_do_next(operation, answer, error):
    converse(operation(), answer).raises(error)


def test_a_refused_code_or_token_is_a_refused_login():
    converse(request_token(), DEAD).raises(LoginRefused)
    converse(poll_token(), reply(418)).raises(LoginRefused)
