"""`--strict`: what the RFCs demand beyond Trakt, on both profiles."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

import pytest

from server.conftest import APPS, CALLBACK, CHALLENGE, FORM, NATIVE, OOB, VERIFIER

PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


@pytest.fixture(params=["current", "classic"])
def strict(request, start):
    return start(profile=request.param, strict=True)


def basic(app="first", secret=None):
    name, known = APPS[app].client_id, APPS[app].client_secret
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{secret or known}".encode()).decode()}


def refused(reply):
    """The error of a refusal that has the form of RFC 6749 section 5.2."""
    assert set(reply.json) == {"error", "error_description"}
    assert reply.status == (401 if reply.json["error"] == "invalid_client" else 400)
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["pragma"] == "no-cache"
    return reply.json["error"]


def at_client(reply):
    """What the client is told by a redirect to its own address."""
    assert reply.status in (302, 303), reply.text
    assert reply.location.startswith(CALLBACK)
    return reply.query


def asked(client, browser, **changes):
    known = {"response_type": "code", "client_id": "first-app", "redirect_uri": CALLBACK, "state": "s"}
    said = {name: value for name, value in {**known, **changes}.items() if value is not None}
    return browser(client).go(f"/oauth/authorize?{urlencode(said)}")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_secret": ...}, "invalid_client"),
        ({"client_id": "second-app", "client_secret": "second-secret"}, "invalid_grant"),
        ({"redirect_uri": OOB}, "invalid_grant"),
        ({"redirect_uri": ...}, "invalid_request"),
        ({"code_verifier": "A" * 43}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_request"),
    ],
)
def test_strictly_no_failed_exchange_spends_the_code(strict, changes, error):
    code = strict.code(**PKCE)
    assert refused(strict.exchange(code, **{"code_verifier": VERIFIER, **changes})) == error
    assert strict.exchange(code, code_verifier=VERIFIER).status == 200


def test_strictly_a_wrong_secret_is_a_401_with_a_challenge(strict):
    for reply in (
        strict.form("/oauth/token", basic(secret="wrong"), grant_type="authorization_code", code="x"),
        strict.refresh("x", client_secret="wrong"),
        strict.revoke("x", client_secret="wrong"),
        strict.post("/oauth/introspect", token="x", client_id="first-app", client_secret="wrong"),
    ):
        assert refused(reply) == "invalid_client"
        assert reply.headers["www-authenticate"].startswith('Basic realm="')


def test_strictly_http_basic_is_taken_everywhere(strict):
    known = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    tokens = strict.form("/oauth/token", basic(), code=strict.code(), **known)
    assert tokens.status == 200
    renewed = strict.form(
        "/oauth/token", basic(), grant_type="refresh_token", refresh_token=tokens.json["refresh_token"]
    )
    assert renewed.status == 200
    assert strict.form("/oauth/introspect", basic(), token=renewed.json["access_token"]).json["active"]
    assert strict.form("/oauth/revoke", basic(), token=renewed.json["access_token"]).status == 200
    assert strict.use(renewed.json["access_token"]) == 401


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"code": "x"}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "redirect_uri": CALLBACK}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x", "redirect_uri": CALLBACK}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
    ],
)
def test_strictly_every_other_error_is_a_400_with_its_word(strict, members, error):
    assert refused(strict.form("/oauth/token", basic(), **members)) == error
    assert refused(strict.post("/oauth/token", **APPS["first"].credentials, **members)) == error


def test_strictly_a_native_address_says_the_same(start):
    client = start(profile="current", strict=True)
    assert (
        refused(client.form(f"{NATIVE}/token", grant_type="x", **APPS["first"].credentials)) == "unsupported_grant_type"
    )
    assert refused(client.form(f"{NATIVE}/revoke", token="x")) == "invalid_client"
    assert client.form(f"{NATIVE}/revoke", token="x", **APPS["first"].credentials).status == 200


def test_strictly_a_code_that_comes_again_ends_what_came_of_it_since(strict):
    code = strict.code()
    first = strict.exchange(code).json
    second = strict.renewed(first["refresh_token"])
    assert refused(strict.exchange(code)) == "invalid_grant"
    assert strict.use(second.access) == 401
    assert refused(strict.refresh(second.refresh)) == "invalid_grant"


def test_strictly_another_app_cannot_end_it_with_the_code(strict):
    code = strict.code()
    tokens = strict.exchange(code).json
    assert refused(strict.exchange(code, "second")) == "invalid_grant"
    assert strict.use(tokens["access_token"]) == 200


def test_strictly_a_used_refresh_token_ends_its_family_and_takes_a_secret_to(strict):
    login = strict.login()
    newer = strict.renewed(login.refresh)
    assert refused(strict.refresh(login.refresh, client_secret="wrong")) == "invalid_client"
    assert strict.use(newer.access) == 200
    assert refused(strict.refresh(login.refresh)) == "invalid_grant"
    assert strict.use(newer.access) == 401


def test_strictly_a_refresh_token_expires(strict):
    login = strict.login()
    strict.control("clock", advance=31 * 86_400)
    assert refused(strict.refresh(login.refresh)) == "invalid_grant"


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "something"])
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_strictly_either_token_takes_the_other_along_whatever_the_hint(strict, kind, hint):
    login = strict.login()
    assert strict.revoke(getattr(login, kind), token_type_hint=hint).status == 200
    assert strict.use(login.access) == 401
    assert refused(strict.refresh(login.refresh)) == "invalid_grant"


def test_strictly_a_revoked_refresh_token_leaves_no_older_access_token(strict):
    login = strict.login()
    newer = strict.renewed(login.refresh)
    assert strict.revoke(newer.refresh).status == 200
    assert {strict.use(login.access), strict.use(newer.access)} == {401}


def test_strictly_an_unknown_token_is_as_good_as_revoked_and_inactive(strict):
    assert strict.revoke("unknown").status == 200
    told = strict.post("/oauth/introspect", token="unknown", **APPS["first"].credentials)
    assert (told.status, told.json) == (200, {"active": False})


def test_strictly_another_apps_token_is_refused_and_stays_alive(strict):
    login = strict.login()
    assert refused(strict.revoke(login.access, "second")) == "unauthorized_client"
    assert strict.use(login.access) == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"code_challenge": VERIFIER, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": CHALLENGE}, "invalid_request"),
        ({"client_id": "public-app", "code_challenge": CHALLENGE, "code_challenge_method": "none"}, "invalid_request"),
    ],
)
def test_strictly_the_client_is_told_what_is_wrong_with_its_request(strict, browser, changes, error):
    told = at_client(asked(strict, browser, **changes))
    assert (told["error"], told["state"], told["iss"]) == (error, "s", strict.url)


@pytest.mark.parametrize(
    "changes", [{"client_id": "none"}, {"client_id": None}, {"redirect_uri": "https://evil.example/"}]
)
def test_strictly_an_app_or_address_that_is_wrong_is_still_a_page(strict, browser, changes):
    reply = asked(strict, browser, **changes)
    assert (reply.status, "location" in reply.headers) == (400, False)


def test_strictly_a_public_app_needs_a_challenge(start, browser):
    client = start(profile="classic", strict=True)
    assert at_client(asked(client, browser, client_id="public-app"))["error"] == "invalid_request"
    assert client.login("public").access


def test_strictly_the_metadata_says_so(strict):
    told = strict.get("/.well-known/oauth-authorization-server").json
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["authorization_response_iss_parameter_supported"] is True
    assert "none" in told["token_endpoint_auth_methods_supported"]


def test_strictly_every_answer_of_an_authorization_names_the_issuer(strict):
    known = {"client_id": "first-app", "redirect_uri": CALLBACK, "username": "sean"}
    for decision in ("approve", "deny"):
        assert (
            f"iss={strict.url}".replace(":", "%3A").replace("/", "%2F")
            in strict.control("authorize", **known, decision=decision)["location"]
        )


def test_strictly_a_bad_token_at_userinfo_is_a_401_and_one_without_the_scope_a_403(start):
    client = start(profile="current", strict=True)
    bad = client.get("/oauth/userinfo", authorization="Bearer x")
    assert (bad.status, bad.json["error"]) == (401, "invalid_token")
    assert bad.headers["www-authenticate"].startswith("Bearer ")
    poor = client.get("/oauth/userinfo", authorization=f"Bearer {client.login().access}")
    assert (poor.status, poor.json["error"]) == (403, "insufficient_scope")


def test_strictly_a_public_app_gets_no_token_for_itself(start):
    client = start(profile="classic", strict=True)
    reply = client.post("/oauth/token", grant_type="client_credentials", client_id="public-app")
    assert refused(reply) == "unauthorized_client"


def test_strictly_json_and_forms_are_both_taken(strict):
    members = {"grant_type": "refresh_token", "refresh_token": strict.login().refresh, **APPS["first"].credentials}
    as_form = strict.send("POST", "/oauth/token", headers=FORM, body=urlencode(members))
    assert as_form.status == 200
    members["refresh_token"] = as_form.json["refresh_token"]
    headers = {"content-type": "application/json"}
    assert strict.send("POST", "/oauth/token", headers=headers, body=json.dumps(members)).status == 200


def test_an_error_is_in_ascii_without_what_would_end_it(strict):
    strict_error = strict.post("/oauth/token", grant_type=['"\\é']).json["error_description"]
    assert strict_error.isascii()
    assert not set('"\\') & set(strict_error)
