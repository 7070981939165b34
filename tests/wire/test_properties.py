"""What holds for every reply and every address that anybody could send."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traktauth.errors import LoginRefused, TraktAuthError
from traktauth.models import Token, find_service
from traktauth.wire.authorization import (
    AuthorizationResponse,
    check_issuer,
    parse_authorization_response,
    parse_metadata,
)
from traktauth.wire.device_endpoint import PollStatus, parse_device_code, parse_poll_response
from traktauth.wire.error_responses import (
    error_code,
    error_from_response,
    is_certainly_unspent,
    is_invalid_client,
    is_invalid_grant,
    retry_after,
)
from traktauth.wire.messages import Response
from traktauth.wire.token_endpoint import MAX_LIFE, parse_revocation, parse_token_response

SECRET = "s3cret-Token_0123456789abcdef"
NAMES = [
    "access_token", "refresh_token", "token_type", "expires_in", "created_at", "scope", "error", "error_description",
    "code", "message", "device_code", "user_code", "verification_url", "interval", "issuer",
]  # fmt: skip
WORDS = ["invalid_grant", "invalid_client", "invalid_request", "token not found", "Missing x", "slow_down", SECRET]

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS)
values = st.recursive(
    leaves, lambda more: st.lists(more, max_size=3) | st.dictionaries(st.text(), more, max_size=3), max_leaves=4
)
documents = st.dictionaries(st.sampled_from(NAMES), values).map(lambda document: json.dumps(document).encode())
bodies = st.binary() | documents | documents.flatmap(lambda body: st.integers(0, len(body)).map(lambda n: body[:n]))
headers = st.dictionaries(
    st.sampled_from(["retry-after", "x-retry-after", "x-ratelimit", "content-type"]),
    st.text() | st.floats().map(str) | st.builds(lambda period: json.dumps({"period": period}), leaves),
)
statuses = st.sampled_from([200, 400, 401, 403, 404, 409, 410, 418, 429, 500, 503, 521]) | st.integers(100, 999)
replies = st.builds(Response, statuses, headers, bodies)

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy


def outcome(read, *args, **kwargs):
    """What a reader returns or raises; anything but the project's own errors fails the test."""
    try:
        return read(*args, **kwargs)
    except TraktAuthError as error:
        return error


def assert_fit_to_print(error):
    shown = "".join([str(error), repr(error), error.hint, error.message, str(getattr(error, "error", ""))])
    assert SECRET not in shown
    assert len(shown) < 2000
    assert shown.isprintable()


@pytest.mark.slow
@patient
@given(replies)
def test_parsing_any_token_response_returns_a_token_or_raises_a_trakt_auth_error(reply):
    found = outcome(parse_token_response, reply, sent_at=1e9)
    if isinstance(found, Token):
        assert reply.status == 200
        assert found.access_token.isascii()
        assert 0 <= found.expires_in <= MAX_LIFE
        assert found.expires_at == 1e9 + found.expires_in
    else:
        assert_fit_to_print(found)


@pytest.mark.slow
@patient
@given(replies)
def test_parsing_any_poll_response_returns_a_token_a_wait_or_an_error(reply):
    found = parse_poll_response(reply, sent_at=1e9)
    assert isinstance(found, Token | PollStatus | TraktAuthError)
    if isinstance(found, TraktAuthError):
        assert_fit_to_print(found)


@pytest.mark.slow
@patient
@given(replies)
def test_parsing_any_other_response_returns_a_value_or_raises_a_trakt_auth_error(reply):
    for read in (parse_device_code, parse_revocation, parse_metadata):
        found = outcome(read, reply)
        if isinstance(found, TraktAuthError):
            assert_fit_to_print(found)


@pytest.mark.slow
@patient
@given(replies)
def test_every_response_has_one_class_and_a_finite_wait(reply):
    assert isinstance(error_code(reply), str)
    assert not (is_invalid_grant(reply) and is_certainly_unspent(reply))
    assert not (is_invalid_grant(reply) and is_invalid_client(reply))
    assert 0 <= retry_after(reply) <= 3600
    assert_fit_to_print(error_from_response(reply, what="a token"))


queries = st.lists(
    st.tuples(
        st.sampled_from(["code", "state", "iss", "error", "error_description", "x"]), st.text() | st.just("ours")
    ),
    max_size=6,
)
addresses = (
    st.text()
    | st.builds(lambda query: "http://127.0.0.1/cb?" + "&".join(f"{name}={value}" for name, value in query), queries)
)  # fmt: skip


@patient
@given(addresses, st.none() | st.just("ours"))
def test_parsing_any_redirect_returns_a_response_a_refusal_or_nothing(address, state):
    found = parse_authorization_response(address, state=state)
    assert found is None or isinstance(found, AuthorizationResponse | LoginRefused)
    if isinstance(found, LoginRefused):
        assert_fit_to_print(found)


issuers = st.text() | st.builds("https://{}".format, st.text()) | st.just("https://[::1")


@patient
@given(issuers, st.sampled_from(["trakt", "auth.trakt.tv", "staging", "http://127.0.0.1:8712"]))
def test_checking_any_issuer_returns_or_raises_login_refused(iss, name):
    found = outcome(check_issuer, iss, service=find_service(name))
    assert found is None or isinstance(found, LoginRefused)
