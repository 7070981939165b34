"""Exchanging a code, beyond what the recorded cases show (`tests/fidelity/test_replay.py`)."""

from __future__ import annotations

import concurrent.futures

import pytest


def test_tokens_come_with_what_trakt_documents(either):
    reply = either.exchange(either.code())
    assert reply.status == 200
    assert set(reply.json) == {"access_token", "refresh_token", "token_type", "expires_in", "scope", "created_at"}
    assert isinstance(reply.json["expires_in"], int)
    assert isinstance(reply.json["created_at"], int)
    assert (reply.headers["cache-control"], reply.headers["pragma"]) == ("no-store", "no-cache")


def test_of_ten_equal_exchanges_one_wins(either):
    code = either.code()
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        statuses = [reply.status for reply in pool.map(lambda _: either.exchange(code), range(10))]
    assert statuses.count(200) == 1


def test_no_other_refusal_has_a_state(classic):
    assert "state" not in classic.exchange("x" * 32, state="s").json


def test_a_secret_that_comes_twice_is_refused(classic):
    reply = classic.form(
        "/oauth/token",
        {"authorization": "Basic Zmlyc3QtYXBwOmZpcnN0LXNlY3JldA=="},
        grant_type="client_credentials",
        client_secret="first-secret",
    )
    assert reply.message[:2] == (400, "invalid_request")


@pytest.mark.parametrize(
    "body", ['{"client_id":"a","client_id":"b"}', "client_id=a&client_id=b"], ids=["member", "parameter"]
)
def test_a_repeated_parameter_is_refused(either, body):
    kind = "application/json" if body.startswith("{") else "application/x-www-form-urlencoded"
    reply = either.send("POST", "/oauth/token", headers={"content-type": kind}, body=body)
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")
    assert "client_id" in reply.json["error_description"]
