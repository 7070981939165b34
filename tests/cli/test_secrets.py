"""No secret on any output unless it was asked for."""

from __future__ import annotations

import pytest

from support.engines import Missing
from support.redis import DURABLE, RedisServer

SILENT = [
    ["status", "--verify"],
    ["status", "--json"],
    ["doctor"],
    ["doctor", "--json"],
    ["refresh", "--json"],
    ["refresh", "--force"],
    ["request", "GET", "/users/settings"],
    ["request", "GET", "/nowhere"],
    ["exec", "--", "true"],
    ["exec", "--", "no-such-command"],
    ["logout"],
    ["login", "--paste"],
]


def secrets_of(command):
    record = command.record()
    found = {command.env["TRAKTAUTH_CLIENT_SECRET"]}
    if record.token is not None:
        found |= {record.token.access_token, record.token.refresh_token}
    return found


def shown(outcome, secrets):
    return [secret for secret in secrets if secret in outcome.out + outcome.err]


@pytest.mark.parametrize("words", SILENT, ids=" ".join)
@pytest.mark.parametrize("fault", [None, {"status": 500, "body": "a-body-with-BODYSECRET"}], ids=["well", "faulty"])
def test_no_command_shows_a_secret(at_local, local, words, fault):
    at_local.keep_real(local)
    secrets = secrets_of(at_local) | {"BODYSECRET"}
    if fault is not None:
        paths = ("/oauth/token", "/oauth/revoke")
        local.control("PUT", "faults", [{"path": path, "times": 9, **fault} for path in paths])
    run = at_local.execute if words[0] == "exec" else at_local
    outcome = run(*words, stdin="PASTEDSECRET\n" if "--paste" in words else "")
    local.control("DELETE", "faults")
    assert shown(outcome, secrets | secrets_of(at_local) | {"PASTEDSECRET"}) == []


def test_a_token_shows_the_access_token_alone(at_local, local):
    at_local.keep_real(local)
    record = at_local.record()
    for words in (["token"], ["token", "--json"], ["exec", "--", "env"]):
        run = at_local.execute if words[0] == "exec" else at_local
        assert shown(run(*words), secrets_of(at_local)) == [record.token.access_token]


@pytest.mark.parametrize("secret", ["hunter2\n", "hunter 2"])
def test_a_secret_that_cannot_be_right_is_not_shown(command, secret):
    for words in (["token"], ["login"], ["doctor", "--offline"]):
        outcome = command(*words, TRAKTAUTH_CLIENT_SECRET=secret)
        assert outcome.status == 3
        assert "hunter" not in outcome.out + outcome.err
        assert f"of {len(secret)}" in outcome.out + outcome.err


STORES = [
    "postgresql://app:hunter2@127.0.0.1:9/app",
    "postgresql://127.0.0.1:9/app?password=hunter2",
    "redis://:hunter2@127.0.0.1:9/0",
    "sealed+postgres:app:hunter2@127.0.0.1:9/app",
]


@pytest.mark.parametrize("address", STORES)
def test_the_password_of_a_store_is_not_repeated(command, address):
    for words in (["token"], ["doctor", "--offline"], ["store", "reseal"], ["keep", "--once", "--json"]):
        outcome = command(*words, "--store", address, TRAKTAUTH_SEAL_KEY="0" * 43)
        assert outcome.status in {1, 2}
        assert "hunter2" not in outcome.out + outcome.err


@pytest.fixture
def guarded(tmp_path):
    """The address of a Redis with a password."""
    try:
        server = RedisServer(tmp_path, *DURABLE, "--requirepass", "hunter2")
    except Missing as missing:
        pytest.skip(str(missing))
    yield server.url.replace("//", "//:hunter2@")
    server.stop()


@pytest.mark.slow
def test_the_commands_in_a_hint_name_the_store_without_its_password(command, guarded):
    shown = guarded.replace("hunter2", "***")
    for words in (["token"], ["status"]):
        outcome = command(*words, "--store", guarded)
        assert outcome.status == 4
        assert f"Sign in: traktauth login --store '{shown}'" in outcome.err
        assert "hunter2" not in outcome.err
