"""`TRAKTAUTH_CLOCK_URL`, which `trakt_env` sets: what a test starts has the clock that the test moves."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys

import pytest

from traktauth import AsyncTrakt, Trakt, TraktAuthError
from traktauth.testing import LocalTrakt
from traktauth.web import WebLogin


@pytest.fixture
def local_trakt():
    with LocalTrakt() as server:
        yield server


def run(*words):
    command = [sys.executable, "-m", "traktauth", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_commands_of_a_test_obey_its_clock(trakt_env, local_trakt):
    first = run("token")
    assert run("token") == first
    local_trakt.advance(days=8)
    assert json.loads(run("status", "--json"))["logins"][0]["state"] == "expired"
    assert run("token") != first
    assert local_trakt.ledger["rotations"] == 1
    assert json.loads(run("status", "--json"))["logins"][0]["state"] == "valid"


def test_a_sign_in_by_a_command_tells_the_life_of_its_token_by_the_clock_of_the_test(trakt_env, local_trakt):
    local_trakt.advance(days=100)
    with Trakt(local_trakt.app, service=local_trakt.url, store="memory:", clock=local_trakt.clock) as trakt:
        token = local_trakt.sign_in_at(trakt)
    response = {"access_token": token.access_token, "expires_at": token.expires_at}
    command = [sys.executable, "-m", "traktauth", "login", "--with-token", "--yes"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, input=json.dumps(response)).stderr
    assert re.search(r"valid until .* \((7 d|6 d 23 h)\)", shown), shown


def test_from_env_takes_the_clock_of_the_test(trakt_env, local_trakt):
    async def read():
        async with AsyncTrakt.from_env() as trakt:
            return await trakt.token()

    with Trakt.from_env() as trakt:
        first = trakt.token()
        local_trakt.advance(days=8)
        assert trakt.token().generation == first.generation + 1
        assert asyncio.run(read()) == trakt.token()
    with WebLogin.from_env() as login:
        assert login.config.context.clock() == pytest.approx(local_trakt.clock(), abs=60)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("TRAKTAUTH_SERVICE", "trakt", "trakt.tv is not on this machine: unset it"),
        ("TRAKTAUTH_CLOCK_URL", "http://10.0.0.5/_control/clock", "must be an http address on this machine"),
        ("TRAKTAUTH_CLOCK_URL", "http://127.0.0.1@evil.example/", "must be an http address on this machine"),
        ("TRAKTAUTH_CLOCK_URL", "http://127.0.0.1:x/", "Port could not be cast"),
        ("TRAKTAUTH_CLOCK_URL", "file:///etc/passwd", "must be an http address on this machine"),
    ],
)
def test_no_real_service_has_the_clock_of_a_test(trakt_env, monkeypatch, name, value, message):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=message):
        Trakt.from_env()


def test_a_clock_that_does_not_answer_is_named(trakt_env, monkeypatch):
    monkeypatch.setenv("TRAKTAUTH_CLOCK_URL", f"{trakt_env['TRAKTAUTH_SERVICE']}/nowhere")
    with Trakt.from_env() as trakt, pytest.raises(TraktAuthError, match="/nowhere does not answer"):
        trakt.token()
