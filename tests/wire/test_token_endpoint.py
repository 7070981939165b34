"""Granting replies, in every variant that Trakt's engines and the ways to them are known for."""

from __future__ import annotations

import json

import pytest

from traktauth.errors import UnexpectedReply
from traktauth.wire.messages import Response
from traktauth.wire.token_endpoint import ASSUMED_LIFE, MAX_LIFE, parse_token_response
from wire.responses import HTML, reply

NOW = 1_800_000_000.0
PAIR = {"access_token": "the-access-token", "refresh_token": "the-refresh-token", "token_type": "bearer"}
GRANT = {**PAIR, "expires_in": 604800, "scope": "public", "created_at": 1_799_999_990}


def read(**changed):
    return parse_token_response(reply(200, {**GRANT, **changed}), sent_at=NOW)


def without(name):
    return parse_token_response(reply(200, {key: value for key, value in GRANT.items() if key != name}), sent_at=NOW)


def test_the_documents_reply_is_read_whole():
    token = read()
    assert (token.access_token, token.refresh_token) == ("the-access-token", "the-refresh-token")
    assert (token.token_type, token.scope, token.created_at) == ("bearer", "public", 1_799_999_990)
    assert (token.expires_in, token.expires_at) == (604800, NOW + 604800)
    assert token.generation == 0


def test_the_expiry_is_computed_with_this_machines_clock():
    assert read(created_at=5).expires_at == NOW + 604800
    assert read(expires_at=5).expires_at == NOW + 604800


def test_better_auths_own_reply_is_read():  # recorded from better-auth 1.6.33
    body = {
        "access_token": "kLsQ",
        "expires_in": 604800,
        "expires_at": 1_800_604_800,
        "token_type": "Bearer",
        "refresh_token": "qTNr",
        "scope": "openid public offline_access",
        "id_token": "e30.e30.",
    }
    token = parse_token_response(reply(200, body), sent_at=NOW)
    assert (token.token_type, token.scope, token.created_at) == ("Bearer", "openid public offline_access", None)


def test_a_reply_without_a_refresh_token_or_a_lifetime_is_read():  # as better-auth answers a narrowed scope
    assert without("refresh_token").refresh_token is None
    assert without("expires_in").expires_in == ASSUMED_LIFE


@pytest.mark.parametrize("value", [None, "", 5, False, ["x"], {"x": 1}, "\ud800"])
def test_a_malformed_refresh_token_is_ignored(value):
    assert read(refresh_token=value).refresh_token is None


@pytest.mark.parametrize("shape", ["a", "a" * 5000, "eyJ.e30.-_~", "~!@#$%^&*()_+{}|:<>?/=", "0"])
def test_tokens_of_any_shape_are_taken_as_they_are(shape):
    token = read(access_token=shape, refresh_token=shape)
    assert (token.access_token, token.refresh_token) == (shape, shape)


@pytest.mark.parametrize("shape", ["with a blank", "é", "\u540d", "a\nb"])
def test_a_refresh_token_may_be_any_text_as_it_travels_in_json(shape):
    assert read(refresh_token=shape).refresh_token == shape


@pytest.mark.parametrize(
    ("life", "read_as"),
    [
        (604800, 604800),
        (7889237, 7889237),
        (86400, 86400),
        (0, 0),
        (1, 1),
        ("7776000", 7776000),
        (3600.9, 3600),
        ("3600.5", 3600),
        (10**12, MAX_LIFE),
        (10**400, MAX_LIFE),
        (1e300, MAX_LIFE),
        (float("inf"), MAX_LIFE),
        ("1e400", MAX_LIFE),
    ],
)
def test_a_lifetime_may_be_a_number_of_any_kind(life, read_as):
    token = read(expires_in=life)
    assert token.expires_in == read_as
    assert token.expires_at == NOW + read_as


@pytest.mark.parametrize("life", [-1, -(10**400), "-5", float("nan"), "nan", None, True, False, "", "soon", [1], {}])
def test_a_malformed_lifetime_counts_as_an_hour(life):
    token = read(expires_in=life)
    assert (token.expires_in, token.expires_at) == (ASSUMED_LIFE, NOW + ASSUMED_LIFE)


@pytest.mark.parametrize("value", [None, 5, ["a"], "\ud800"])
def test_what_should_be_text_and_is_not_falls_back(value):
    token = read(token_type=value, scope=value)
    assert (token.token_type, token.scope) == ("bearer", "")


@pytest.mark.parametrize("value", [None, "1799999990", 1.5, True, 10**30, -(10**30)])
def test_a_time_of_issue_must_be_a_whole_number(value):
    assert read(created_at=value).created_at is None


def test_a_time_of_issue_with_5000_digits_costs_no_token():
    body = json.dumps(GRANT).replace("1799999990", "9" * 5000).encode()
    token = parse_token_response(Response(200, {}, body), sent_at=NOW)
    assert (token.access_token, token.created_at) == (GRANT["access_token"], None)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(HTML, id="HTML"),
        pytest.param(json.dumps(GRANT).encode()[:-30], id="truncated"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"x" * 10_000_000, id="10 MB"),
        pytest.param(b"null", id="null"),
        pytest.param(json.dumps([GRANT]).encode(), id="array"),
        pytest.param(b'{"refresh_token": "the-refresh-token"}', id="no access token"),
    ],
)
def test_an_unreadable_200_is_reported_without_its_body(body):
    with pytest.raises(UnexpectedReply, match="holds no access token") as caught:
        parse_token_response(Response(200, {}, body), sent_at=NOW)
    assert caught.value.status == 200
    assert "Report it" in caught.value.hint
    assert "refresh-token" not in repr(caught.value) + str(caught.value)


@pytest.mark.parametrize("value", [None, "", 5, True, ["x"], "a b", "a\n", "a\x16", "é", "\ud800"])
def test_an_access_token_must_fit_in_a_header_field(value):
    with pytest.raises(UnexpectedReply):
        read(access_token=value)


@pytest.mark.parametrize("status", [200, 201, 203])
def test_a_whole_token_is_taken_although_a_proxy_has_changed_the_status(status):
    assert parse_token_response(reply(status, GRANT), sent_at=NOW).access_token == GRANT["access_token"]


@pytest.mark.parametrize("status", [202, 204, 206, 302, 307])
def test_no_other_status_grants(status):
    with pytest.raises(UnexpectedReply) as caught:
        parse_token_response(reply(status, GRANT), sent_at=NOW)
    assert caught.value.status == status


def test_what_was_asked_for_is_named():
    with pytest.raises(UnexpectedReply, match="a new token"):
        parse_token_response(reply(200), sent_at=NOW, what="a new token")
