"""An outage of Trakt's token endpoint: the command says "later", and no login is lost."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import replace

import pytest

from support.recording_proxy import RecordingProxy
from traktauth import App
from traktauth.keeper import RateLimit, refresh_due
from traktauth.models import LoginKey, Token, app_entry
from traktauth.models.changes import SaveToken, SwapProbe
from traktauth.stores.open import open_store

TOKEN = "/oauth/token"
PAGE = b"<!doctype html><title>Just a moment...</title>"
OUTAGES = ["503", "captcha", "cut"]
FOR_EVER = 1000


@pytest.fixture
def proxy(local):
    with RecordingProxy(local.base) as proxy:
        yield proxy


def begin(proxy, outage):
    if outage == "cut":
        proxy.drop(TOKEN, times=FOR_EVER)
    else:
        proxy.answer(TOKEN, 200 if outage == "captcha" else int(outage), PAGE, times=FOR_EVER)


def let_the_interval_pass(store, login):
    """As if the last probe had been made so much earlier."""
    app = app_entry(login)
    probe = store.load(app).probe
    assert 0 < probe.wait <= 20
    assert store.apply(app, SwapProbe(probe, replace(probe, at=probe.at - probe.wait)))


def let_the_pause_pass(path):
    """As if the pause that a step asks the next ones to make, and that of the login that failed, were over."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE traktauth_budgets SET held_until = 0")
        connection.execute("UPDATE traktauth_logins SET due_at = 1 WHERE due_at IS NOT NULL AND generation = 1")
        connection.commit()


def the_app(command):
    secret = command.env["TRAKTAUTH_CLIENT_SECRET"]
    return App(command.env["TRAKTAUTH_CLIENT_ID"], client_secret=secret, redirect_uri="http://127.0.0.1:9876/callback")


def nothing_was_replayed(local):
    ledger = local.ledger()
    return (ledger["replays"], ledger["families_killed"]) == (0, 0)


@pytest.mark.parametrize("outage", OUTAGES)
def test_calls_in_an_outage_say_later_and_the_first_one_that_is_due_after_it_succeeds(command, local, proxy, outage):
    command.at(proxy.base)
    command.keep_real(local, left=-1)
    begin(proxy, outage)
    for _ in range(3):
        outcome = command("token")
        assert (outcome.status, outcome.out) == (5, "")
    assert proxy.count(TOKEN) == 2, "the refresh, and one probe"
    proxy.restore()
    assert command("token").status == 5, "the probe interval is not over"
    let_the_interval_pass(command.store, command.login())
    assert command("token").status == 0
    assert command.record().generation == 2
    assert local.ledger()["rotations"] == 1
    assert nothing_was_replayed(local)


def test_a_fleet_of_200_expired_logins_comes_through_an_outage(command, local, proxy, tmp_path):
    command.at(proxy.base)
    address, client = f"sqlite:{tmp_path}/fleet.db", command.env["TRAKTAUTH_CLIENT_ID"]
    made = local.control("POST", "tokens", {"client_id": client, "count": 200, "username": "sean"})["tokens"]
    store, now = open_store(address), time.time()
    logins = [LoginKey(proxy.base, client, f"user-{number}") for number in range(200)]
    for login, pair in zip(logins, made, strict=True):
        token = Token(pair["access_token"], pair["refresh_token"], "bearer", 604800, None, now - 1, "public", 1)
        assert store.apply(login, SaveToken(token, after=0, at=now - 604800))
    app = the_app(command)

    def step():
        return asyncio.run(
            refresh_due(address, app=app, service=proxy.base, limit=500, rate_limit=RateLimit(10**6, 0.0))
        )

    begin(proxy, "502")
    found = step()
    assert (found.refreshed, found.expired, found.expiring) == (0, 0, 0)
    proxy.restore()
    renewed, until = 0, time.monotonic() + 240
    while renewed < 200 and time.monotonic() < until:
        let_the_pause_pass(tmp_path / "fleet.db")
        if store.load(app_entry(logins[0])).probe is not None:
            let_the_interval_pass(store, logins[0])
        summary = step()
        assert (summary.expired, summary.expiring) == (0, 0)
        renewed += summary.refreshed
    assert renewed == 200
    assert {store.load(login).generation for login in logins} == {2}
    assert nothing_was_replayed(local)
    store.close()
