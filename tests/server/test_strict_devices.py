"""`--strict`: device codes as RFC 8628 has them at Trakt's addresses, and an end to guessing an app's secret."""

from __future__ import annotations

import concurrent.futures
from collections import Counter

import pytest

from server.conftest import APPS, CHALLENGE, VERIFIER
from server.test_devices import answer, ask, poll

TRAKTS = {"device_code", "user_code", "verification_url", "expires_in", "interval"}


@pytest.fixture(params=["current", "classic"])
def strict(request, start):
    return start(profile=request.param, strict=True)


def test_strictly_a_device_code_comes_with_the_members_of_both(strict):
    device = ask(strict)
    assert set(device) == TRAKTS | {"verification_uri", "verification_uri_complete"}
    assert device["verification_uri"] == device["verification_url"] == f"{strict.url}/activate"
    assert device["verification_uri_complete"].endswith(f"?user_code={device['user_code']}")


def test_strictly_the_state_of_a_device_code_is_reported_by_a_word(strict):
    pending, denied, expired = ask(strict), ask(strict), ask(strict)
    answer(strict, denied, "deny")
    strict.control("expire", kind="device", value=expired["device_code"])
    reported = [
        (pending, "authorization_pending"),
        (pending, "slow_down"),
        (denied, "access_denied"),
        (expired, "expired_token"),
        ({"device_code": "U" * 40}, "invalid_grant"),
    ]
    for device, error in reported:
        reply = poll(strict, device)
        assert (reply.status, reply.json["error"]) == (400, error)
        assert reply.headers["cache-control"] == "no-store"


