"""`--strict`: what the RFCs demand beyond Trakt, on both profiles."""

from __future__ import annotations

import base64
import json
import socket
from urllib.parse import urlencode, urlsplit

import pytest

from server.conftest import APPS, CALLBACK, CHALLENGE, FORM, NATIVE, OOB, SEED, VERIFIER
from traktauth.server.oauth.pkce import TRAKT_CHALLENGE, TRAKT_VERIFIER

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


def asked(client, browser, address="/oauth/authorize", **changes):
    known = {"response_type": "code", "client_id": "first-app", "redirect_uri": CALLBACK, "state": "s"}
    message = {name: value for name, value in {**known, **changes}.items() if value is not None}
    return browser(client).go(f"{address}?{urlencode(message)}")


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
    reported = strict.post("/oauth/introspect", token="unknown", **APPS["first"].credentials)
    assert (reported.status, reported.json) == (200, {"active": False})


@pytest.mark.slow
def test_strictly_another_apps_token_is_refused_and_stays_alive(strict):
    login = strict.login()
    assert refused(strict.revoke(login.access, "second")) == "unauthorized_client"
    assert strict.use(login.access) == 200


@pytest.mark.slow
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
def test_strictly_the_client_learns_what_is_wrong_with_its_request(strict, browser, changes, error):
    reported = at_client(asked(strict, browser, **changes))
    assert (reported["error"], reported["state"], reported["iss"]) == (error, "s", strict.url)


@pytest.mark.parametrize(
    "changes", [{"client_id": "none"}, {"client_id": None}, {"redirect_uri": "https://evil.example/"}]
)
def test_strictly_an_app_or_address_that_is_wrong_is_still_a_page(strict, browser, changes):
    reply = asked(strict, browser, **changes)
    assert (reply.status, "location" in reply.headers) == (400, False)


ADDRESSES = [("current", "/oauth/authorize"), ("current", f"{NATIVE}/authorize"), ("classic", "/oauth/authorize")]
PINNED = {"name": "Pinned", "client_id": "pinned-app", "client_secret": "pinned-secret", "redirect_uris": [CALLBACK]}
PINNED_SEED = {**SEED, "apps": [*SEED["apps"], {**PINNED, "require_pkce": True}]}


@pytest.mark.parametrize(("profile", "address"), ADDRESSES)
@pytest.mark.parametrize("app", ["public-app", "pinned-app"])
@pytest.mark.parametrize(
    "pkce",
    [{}, {"code_challenge": TRAKT_CHALLENGE, "code_challenge_method": "S256"}],
    ids=["no challenge", "the challenge that everybody knows"],
)
def test_strictly_a_public_app_needs_a_challenge(start, browser, profile, address, app, pkce):
    client = start(profile=profile, strict=True, seed=PINNED_SEED)
    assert at_client(asked(client, browser, address, client_id=app, **pkce))["error"] == "invalid_request"


