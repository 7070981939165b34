"""Refusing replies: what they are called, what is next, and whether they spent what was sent."""

from __future__ import annotations

import json

import pytest

from traktauth.errors import AppRejected, LoginRefused, TryLater, UnexpectedReply
from traktauth.protocol import ACCOUNT_LIMITS
from traktauth.wire.error_responses import (
    error_code,
    error_from_response,
    is_certainly_unspent,
    is_invalid_client,
    is_invalid_grant,
    retry_after,
)
from wire.responses import DEAD_GRANT, HTML, UNKNOWN_CLIENT, refused, reply

SPENT, NOT_SPENT, UNKNOWN = "spent", "not spent", "unknown"
APP, OTHER_APP = "not spent, the app is wrong", "unknown, the app is wrong"

# Did it reach the engine? One row a status and body.
TABLE = [
    (reply(429), NOT_SPENT),
    (reply(429, HTML), NOT_SPENT),
    (reply(429, {"message": "Too many requests. Please try again later."}), NOT_SPENT),
    (reply(521, HTML), NOT_SPENT),
    (reply(522, HTML), NOT_SPENT),
    (reply(523, HTML), NOT_SPENT),
    (reply(521), NOT_SPENT),
    (reply(403, HTML), NOT_SPENT),
    (reply(403, b"x", content_type="text/html; charset=UTF-8"), NOT_SPENT),
    (reply(403), UNKNOWN),
    (reply(403, b"Forbidden"), UNKNOWN),
    (reply(403, b"{}"), UNKNOWN),
    (reply(403, {"message": "no"}, content_type="text/html"), UNKNOWN),
    (reply(403, b'{"error": "inva'), UNKNOWN),
    (reply(500), UNKNOWN),
    (reply(500, {"message": "boom"}), UNKNOWN),
    (reply(502, HTML), UNKNOWN),
    (reply(503, HTML), UNKNOWN),
    (reply(504, HTML), UNKNOWN),
    (reply(520, HTML), UNKNOWN),
    (reply(524, HTML), UNKNOWN),
    (reply(525, HTML), NOT_SPENT),
    (reply(526, HTML), NOT_SPENT),
    (reply(530, HTML), NOT_SPENT),
    (reply(421), NOT_SPENT),
    (reply(425), NOT_SPENT),
    (reply(501), UNKNOWN),
    (reply(403, {"error": "access_denied"}), UNKNOWN),
    (reply(400), UNKNOWN),
    (reply(400, HTML), UNKNOWN),
    (reply(400, {"message": "[body.grant_type] Invalid option", "code": "VALIDATION_ERROR"}), UNKNOWN),
    (refused(400, "invalid_request", "Missing required parameter: refresh_token."), UNKNOWN),
    (refused(400, "invalid_scope"), UNKNOWN),
    (refused(400, "unsupported_grant_type"), UNKNOWN),
    (refused(400, "invalid_grant", "Missing refresh_token"), UNKNOWN),
    (refused(403, "invalid_grant", DEAD_GRANT), UNKNOWN),
    (reply(401), UNKNOWN),
    (reply(404, HTML), UNKNOWN),
    (reply(408), UNKNOWN),
    (reply(415, {"message": "no", "code": "UNSUPPORTED_MEDIA_TYPE"}), UNKNOWN),
    (reply(420), UNKNOWN),
    (reply(423), UNKNOWN),
    (reply(426), UNKNOWN),
    (reply(301), UNKNOWN),
    (reply(307), UNKNOWN),
    (reply(201, {"access_token": "a"}), UNKNOWN),
    (refused(400, "invalid_grant", DEAD_GRANT), SPENT),
    (refused(401, "invalid_grant", DEAD_GRANT), SPENT),
    (refused(400, "invalid_grant", "session not found"), SPENT),
    (refused(400, "invalid_grant", "invalid refresh token"), SPENT),
    (refused(401, "invalid_verification", "Invalid code"), SPENT),
    (refused(401, "invalid_client", UNKNOWN_CLIENT), APP),
    (refused(401, "invalid_client", "invalid client_secret"), APP),
    (refused(400, "invalid_client", "client is disabled"), APP),
    (refused(400, "unauthorized_client"), OTHER_APP),
    (refused(403, "unauthorized_client"), OTHER_APP),
]