def test_strictly_an_approved_device_code_gives_tokens_once(strict):
    device = ask(strict)
    answer(strict, device)
    granted = poll(strict, device)
    assert granted.status == 200
    assert strict.use(granted.json["access_token"]) == 200
    again = poll(strict, device)
    assert (again.status, again.json["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("app", ["first", "public"])
def test_strictly_a_challenge_wants_its_verifier(strict, app):
    known = APPS[app].credentials
    device = ask(strict, client_id=APPS[app].client_id, code_challenge=CHALLENGE, code_challenge_method="S256")
    answer(strict, device)
    for verifier in ({}, {"code_verifier": VERIFIER[::-1]}):
        reply = strict.post("/oauth/device/token", code=device["device_code"], **known, **verifier)
        assert reply.message[:2] == (400, "invalid_grant")
    reply = strict.post("/oauth/device/token", code=device["device_code"], code_verifier=VERIFIER, **known)
    assert reply.status == 200


def test_strictly_a_wrong_secret_is_a_401_for_a_device_as_well(strict):
    reply = poll(strict, ask(strict), client_secret="wrong")
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")


def guess(client, secret="wrong"):
    known = {**APPS["first"].credentials, "client_secret": secret}
    return client.post("/oauth/token", grant_type="client_credentials", **known)


def test_strictly_guessing_a_secret_is_slowed_down(strict):
    assert [guess(strict).status for _ in range(20)] == [401] * 20
    refused = guess(strict)
    assert (refused.status, refused.json["error"]) == (429, "invalid_client")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    right = APPS["first"].client_secret
    assert guess(strict, right).status == 429, "or the guesser would know"
    strict.control("clock", advance=61)
    assert guess(strict).status == 401


def test_strictly_of_many_guesses_at_once_each_is_counted(start, tmp_path):
    for number, profile in enumerate(("current", "classic")):
        client = start(profile=profile, strict=True, database=f"sqlite:{tmp_path}/{number}.db")
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            statuses = Counter(reply.status for reply in pool.map(lambda _, client=client: guess(client), range(120)))
        assert statuses == {401: 20, 429: 100}


def test_strictly_many_right_secrets_at_once_are_taken(strict):
    def once(_):
        return strict.post("/oauth/token", grant_type="client_credentials", **APPS["first"].credentials).status

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        assert len(set(pool.map(once, range(80))) & {401, 429}) == 0


def test_strictly_behind_a_proxy_a_strangers_guesses_stop_no_right_app(start):
    client = start(strict=True, trust_proxy=True)
    known = {"grant_type": "client_credentials", **APPS["first"].credentials}

    def ask_from(forwarded, **changes):
        return client.form("/oauth/token", {"x-forwarded-for": forwarded}, **{**known, **changes})

    spoofed = [f"10.0.0.{at}, 203.0.113.9" for at in range(25)]  # a proxy adds what it has seen behind what it was told
    statuses = [ask_from(one, client_secret="wrong").status for one in spoofed]
    assert statuses == [401] * 20 + [429] * 5
    assert ask_from("203.0.113.10").status not in (401, 429)
    assert ask_from("203.0.113.9").status == 429
    assert ask_from("203.0.113.9", **APPS["second"].credentials).status not in (401, 429)


@pytest.mark.parametrize("forwarded", ["203.0.113.9", "nonsense", "", "1.2.3.4, "])
def test_strictly_without_a_trusted_proxy_its_word_counts_for_nothing(start, forwarded):
    client = start(strict=True, trust_proxy=forwarded != "203.0.113.9")
    statuses = []
    for at in range(22):
        reported = {"x-forwarded-for": f"203.0.113.{at}" if forwarded == "203.0.113.9" else forwarded}
        wrong = {"client_id": "first-app", "client_secret": "wrong"}
        statuses.append(client.form("/oauth/token", reported, grant_type="client_credentials", **wrong).status)
    assert statuses == [401] * 20 + [429] * 2


def test_strictly_a_right_secret_forgives_no_wrong_ones(strict):
    for _ in range(10):
        assert [guess(strict).status for _ in range(2)] == [401] * 2
        second = strict.post("/oauth/token", grant_type="client_credentials", **APPS["second"].credentials)
        assert second.status != 401
    assert guess(strict).status == 429


def test_strictly_guesses_stop_no_one_where_no_secret_is_taken(strict):
    login = strict.login()
    device = ask(strict)
    assert [guess(strict).status for _ in range(21)] == [401] * 20 + [429]
    headers = {"authorization": f"Bearer {login.access}", "trakt-api-key": "first-app"}
    for method, path, status in (
        ("GET", "/users/me", 200),
        ("GET", "/users/settings", 200),
        ("POST", "/sync/history", 201),
    ):
        assert strict.send(method, path, headers=headers).status == status
    assert ask(strict)["user_code"]
    assert strict.get("/oauth/userinfo", authorization="Bearer wrong").status in {401, 404}
    assert strict.get("/oauth/token/info", authorization="Bearer wrong").status in {401, 404}
    for stopped in (
        poll(strict, device),
        strict.refresh(login.refresh),
        strict.revoke(login.access),
        strict.post("/oauth/introspect", token=login.access, **APPS["first"].credentials),
    ):
        assert (stopped.status, stopped.json["error"]) == (429, "invalid_client")


@pytest.mark.parametrize("address", ["/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/device/token"])
def test_strictly_every_address_that_takes_a_secret_counts_wrong_ones(strict, address):
    members = {"grant_type": "client_credentials", "token": "x", "code": ask(strict)["device_code"]}
    wrong = {"client_id": "first-app", "client_secret": "wrong"}
    assert [strict.post(address, **members, **wrong).status for _ in range(21)] == [401] * 20 + [429]


def test_strictly_so_do_the_native_addresses(start):
    client = start(profile="current", strict=True)
    guarded = {endpoint.path for endpoint in client.server._built.context.profile.endpoints if endpoint.is_guarded}
    shared = {"/token", "/revoke", "/introspect"}
    trakts = {f"/oauth{end}" for end in shared} | {"/oauth/device/token"}
    assert guarded == trakts | {f"/api/auth/oauth2{end}" for end in shared}


def test_a_reset_forgives_wrong_secrets(strict):
    for _ in range(21):
        guess(strict)
    strict.control("reset")
    assert guess(strict).status == 401


def test_otherwise_a_test_may_guess_as_often_as_it_likes(either):
    assert {guess(either).status for _ in range(30)} <= {400, 401}
