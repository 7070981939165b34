"""Answers to a revocation. Trakt: *Revoke an access_token*."""

from __future__ import annotations

import pytest

from traktauth.errors import AppRejected, TraktAuthError, TryLater, UnexpectedReply
from traktauth.wire.token_endpoint import parse_revocation
from wire.responses import HTML, UNKNOWN_CLIENT, refused, reply


@pytest.mark.parametrize("body", [b"{}", b"", b"null", b"[]", HTML, b"[" * 100_000])
def test_every_200_says_revoked(body):
    parse_revocation(reply(200, body))


def test_a_token_that_the_service_does_not_know_is_revoked():  # recorded from better-auth 1.6.33
    parse_revocation(refused(400, "invalid_request", "token not found"))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(403, "unauthorized_client", "You are not authorized to revoke this token"), AppRejected),
        (refused(401, "invalid_client", "invalid client_secret"), AppRejected),
        (refused(400, "invalid_client", "client secret must be provided"), AppRejected),
        (refused(401, "invalid_client", UNKNOWN_CLIENT), AppRejected),
        (refused(401, "invalid_request", "token not found"), UnexpectedReply),
        (refused(400, "invalid_request", "Invalid access token"), UnexpectedReply),
        (refused(400, "invalid_token", "token not found"), UnexpectedReply),
        (reply(400, {"message": "[body.token] Invalid input", "code": "VALIDATION_ERROR"}), UnexpectedReply),
        (reply(204), UnexpectedReply),
        (reply(404, HTML), UnexpectedReply),
        (reply(403, HTML), TryLater),
        (reply(429), TryLater),
        (reply(500), TryLater),
        (reply(503, HTML), TryLater),
    ],
)
def test_anything_else_says_not_revoked_by_what_to_do_next(answer, error):
    with pytest.raises(TraktAuthError) as caught:
        parse_revocation(answer)
    assert type(caught.value) is error