def row(answer, outcome):
    try:
        body = json.loads(answer.body)
        named = body.get("error_description") or body.get("error") or body.get("code") or "JSON"
    except ValueError:
        named = "HTML" if answer.body else "empty"
    return pytest.param(answer, outcome, id=f"{answer.status} {named[:24]} {outcome}")


@pytest.mark.parametrize(("answer", "outcome"), [row(*one) for one in TABLE])
def test_whether_a_reply_spent_the_refresh_token(answer, outcome):
    assert is_certainly_unspent(answer) is (outcome in {NOT_SPENT, APP})
    assert is_invalid_grant(answer) is (outcome == SPENT)
    assert is_invalid_client(answer) is (outcome in {APP, OTHER_APP})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": "invalid_grant"}, "invalid_grant"),
        ({"message": "…", "code": "VALIDATION_ERROR"}, "VALIDATION_ERROR"),
        ({"error": "a", "code": "b"}, "a"),
        ({"error": 5}, ""),
        ({"error": {"message": "x"}}, ""),
        ({}, ""),
        (b"", ""),
        (HTML, ""),
        (b"[" * 100_000, ""),
        (b'["error"]', ""),
    ],
)
def test_the_error_code_is_oauths_or_better_auths_or_none(body, code):
    assert error_code(reply(400, body)) == code


@pytest.mark.parametrize(
    "code", ["s3cret-Token_01", "\x1b[31mred", "two words", "é", "x" * 41, "", "<script>", "a\nb", 5, None, {"a": "b"}]
)
def test_a_code_that_could_be_a_secret_or_worse_is_not_shown(code):
    error = error_from_response(reply(400, {"error": code}), what="a token")
    assert error.message == "Trakt answered 400 when it was asked for a token"


# ---------------------------------------------------------------- how long to wait
LIMIT = '{"name":"UNAUTHED_API_GET_LIMIT","period":300,"limit":500,"remaining":0,"until":"2020-10-10T00:24:00Z"}'


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7),
        ({"x_retry_after": "60"}, 60),
        ({"x_ratelimit": LIMIT}, 300),
        ({}, 30),
        ({"retry_after": "7", "x_retry_after": "60", "x_ratelimit": LIMIT}, 7),
        ({"x_retry_after": "60", "x_ratelimit": LIMIT}, 60),
        ({"retry_after": "0"}, 0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": "999999999"}, 3600),
        ({"retry_after": "inf"}, 3600),
        ({"retry_after": "-5"}, 30),
        ({"retry_after": "nan"}, 30),
        ({"retry_after": ""}, 30),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30),
        ({"retry_after": "soon", "x_retry_after": "9"}, 9),
        ({"x_ratelimit": "no JSON"}, 30),
        ({"x_ratelimit": "[]"}, 30),
        ({"x_ratelimit": "{}"}, 30),
        ({"x_ratelimit": '{"period": null}'}, 30),
        ({"x_ratelimit": '{"period": -1}'}, 30),
        ({"x_ratelimit": '{"period": NaN}'}, 30),
        ({"x_ratelimit": '{"period": 1' + "0" * 400 + "}"}, 30),
        ({"x_ratelimit": '{"period": 1e300}'}, 3600),
        ({"x_ratelimit": "[" * 100_000}, 30),
    ],
)
def test_a_429_says_how_long_to_wait_in_any_of_three_header_fields(headers, seconds):
    answer = reply(429, **headers)
    assert retry_after(answer) == seconds
    error = error_from_response(answer, what="a token")
    assert isinstance(error, TryLater)
    assert (error.retry_after, error.status) == (seconds, 429)
    assert error.hint == f"Repeat it in {seconds:.0f} s"