@pytest.mark.parametrize(("profile", "address"), ADDRESSES)
@pytest.mark.parametrize("app", ["public-app", "pinned-app"])
def test_strictly_a_challenge_of_its_own_is_taken_and_wants_its_verifier(start, browser, profile, address, app):
    client = start(profile=profile, strict=True, seed=PINNED_SEED)
    led = asked(client, browser, address, client_id=app, **PKCE)
    assert led.location.startswith("/sign-in?")
    via = {"via": "native"} if address != "/oauth/authorize" else {}
    known = {"client_id": app, "redirect_uri": CALLBACK, "response_type": "code", "scope": "public", **PKCE, **via}
    code = client.control("authorize", username="sean", **known)["code"]
    proof = {"client_id": app, "client_secret": "pinned-secret" if app == "pinned-app" else ...}
    assert refused(client.exchange(code, **proof)) == "invalid_grant"
    assert refused(client.exchange(code, code_verifier=TRAKT_VERIFIER, **proof)) == "invalid_grant"
    assert client.exchange(code, code_verifier=VERIFIER, **proof).status == 200


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["current", "classic"])
def test_strictly_a_code_from_a_time_without_it_is_not_redeemed_without_a_challenge(start, tmp_path, profile):
    database = f"sqlite:{tmp_path / 'trakt.db'}"
    client = start(profile=profile, database=database)
    code = client.code("public")
    client.server.__exit__(None, None, None)
    client = start(profile=profile, database=database, strict=True)
    for verifier in (TRAKT_VERIFIER, ...):
        assert refused(client.exchange(code, "public", code_verifier=verifier)) == "invalid_grant"


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("profile", ["current", "classic"])
def test_an_app_that_requires_pkce_gets_no_code_without_its_own_challenge(start, profile, strict):
    client = start(profile=profile, strict=strict, seed=PINNED_SEED)
    known = {"client_id": "pinned-app", "redirect_uri": CALLBACK, "username": "sean"}
    assert client.control("authorize", **known)["code"] is None
    code = client.control("authorize", **known, **PKCE)["code"]
    proof = {"client_id": "pinned-app", "client_secret": "pinned-secret"}
    assert client.exchange(code, **proof, code_verifier="A" * 43).status in (400, 401)
    code = client.control("authorize", **known, **PKCE)["code"]
    assert client.exchange(code, **proof, code_verifier=VERIFIER).status == 200


def test_strictly_introspection_wants_a_secret(strict):
    login = strict.login("public")
    assert refused(strict.post("/oauth/introspect", token=login.access, client_id="public-app")) == "invalid_client"
    assert strict.post("/oauth/introspect", token=strict.login().access, **APPS["first"].credentials).json["active"]


def test_strictly_introspection_at_the_native_address_wants_a_secret(start):
    client = start(profile="current", strict=True)
    login = client.login("public")
    assert refused(client.form(f"{NATIVE}/introspect", token=login.access, client_id="public-app")) == "invalid_client"


@pytest.mark.parametrize("address", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
def test_strictly_a_client_that_names_itself_in_two_ways_is_refused(strict, address):
    login = strict.login()
    members = {"grant_type": "refresh_token", "refresh_token": login.refresh, "token": login.access}
    assert refused(strict.form(address, basic(), client_id="second-app", **members)) == "invalid_request"
    broken = {"authorization": "Basic %%%"}
    assert refused(strict.form(address, broken, **APPS["first"].credentials, **members)) == "invalid_request"
    assert strict.use(login.access) == 200
    assert strict.form(address, basic(), client_id="first-app", **members).status == 200


def test_strictly_a_native_address_refuses_a_client_that_names_itself_in_two_ways(start):
    client = start(profile="current", strict=True)
    for path in ("token", "revoke", "introspect"):
        members = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x", "client_id": "second-app"}
        assert refused(client.form(f"{NATIVE}/{path}", basic(), **members)) == "invalid_request"


@pytest.mark.parametrize(
    ("fields", "status"),
    [("", 400), ("Host: 127.0.0.1\r\nHost: 127.0.0.1\r\n", 400), ("Host: 127.0.0.1\r\n", 200)],
)
def test_strictly_a_request_has_one_host(strict, fields, status):
    with socket.create_connection(("127.0.0.1", urlsplit(strict.url).port), timeout=60) as raw:
        raw.sendall(f"GET /healthz HTTP/1.1\r\n{fields}Connection: close\r\n\r\n".encode())
        assert raw.recv(100).startswith(f"HTTP/1.1 {status} ".encode())


def test_strictly_the_metadata_says_so(strict):
    reported = strict.get("/.well-known/oauth-authorization-server").json
    assert reported["code_challenge_methods_supported"] == ["S256"]
    assert reported["authorization_response_iss_parameter_supported"] is True
    assert "none" in reported["token_endpoint_auth_methods_supported"]


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
