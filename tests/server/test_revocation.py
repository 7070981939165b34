"""Revocation and introspection: what dies with what, and who may ask."""

from __future__ import annotations

import pytest

BASIC = {"authorization": "Basic Zmlyc3QtYXBwOmZpcnN0LXNlY3JldA=="}
NATIVE = "/api/auth/oauth2"
MINE = {"client_id": "first-app", "client_secret": "first-secret"}


def test_current_revoking_an_access_token_leaves_its_refresh_token(current):
    login = current.login()
    reply = current.revoke(login.access)
    assert (reply.status, reply.json) == (200, {})
    assert current.use(login.access) == 401
    assert current.refresh(login.refresh).status == 200


def test_current_revoking_a_refresh_token_ends_its_access_token_and_no_older_one(current):
    login = current.login()
    newest = current.renewed(login.refresh)
    assert current.revoke(newest.refresh).status == 200
    assert current.use(newest.access) == 401
    assert current.use(login.access) == 200


@pytest.mark.parametrize("half", [0, 1])
def test_classic_either_half_takes_the_pair_along(classic, half):
    login = classic.login()
    assert classic.revoke(login[half]).json == {}
    assert classic.use(login.access) == 401
    assert classic.refresh(login.refresh).json["error"] == "invalid_grant"
    assert classic.revoke(login[half]).status == 200


def test_classic_revokes_a_refresh_token_whose_access_token_has_expired(classic):
    login = classic.login()
    classic.control("expire", kind="access", value=login.access)
    classic.revoke(login.refresh)
    assert classic.refresh(login.refresh).json["error"] == "invalid_grant"


def test_classic_a_public_apps_token_is_revoked_by_no_other_app(classic):
    login = classic.login("public")
    assert classic.revoke(login.access).status == 403
    assert classic.use(login.access, "public") == 200


def test_another_apps_token_stays_alive(either):
    login = either.login()
    reply = either.revoke(login.access, "second")
    assert reply.status in (200, 403)
    assert either.use(login.access) == 200
    assert either.refresh(login.refresh).status == 200


def test_an_unknown_token(current, classic):
    assert current.revoke("U" * 32).said == (400, "invalid_request", "token not found")
    assert current.revoke("U" * 32, token_type_hint="access_token").said[2] == "Invalid access token"
    assert classic.revoke("U" * 32).json == {}


@pytest.mark.parametrize(
    ("changes", "current_answer"),
    [
        ({"client_secret": "no"}, (401, "invalid client_secret")),
        ({"client_secret": ...}, (400, "client secret must be provided")),
        ({"client_id": ...}, (401, "missing required credentials")),
        ({"client_id": "unknown"}, (400, "missing client")),
    ],
)
def test_whoever_cannot_prove_itself_revokes_nothing(current, classic, changes, current_answer):
    for client in (current, classic):
        login = client.login()
        reply = client.revoke(login.access, **changes)
        if client is current:
            assert (reply.status, reply.json["error_description"]) == current_answer
        else:
            assert reply.said == (403, "unauthorized_client", "You are not authorized to revoke this token")
        assert client.use(login.access) == 200


def test_current_takes_a_hint_at_its_word(current):
    login = current.login()
    reply = current.revoke(login.access, token_type_hint="refresh_token")
    assert reply.said == (400, "invalid_request", "token not found")
    assert current.use(login.access) == 200


def test_the_native_door_answers_with_nothing_or_null(current):
    login = current.login()
    foreign = {"client_id": "second-app", "client_secret": "second-secret"}
    assert current.form(f"{NATIVE}/revoke", token=login.access, **foreign).text == "null"
    assert current.form(f"{NATIVE}/revoke", token=login.access, **MINE).text == ""


def test_current_introspection(current):
    login = current.login()
    told = current.form(f"{NATIVE}/introspect", token=login.access, **MINE).json
    assert told["active"] is True
    assert told["client_id"] == "first-app"
    assert told["iss"] == current.url
    assert told["exp"] - told["iat"] == 604800
    assert current.form(f"{NATIVE}/introspect", token=login.refresh, **MINE).json["active"] is True
    foreign = {"client_id": "second-app", "client_secret": "second-secret"}
    assert current.form(f"{NATIVE}/introspect", token=login.access, **foreign).json == {"active": False}
    current.control("expire", kind="access", value=login.access)
    assert current.form(f"{NATIVE}/introspect", token=login.access, **MINE).json == {"active": False}
    unknown = current.form(f"{NATIVE}/introspect", token="U" * 32, **MINE)
    assert unknown.said == (400, "invalid_request", "token not found")
    nobody = current.form(f"{NATIVE}/introspect", token=login.access, client_id="first-app")
    assert nobody.said == (401, "invalid_client", "missing required credentials")


def test_classic_introspection(classic):
    login = classic.login()
    told = classic.form("/oauth/introspect", BASIC, token=login.refresh).json
    assert (told["active"], told["client_id"], told["token_type"]) == (True, "first-app", "Bearer")
    by_token = {"authorization": f"Bearer {classic.login().access}"}
    assert classic.form("/oauth/introspect", by_token, token=login.access).json["active"] is True
    by_itself = {"authorization": f"Bearer {login.access}"}
    refused = classic.form("/oauth/introspect", by_itself, token=login.access).json
    assert (refused["error"], refused["state"]) == ("invalid_token", "unauthorized")
    assert classic.form("/oauth/introspect", token=login.access).json["error"] == "invalid_request"
    classic.revoke(login.access)
    assert classic.form("/oauth/introspect", BASIC, token=login.access).json == {"active": False}


def test_classic_token_information(classic):
    login = classic.login()
    told = classic.get("/oauth/token/info", authorization=f"Bearer {login.access}").json
    assert told["application"] == {"uid": "first-app"}
    assert told["scope"] == ["public"]
    dead = classic.get("/oauth/token/info", authorization="Bearer x")
    assert (dead.status, dead.json["state"]) == (401, "unauthorized")


def test_user_information_is_for_openid(current):
    login = current.login()
    path = f"{NATIVE}/userinfo"
    assert current.get(path, authorization=f"Bearer {login.access}").said == (
        400,
        "invalid_scope",
        "Missing required scope",
    )
    assert current.get(path).status == 401
    code = current.code(scope="openid email offline_access")
    tokens = current.exchange(code).json
    told = current.get(path, authorization=f"Bearer {tokens['access_token']}").json
    assert told["email"] == "sean@example.test"


def test_the_api_says_what_is_wrong_with_a_token(either):
    login = either.login()
    assert either.api(login.access).json["user"]["username"] == "sean"
    assert either.get("/users/settings", authorization=f"Bearer {login.access}").status == 403
    nothing = either.get("/users/settings", trakt_api_key="first-app")
    assert nothing.status == 401
    assert nothing.text == ""
    assert 'error="invalid_token"' in nothing.headers["www-authenticate"]
    either.control("expire", kind="access", value=login.access)
    assert "expired" in either.api(login.access).headers["www-authenticate"]


def test_writes_want_a_post(either):
    login = either.login()
    headers = {"authorization": f"Bearer {login.access}", "trakt-api-key": "first-app"}
    assert either.send("POST", "/sync/history", headers=headers, body=b"{}").status == 201
    wrong = either.send("GET", "/sync/history", headers=headers)
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
