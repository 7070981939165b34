"""A program signs in and out: the grant is saved before the program has it, and a sign-out is the program's alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from traktauth.models.token_digests import digest

NATIVE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def test_a_granted_code_is_saved_and_the_program_gets_a_placeholder(proxied, server):
    answer = proxied.post("/oauth/token", **proxied.granted())
    assert answer.status_code == 200
    members = answer.json()
    assert members["refresh_token"].startswith("tap_")
    record = proxied.record()
    assert record.token.access_token == members["access_token"]
    assert record.token.refresh_token not in answer.text
    assert record.user.username == "sean"
    assert record.app == replace(proxied.app, redirect_uri=proxied.app.redirect_uri)
    assert proxied.told == ["The program has signed in; the login is kept as account default"]
    assert proxied.refresh(members["refresh_token"]).json()["access_token"] == members["access_token"]
    assert server.ledger["rotations"] == 0


def test_a_refused_code_is_answered_as_trakt_does(proxied):
    code = proxied.granted()
    answer = proxied.post("/oauth/token", **{**code, "code": "wrong"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_grant")
    assert "traktauth" not in answer.text


def test_the_same_user_replaces_the_token_and_keeps_the_placeholders(proxied, server, held):
    new = proxied.post("/oauth/token", **proxied.granted()).json()
    assert new["access_token"] != held["access_token"]
    assert proxied.refresh(held["refresh_token"]).json()["access_token"] == new["access_token"]
    assert len(proxied.store.list_logins()) == 1
    assert server.ledger["replays"] == 0


def test_another_user_gets_an_account_of_their_own(proxied, held):
    new = proxied.post("/oauth/token", **proxied.granted("justin")).json()
    assert proxied.call(new["access_token"]).json()["user"]["username"] == "justin"
    assert proxied.call(held["access_token"]).json()["user"]["username"] == "sean"
    names = [key.account for key in proxied.store.list_logins()]
    assert names[0] == "default"
    assert names[1].startswith("proxy-")
    assert proxied.refresh(held["refresh_token"]).json()["access_token"] == held["access_token"]


def test_two_apps_of_one_user_are_two_logins(server, new_proxy):
    proxied = new_proxy()
    other = replace(proxied.app, client_id="f" * 64)
    token = server.sign_in("sean")["refresh_token"]
    assert proxied.refresh(token).status_code == 200
    assert proxied.refresh(token, app=other).json()["error"] in ("invalid_client", "invalid_grant")
    assert server.ledger["replays"] == 0


def test_nothing_is_sent_if_the_store_cannot_save(proxied, server, tmp_path):
    code = proxied.granted()
    (tmp_path / "logins.sqlite").write_text("no database")
    answer = proxied.post("/oauth/token", **code)
    assert (answer.status_code, answer.json()["error"]) == (503, "store_failed")
    assert "POST /oauth/token" not in server.ledger["counts"]
    (tmp_path / "logins.sqlite").unlink()
    assert proxied.post("/oauth/token", **code).status_code == 200


def test_a_sign_in_whose_user_cannot_be_read_is_saved(proxied, server):
    server.fail_next("/users/settings", status=503, times=2)
    held = proxied.post("/oauth/token", **proxied.granted()).json()
    assert proxied.record().user is None
    assert proxied.refresh(held["refresh_token"]).json()["access_token"] == held["access_token"]


def start_device(proxied, path="/oauth/device/code"):
    return proxied.post(path).json()


def test_a_device_code_is_passed_on_and_its_grant_saved(proxied, server):
    device = start_device(proxied)
    assert proxied.post("/oauth/device/token", code=device["device_code"]).status_code == 400
    server.approve_device(device["user_code"])
    server.advance(seconds=10)
    answer = proxied.post("/oauth/device/token", code=device["device_code"])
    assert answer.status_code == 200
    assert answer.json()["refresh_token"].startswith("tap_")
    assert proxied.record().token.access_token == answer.json()["access_token"]


@pytest.mark.parametrize("native", [True, False])
def test_a_shared_sign_in_is_approved_at_the_first_poll(new_proxy, server, own, native):
    proxied = new_proxy(sign_in="shared")
    held = proxied.refresh(own["refresh_token"]).json()
    if native:
        device = proxied.post("/api/auth/device/code", host="auth.trakt.tv").json()
        poll = {"device_code": device["device_code"], "grant_type": NATIVE_GRANT}
        answer = proxied.post("/api/auth/device/token", host="auth.trakt.tv", **poll)
    else:
        device = start_device(proxied)
        assert (device["interval"], device["expires_in"]) == (1, 600)
        answer = proxied.post("/oauth/device/token", code=device["device_code"])
    assert answer.json()["access_token"] == held["access_token"]
    assert answer.json()["refresh_token"] not in (held["refresh_token"], own["refresh_token"])
    assert "POST /oauth/device/code" not in server.ledger["counts"]
    assert "POST /api/auth/device/code" not in server.ledger["counts"]
    assert proxied.refresh(answer.json()["refresh_token"]).status_code == 200


def test_a_shared_sign_in_needs_the_apps_secret(new_proxy, own):
    proxied = new_proxy(sign_in="shared")
    proxied.refresh(own["refresh_token"])
    device = start_device(proxied)
    other = replace(proxied.app, client_secret="b" * 64)
    answer = proxied.post("/oauth/device/token", app=other, code=device["device_code"])
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_without_a_usable_login_a_shared_sign_in_is_the_programs_own(new_proxy, server):
    proxied = new_proxy(sign_in="shared")
    assert start_device(proxied)["user_code"]
    assert server.ledger["counts"]["POST /oauth/device/code"]


def revoke(proxied, token, **how):
    return proxied.post("/oauth/revoke", token=token, **how)


def test_a_sign_out_forgets_the_programs_placeholder_alone(proxied, server, own, held):
    second = proxied.refresh(own["refresh_token"]).json()
    assert revoke(proxied, held["refresh_token"]).status_code == 200
    assert "account default stays signed in" in proxied.told[-1]
    assert proxied.refresh(held["refresh_token"]).json()["error"] == "invalid_grant"
    assert proxied.refresh(second["refresh_token"]).status_code == 200
    assert "POST /oauth/revoke" not in server.ledger["counts"]


@pytest.mark.parametrize("kind", ["access_token", "own"])
def test_a_token_of_a_stored_login_is_not_revoked(proxied, server, own, held, kind):
    assert revoke(proxied, own["refresh_token"] if kind == "own" else held[kind]).status_code == 200
    assert proxied.call(held["access_token"]).status_code == 200
    assert "POST /oauth/revoke" not in server.ledger["counts"]


def test_a_token_of_no_login_is_passed_on(proxied, server, held):
    other = server.sign_in("justin")
    assert revoke(proxied, other["access_token"]).status_code == 200
    assert server.ledger["counts"]["POST /oauth/revoke"] == 1


def test_a_sign_out_ends_the_login_with_revoke(new_proxy, server, own):
    proxied = new_proxy(may_revoke=True)
    held = proxied.refresh(own["refresh_token"]).json()
    assert revoke(proxied, held["refresh_token"]).status_code == 200
    assert proxied.record().token is None
    assert server.ledger["alive"]["refresh"] == 0
    assert proxied.refresh(held["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_sign_out_needs_the_apps_secret(proxied, held):
    answer = revoke(proxied, held["refresh_token"], app=replace(proxied.app, client_secret="b" * 64))
    assert answer.status_code == 401
    assert digest(held["refresh_token"]) in proxied.record().digests.placeholders


def test_the_program_is_never_sent_a_refresh_token_of_a_login(new_proxy, server, own):
    """Everything that it receives is searched, in all that it may do."""
    received, secrets = [], set()

    def note(response):
        response.read()
        received.append(f"{response.headers}\n{response.text}")
        for key in proxied.store.list_logins():
            token = proxied.store.load(key).token
            if token is not None:
                secrets.add(token.refresh_token)

    proxied = new_proxy(sign_in="shared")
    proxied.client.event_hooks = {"response": [note]}
    held = proxied.refresh(own["refresh_token"]).json()
    for days in (1, 9, 9):
        server.advance(days=days)
        held = proxied.refresh(held["refresh_token"]).json()
        proxied.call(held["access_token"])
    proxied.refresh(own["refresh_token"])
    proxied.refresh("tap_unknown")
    device = start_device(proxied)
    proxied.post("/oauth/device/token", code=device["device_code"])
    for username in ("sean", "justin"):
        held = proxied.post("/oauth/token", **proxied.granted(username)).json()
    server.fail_next("/oauth/token", drop="after")
    server.advance(days=9)
    proxied.refresh(held["refresh_token"])
    proxied.refresh(held["refresh_token"])
    revoke(proxied, held["refresh_token"])
    assert len(secrets) >= 5
    assert len(received) >= 15
    assert not [secret for secret in secrets for text in (*received, *proxied.told) if secret in text]
