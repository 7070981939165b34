"""Answers to a poll, by Trakt's statuses and by RFC 8628's words. Trakt: *Poll for the access_token*."""

from __future__ import annotations

import pytest

from traktauth.errors import AppRejected, LoginRefused, TryLater, UnexpectedReply
from traktauth.models import Token
from traktauth.protocol import ONE_COMMUNITY_APP
from traktauth.wire.device_endpoint import PollStatus, parse_poll_response
from wire.responses import HTML, refused, reply

NOW = 1_800_000_000.0
GRANT = {"access_token": "a", "token_type": "bearer", "expires_in": 604800, "refresh_token": "r", "scope": "public"}


def read(*answer):
    return parse_poll_response(reply(*answer), sent_at=NOW)


def test_a_200_is_the_token():
    token = read(200, GRANT)
    assert isinstance(token, Token)
    assert (token.access_token, token.refresh_token, token.expires_at) == ("a", "r", NOW + 604800)


@pytest.mark.parametrize(
    "body",
    [b"", HTML, b"{}", b"pending", b"null", b"[" * 100_000, {"message": "x"}, {"error": None},
     {"error": "authorization_pending"}],
)  # fmt: skip
def test_a_400_without_another_word_is_pending(body):
    assert read(400, body) is PollStatus.PENDING


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, b""),
        (429, HTML),
        (429, {"message": "Too many requests. Please try again later."}),
        (400, {"error": "slow_down", "error_description": "Polling too frequently"}),
    ],
)
def test_a_429_and_rfc_8628s_slow_down_are_too_fast(status, body):
    assert read(status, body) is PollStatus.TOO_FAST


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(404), "unknown_code"),
        (reply(409), "used_code"),
        (reply(410), "expired_token"),
        (reply(418), "access_denied"),
        (reply(418, HTML), "access_denied"),
        (refused(400, "expired_token", "Device code has expired"), "expired_token"),
        (refused(400, "access_denied", "Access denied"), "access_denied"),
        (refused(400, "invalid_grant", "Invalid device code"), "unknown_code"),
        (refused(400, "invalid_grant", "Client ID mismatch"), "unknown_code"),
    ],
)
def test_an_end_says_why(answer, error):
    ended = parse_poll_response(answer, sent_at=NOW)
    assert ended.hint_from({ended.code: "a command"}) == "a command"
    assert isinstance(ended, LoginRefused)
    assert ended.error == error
    assert ended is not parse_poll_response(answer, sent_at=NOW), "a raised error keeps its traceback"
    assert "login()" in ended.hint
    assert ended.hint.endswith(ONE_COMMUNITY_APP) == (error == "expired_token")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(400, "invalid_request"), UnexpectedReply),
        (refused(400, "invalid_client"), AppRejected),
        (refused(401, "invalid_client", "invalid client_secret"), AppRejected),
        (refused(400, "unsupported_grant_type"), UnexpectedReply),
        (reply(400, {"message": "[body.grant_type] …", "code": "VALIDATION_ERROR"}), UnexpectedReply),
        (reply(415, {"message": "…", "code": "UNSUPPORTED_MEDIA_TYPE"}), UnexpectedReply),
        (reply(200, HTML), UnexpectedReply),
        (reply(200, b""), UnexpectedReply),
        (reply(302), UnexpectedReply),
        (reply(500), TryLater),
        (reply(503, HTML), TryLater),
        (reply(403, HTML), TryLater),
    ],
)
def test_any_other_response_is_an_error(answer, error):
    assert type(parse_poll_response(answer, sent_at=NOW)) is error
