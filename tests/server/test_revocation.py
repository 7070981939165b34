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


def test_a_refresh_token_whose_access_token_has_expired_can_be_revoked(either):
    login = either.login()
    either.control("expire", kind="access", value=login.access)
    assert either.revoke(login.refresh).status == 200
    assert either.refresh(login.refresh).json["error"] == "invalid_grant"


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
    assert current.revoke("U" * 32).message == (400, "invalid_request", "token not found")
    assert current.revoke("U" * 32, token_type_hint="access_token").message[2] == "Invalid access token"
    assert classic.revoke("U" * 32).json == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "current_answer"),
    [
        ({"client_secret": "no"}, (401, "invalid client_secret")),
        ({"client_secret": ...}, (400, "client secret must be provided")),
        ({"client_id": ...}, (401, "missing required credentials")),
        ({"client_id": "unknown"}, (400, "missing client")),
    ],
)
def test_a_client_that_cannot_prove_itself_revokes_nothing(current, classic, changes, current_answer):
    for client in (current, classic):
        login = client.login()
        reply = client.revoke(login.access, **changes)
        if client is current:
            assert (reply.status, reply.json["error_description"]) == current_answer
        else:
            assert reply.message == (403, "unauthorized_client", "You are not authorized to revoke this token")
        assert client.use(login.access) == 200


def test_current_takes_a_hint_at_its_word(current):
    login = current.login()
    reply = current.revoke(login.access, token_type_hint="refresh_token")
    assert reply.message == (400, "invalid_request", "token not found")
    assert current.use(login.access) == 200


def test_the_native_endpoint_answers_with_nothing_or_null(current):
    login = current.login()
    foreign = {"client_id": "second-app", "client_secret": "second-secret"}
    assert current.form(f"{NATIVE}/revoke", token=login.access, **foreign).text == "null"
    assert current.form(f"{NATIVE}/revoke", token=login.access, **MINE).text == ""


def test_current_introspection(current):
    login = current.login()
    reported = current.form(f"{NATIVE}/introspect", token=login.access, **MINE).json
    assert reported["active"] is True
    assert reported["client_id"] == "first-app"
    assert reported["iss"] == current.url
    assert reported["exp"] - reported["iat"] == 604800
    assert current.form(f"{NATIVE}/introspect", token=login.refresh, **MINE).json["active"] is True
    foreign = {"client_id": "second-app", "client_secret": "second-secret"}
    assert current.form(f"{NATIVE}/introspect", token=login.access, **foreign).json == {"active": False}
    current.control("expire", kind="access", value=login.access)
    assert current.form(f"{NATIVE}/introspect", token=login.access, **MINE).json == {"active": False}
    unknown = current.form(f"{NATIVE}/introspect", token="U" * 32, **MINE)
    assert unknown.message == (400, "invalid_request", "token not found")
    nobody = current.form(f"{NATIVE}/introspect", token=login.access, client_id="first-app")
    assert nobody.message == (401, "invalid_client", "missing required credentials")


def test_classic_introspection(classic):
    login = classic.login()
    reported = classic.form("/oauth/introspect", BASIC, token=login.refresh).json
    assert (reported["active"], reported["client_id"], reported["token_type"]) == (True, "first-app", "Bearer")
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
    reported = classic.get("/oauth/token/info", authorization=f"Bearer {login.access}").json
    assert reported["application"] == {"uid": "first-app"}
    assert reported["scope"] == ["public"]
    dead = classic.get("/oauth/token/info", authorization="Bearer x")
    assert (dead.status, dead.json["state"]) == (401, "unauthorized")


def test_user_information_is_for_openid(current):
    login = current.login()
    path = f"{NATIVE}/userinfo"
    assert current.get(path, authorization=f"Bearer {login.access}").message == (
        400,
        "invalid_scope",
        "Missing required scope",
    )
    assert current.get(path).status == 401
    code = current.code(scope="openid email offline_access")
    tokens = current.exchange(code).json
    reported = current.get(path, authorization=f"Bearer {tokens['access_token']}").json
    assert reported["email"] == "sean@example.test"


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
    wrong = either.send("PUT", "/sync/history", headers=headers)
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    ("query", "page", "limit"),
    [
        ("", "1", "10"),
        ("?page=3&limit=100", "3", "100"),
        ("?page=0&limit=x", "1", "10"),
        ("?page=-1&limit=0", "1", "10"),
    ],
)
def test_a_list_has_trakts_paging_headers(either, query, page, limit):
    headers = {"authorization": f"Bearer {either.login().access}", "trakt-api-key": "first-app"}
    history = either.send("GET", f"/sync/history{query}", headers=headers)
    assert (history.status, history.json) == (200, [])
    assert [history.headers[f"x-pagination-{name}"] for name in ("page", "limit", "page-count", "item-count")] == [
        page,
        limit,
        "0",
        "0",
    ]
    assert either.send("GET", f"/sync/history{query}", headers={"trakt-api-key": "first-app"}).status == 401
