"""Exchanging a code, beyond what the recorded cases show (`tests/fidelity/test_replay.py`)."""

from __future__ import annotations

import concurrent.futures

import pytest

CALLBACK = "http://127.0.0.1:9876/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
S256 = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}


def test_a_list_as_the_code_is_refused_in_the_words_of_each_engine(current, classic):
    message = "[body.code] Invalid input: expected string, received array"
    assert current.exchange(["a"]).message == (400, "VALIDATION_ERROR", message)
    assert classic.exchange(["a"]).message == (400, "invalid_request", "The parameter code must be a string.")


def test_tokens_come_with_what_trakt_documents(either):
    reply = either.exchange(either.code())
    assert reply.status == 200
    assert set(reply.json) == {"access_token", "refresh_token", "token_type", "expires_in", "scope", "created_at"}
    assert isinstance(reply.json["expires_in"], int)
    assert isinstance(reply.json["created_at"], int)
    assert (reply.headers["cache-control"], reply.headers["pragma"]) == ("no-store", "no-cache")


def test_a_code_expires_after_ten_minutes(either):
    old, young = either.code(), either.code()
    either.control("clock", advance=590)
    assert either.exchange(young).status == 200
    either.control("clock", advance=11)
    assert either.exchange(old).json["error"] == "invalid_grant"


def test_of_ten_equal_exchanges_one_wins(either):
    code = either.code()
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        statuses = [reply.status for reply in pool.map(lambda _: either.exchange(code), range(10))]
    assert statuses.count(200) == 1


def test_a_code_for_another_loopback_port_is_exchanged_with_that_port(either):
    address = "http://127.0.0.1:50123/callback"
    code = either.code(redirect_uri=address)
    assert either.exchange(code, redirect_uri=address).status == 200


def test_a_public_app_may_send_its_secret_as_null(either):
    code = either.code("public", **S256)
    assert either.exchange(code, "public", code_verifier=VERIFIER, client_secret=None).status == 200


@pytest.mark.parametrize("grant", [{}, {"grant_type": "password"}, {"grant_type": "authorization_code"}])
def test_of_what_cannot_be_granted_doorkeeper_gives_the_state_back(classic, grant):
    assert classic.post("/oauth/token", state="s", **grant).json["state"] == "s"
    assert "state" not in classic.post("/oauth/token", **grant).json


def test_no_other_refusal_has_a_state(classic):
    assert "state" not in classic.exchange("x" * 32, state="s").json


def test_clients_in_the_field_are_served(either):
    doubled = either.post(
        "//oauth/token",
        grant_type="authorization_code",
        code=either.code(),
        redirect_uri=CALLBACK,
        client_id="first-app",
        client_secret="first-secret",
        username="sean",
        created_at=1,
    )
    assert doubled.status == 200
    form = either.form(
        "/oauth/token",
        {"authorization": "Bearer stale"},
        grant_type="authorization_code",
        code=either.code(),
        redirect_uri=CALLBACK,
        client_id="first-app",
        client_secret="first-secret",
    )
    assert form.status == 200


def test_http_basic_is_taken_by_classic_and_not_at_trakts_current_address(classic, current):
    basic = {"authorization": "Basic Zmlyc3QtYXBwOmZpcnN0LXNlY3JldA=="}
    for client, status in ((classic, 200), (current, 400)):
        members = {"grant_type": "authorization_code", "code": client.code(), "redirect_uri": CALLBACK}
        assert client.form("/oauth/token", basic, **members).status == status


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


def test_grants_that_are_none(current, classic):
    members = {"grant_type": "password", "username": "u", "password": "p", "client_id": "first-app"}
    assert current.post("/oauth/token", **members).json["code"] == "VALIDATION_ERROR"
    assert classic.post("/oauth/token", **members).json["error"] == "unsupported_grant_type"
    members |= {"grant_type": "client_credentials", "client_secret": "first-secret"}
    assert current.post("/oauth/token", **members).json["error"] == "unauthorized_client"
    token = classic.post("/oauth/token", **members).json
    assert "refresh_token" not in token
    assert classic.use(token["access_token"]) == 401  # it belongs to no one