# ---------------------------------------------------------------- by what the caller does next
@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 521, 522, 523, 524])
def test_an_outage_means_try_later_and_not_before_half_a_minute(status):
    error = error_from_response(reply(status, HTML, retry_after="1"), what="a token")
    assert isinstance(error, TryLater)
    assert (error.status, error.retry_after) == (status, 30)
    assert str(status) in error.message
    assert error_from_response(reply(status, HTML, retry_after="120"), what="a token").retry_after == 120


def test_cloudflares_page_names_the_remedy():
    error = error_from_response(reply(403, HTML), what="a token")
    assert isinstance(error, TryLater)
    assert (error.status, error.retry_after) == (403, 30)
    assert "another network" in error.hint


@pytest.mark.parametrize(
    ("status", "code"), [(401, "invalid_client"), (400, "invalid_client"), (403, "unauthorized_client")]
)
def test_a_refused_app_raises_app_rejected(status, code):
    error = error_from_response(refused(status, code, "the-description"), what="a token")
    assert type(error) is AppRejected
    assert error.error == code
    assert "client_secret" in error.hint
    assert "the-description" not in str(error)


@pytest.mark.parametrize(
    ("status", "code"), [(400, "invalid_grant"), (401, "invalid_grant"), (401, "invalid_verification")]
)
def test_a_dead_code_or_token_means_a_new_sign_in(status, code):
    error = error_from_response(refused(status, code, "invalid code"), what="a token")
    assert type(error) is LoginRefused
    assert error.error == code
    assert "login()" in error.hint


def test_missing_in_an_invalid_grant_does_not_end_the_login():  # as better-auth 1.6.33 words it
    error = error_from_response(refused(400, "invalid_grant", "Missing refresh_token"), what="a new token")
    assert type(error) is UnexpectedReply
    assert "Report it" in error.hint


# Recorded from better-auth 1.6.33 and 1.5.6: both burn the code under a word that says nothing; 1.7 has another.
@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("invalid_request", "redirect_uri mismatch"),
        ("invalid_request", "missing verification redirect_uri"),
        ("invalid_grant", "redirect_uri mismatch"),
    ],
)
def test_a_wrong_redirect_address_raises_app_rejected_and_kills_no_login(code, sentence):
    response = refused(400, code, sentence)
    assert not is_invalid_grant(response)
    error = error_from_response(response, what="a token")
    assert type(error) is AppRejected
    assert "redirect_uri" in error.hint


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (400, "session no longer exists"),
        (401, "code verification failed"),
        (401, "code_verifier provided but PKCE was not used in authorization"),
    ],
)
def test_a_code_that_was_burned_on_the_way_means_a_new_sign_in(status, sentence):
    error = error_from_response(refused(status, "invalid_request", sentence), what="a token")
    assert type(error) is LoginRefused
    assert "login()" in error.hint


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (reply(400, {"message": "…", "code": "VALIDATION_ERROR"}), "400 VALIDATION_ERROR"),
        (refused(400, "unsupported_grant_type"), "400 unsupported_grant_type"),
        (refused(400, "invalid_scope"), "400 invalid_scope"),
        (refused(400, "invalid_request", "Missing required parameter: code."), "400 invalid_request"),
        (reply(404), "404"),
        (reply(405), "405"),
        (reply(409), "409"),
        (reply(412, b"no JSON"), "412"),
        (reply(420, x_vip_user="false"), "420"),
        (reply(422), "422"),
        (reply(423, x_account_locked="true"), "423"),
        (reply(426), "426"),
        (reply(302), "302"),
    ],
)
def test_what_is_outside_the_contract_is_reported_with_its_status_and_code(answer, named):
    error = error_from_response(answer, what="a token")
    assert type(error) is UnexpectedReply
    assert error.status == answer.status
    assert error.message == f"Trakt answered {named} when it was asked for a token"
    limit = ACCOUNT_LIMITS.get(answer.status)
    assert error.hint.startswith(limit or "Report it")
