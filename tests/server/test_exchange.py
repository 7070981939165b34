"""Exchanging a code: what each profile answers, and whether the code is alive afterwards."""

from __future__ import annotations

import concurrent.futures

import pytest

CALLBACK = "http://127.0.0.1:9876/callback"
OOB = "urn:ietf:wg:oauth:2.0:oob"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
S256 = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
BAD_GRANT = (
    "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the "
    "authorization request, or was issued to another client."
)
BAD_CLIENT = (
    "Client authentication failed due to unknown client, no client authentication included, or unsupported "
    "authentication method."
)
GONE = ...  # a member that is left out

# What is changed in a right request; the answer; whether the code still works afterwards.
CURRENT = {
    "no client_id": ({"client_id": GONE}, (400, "invalid_request", "client_id is required"), True),
    "no code": ({"code": GONE}, (400, "invalid_request", "code is required"), True),
    "a blank code": ({"code": " "}, (401, "invalid_grant", "invalid code"), True),
    "no redirect_uri": ({"redirect_uri": GONE}, (400, "invalid_request", "redirect_uri is required"), True),
    "no proof": (
        {"client_secret": GONE},
        (400, "invalid_request", "Either code_verifier or client_secret is required"),
        True,
    ),
    "another redirect_uri": (
        {"redirect_uri": "http://127.0.0.1:9876/other"},
        (400, "invalid_request", "redirect_uri mismatch"),
        False,
    ),
    "a wrong secret": ({"client_secret": "no"}, (401, "invalid_client", "invalid client_secret"), False),
    "a verifier in place of the secret": (
        {"client_secret": GONE, "code_verifier": "w" * 43},
        (400, "invalid_client", "client secret must be provided"),
        False,
    ),
    "an unknown app": ({"client_id": "unknown"}, (401, "invalid_client", "invalid client_id"), False),
    "another app": (
        {"client_id": "second-app", "client_secret": "second-secret"},
        (401, "invalid_client", "invalid client_id"),
        False,
    ),
    "a wrong verifier": ({"code_verifier": "w" * 43}, (401, "invalid_request", "code verification failed"), False),
    "an address that is invalid": (
        {"redirect_uri": "nonsense"},
        (400, "VALIDATION_ERROR", "[body.redirect_uri] Invalid URL; [body.redirect_uri] URL must be parseable"),
        True,
    ),
    "a resource that is invalid": (
        {"resource": "https://elsewhere.example"},
        (400, "invalid_request", "requested resource invalid"),
        False,
    ),
    "a list as the code": (
        {"code": ["a"]},
        (400, "VALIDATION_ERROR", "[body.code] Invalid input: expected string, received array"),
        True,
    ),
}
CLASSIC = {
    "no client_id": ({"client_id": GONE}, (401, "invalid_client", BAD_CLIENT), True),
    "no code": ({"code": GONE}, (400, "invalid_request", "Missing required parameter: code."), True),
    "a blank code": ({"code": " "}, (400, "invalid_request", "Missing required parameter: code."), True),
    "no redirect_uri": (
        {"redirect_uri": GONE},
        (400, "invalid_request", "Missing required parameter: redirect_uri."),
        True,
    ),
    "no secret": ({"client_secret": GONE}, (401, "invalid_client", BAD_CLIENT), True),
    "a wrong secret": ({"client_secret": "no"}, (401, "invalid_client", BAD_CLIENT), True),
    "an unknown app": ({"client_id": "unknown"}, (401, "invalid_client", BAD_CLIENT), True),
    "another app": (
        {"client_id": "second-app", "client_secret": "second-secret"},
        (400, "invalid_grant", BAD_GRANT),
        True,
    ),
    "another redirect_uri": (
        {"redirect_uri": "http://127.0.0.1:9876/other"},
        (400, "invalid_grant", BAD_GRANT),
        True,
    ),
    "a verifier without a challenge": ({"code_verifier": "w" * 43}, (400, "invalid_grant", BAD_GRANT), True),
    "a list as the code": ({"code": ["a"]}, (400, "invalid_request", "The parameter code must be a string."), True),
}


@pytest.mark.parametrize("name", CURRENT)
def test_current_refuses_and_burns_the_code_from_its_being_found_on(current, name):
    changes, answer, survives = CURRENT[name]
    code = current.code()
    assert current.exchange(code, **changes).message == answer
    afterwards = current.exchange(code)
    assert (afterwards.status == 200) is survives
    if not survives:
        assert afterwards.message == (401, "invalid_grant", "invalid code")


def test_a_code_for_no_scope_at_all_is_good_for_nothing(current):
    code = current.code(scope="", via="native", response_type="code", **S256)
    message = (400, "invalid_scope", "client does not allow scope ")
    assert current.exchange(code, code_verifier=VERIFIER).message == message


@pytest.mark.parametrize("name", CLASSIC)
def test_classic_refuses_and_leaves_the_code_alive(classic, name):
    changes, answer, survives = CLASSIC[name]
    code = classic.code()
    reply = classic.exchange(code, **changes)
    assert reply.message == answer
    assert f'error="{answer[1]}"' in reply.headers["www-authenticate"]
    assert (classic.exchange(code).status == 200) is survives


def test_tokens_come_with_what_trakt_documents(either):
    reply = either.exchange(either.code())
    assert reply.status == 200
    assert set(reply.json) == {"access_token", "refresh_token", "token_type", "expires_in", "scope", "created_at"}
    assert isinstance(reply.json["expires_in"], int)
    assert isinstance(reply.json["created_at"], int)
    assert (reply.headers["cache-control"], reply.headers["pragma"]) == ("no-store", "no-cache")


def test_a_code_works_once_and_what_it_gave_lives_on(either):
    code = either.code()
    tokens = either.exchange(code).json
    assert either.exchange(code).json["error"] == "invalid_grant"
    assert either.use(tokens["access_token"]) == 200
    assert either.refresh(tokens["refresh_token"]).status == 200


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


def test_an_out_of_band_code_is_exchanged(either):
    assert either.exchange(either.code(redirect_uri=OOB), redirect_uri=OOB).status == 200


def test_a_public_app_proves_itself_by_its_verifier(either):
    code = either.code("public", **S256)
    assert either.exchange(code, "public", code_verifier=VERIFIER).status == 200


def test_a_public_app_may_send_its_secret_as_null(either):
    code = either.code("public", **S256)
    assert either.exchange(code, "public", code_verifier=VERIFIER, client_secret=None).status == 200


def test_a_public_app_must_send_no_secret_on_current(current):
    code = current.code("public", **S256)
    reply = current.exchange(code, "public", code_verifier=VERIFIER, client_secret="x")
    assert reply.message == (400, "invalid_client", "public client, client secret should not be received")


def test_a_challenge_wants_its_verifier(either):
    reply = either.exchange(either.code(**S256))
    assert reply.status in (400, 401)
    assert reply.json["error"] == "invalid_request"


def test_current_takes_no_code_of_someone_who_has_signed_out(current):
    code = current.code()
    current.control("signout")
    current.code()  # signed in again: that is another session
    assert current.exchange(code).message == (400, "invalid_request", "session no longer exists")


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
