"""Every fault of the table, met for real: Trakt's client against the local Trakt, in both profiles."""

from __future__ import annotations

from pathlib import Path

import pytest

import traktauth
from faults.table import FAULTS, PROFILES, page
from traktauth import LoginRequired, Trakt
from traktauth.protocol import Service
from traktauth.testing import LocalTrakt

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
TOKEN = "/oauth/token"

each_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
each_profile = pytest.mark.parametrize("profile", PROFILES)


@pytest.fixture(scope="module")
def servers():
    # With classic's own lifetime of a day; `access_life` would hide that no margin is a constant.
    with LocalTrakt(profile="current") as current, LocalTrakt(profile="classic") as classic:
        yield {"current": current, "classic": classic}


@pytest.fixture
def server(servers, profile):
    servers[profile].reset()
    return servers[profile]


def started(server):
    return Trakt(server.app, service=server.url, store="memory:", clock=server.clock)


@pytest.fixture
def trakt(server):
    with started(server) as trakt:
        yield trakt


def refreshes(server):
    return sum(server.ledger["counts"].get(f"POST {TOKEN}", {}).values())


def to_the_advisory_window(server, token):
    server.advance(seconds=token.expires_at - server.clock() - 0.07 * token.expires_in)


def past_the_end(server, token):
    server.advance(seconds=token.expires_at - server.clock() + 1)


@pytest.mark.parametrize(
    ("fault", "profile"),
    [*((fault, "current") for fault in FAULTS), (FAULTS[0], "classic"), (FAULTS[-1], "classic")],
    ids=lambda value: getattr(value, "name", value),
)
def test_the_old_token_is_used_while_it_is_valid_and_nothing_is_sent_twice(fault, server, trakt):
    old = server.sign_in_at(trakt)
    to_the_advisory_window(server, old)
    server.fail_next(TOKEN, **fault.how)
    for _ in range(3):
        assert trakt.token() == old
    assert trakt.request("GET", "/users/settings").status_code == 200
    assert (trakt.store.load(trakt.config.key).pending_refresh is not None) == (fault.spent == "unknown")
    assert server.ledger["rotations"] == int(fault.arrived)
    assert server.ledger["replays"] == 0


@each_profile
@each_fault
def test_after_the_old_token_has_expired_the_table_says_what_happens(fault, profile, server, trakt):
    old = server.sign_in_at(trakt)
    past_the_end(server, old)
    server.fail_next(TOKEN, **fault.how)
    with pytest.raises(getattr(traktauth, fault.error)) as caught:
        trakt.token()
    assert caught.value.hint
    record = trakt.store.load(trakt.config.key)
    assert record.token == old
    assert record.refreshable
    assert (record.pending_refresh is not None) == (fault.spent == "unknown")
    if "refused" in fault.at_the_end(profile):
        for _ in range(2):
            with pytest.raises(LoginRequired) as caught:
                trakt.token()
            assert caught.value.reason == "reply-lost"
        status = trakt.status()
        assert (status.reason, status.message, status.pending) == ("reply-lost", caught.value.message, None)
        return
    new = trakt.token()
    assert new.generation == 2
    assert new.access_token != old.access_token
    assert trakt.request("GET", "/users/settings").status_code == 200
    assert refreshes(server) <= 3  # a probe among them


@each_profile
def test_a_closed_port_uses_no_refresh_token(server, trakt):
    old = server.sign_in_at(trakt)
    nobody = Service("x", trakt.config.service.realm, server.url, "http://127.0.0.1:9", server.url)
    past_the_end(server, old)
    with Trakt(server.app, service=nobody, store=trakt.store, clock=server.clock) as lost:
        with pytest.raises(traktauth.TryLater):
            lost.token()
        assert lost.store.load(trakt.config.key).pending_refresh is None
    assert trakt.token().generation == 2


@each_profile
def test_a_refresh_that_timed_out_is_not_sent_again_while_the_old_token_is_valid(monkeypatch, profile):
    """On a server of its own, which counts the delayed request later."""
    monkeypatch.setattr("traktauth.client.http_exchange.REQUEST_TIMEOUT", 0.3)
    with LocalTrakt(profile=profile) as server, started(server) as trakt:
        old = server.sign_in_at(trakt)
        to_the_advisory_window(server, old)
        server.fail_next(TOKEN, delay=1.0)
        assert trakt.token() == old
        assert trakt.token() == old
        assert trakt.store.load(trakt.config.key).pending_refresh is not None
        assert refreshes(server) == 1


@each_profile
def test_a_revoked_login_uses_its_old_token_until_it_expires(server, trakt):
    old = server.sign_in_at(trakt)
    to_the_advisory_window(server, old)
    server.fail_next(TOKEN, status=400, body='{"error":"invalid_grant","error_description":"session not found"}')
    assert trakt.token() == old
    record = trakt.store.load(trakt.config.key)
    assert not record.refreshable
    past_the_end(server, old)
    with pytest.raises(LoginRequired) as caught:
        trakt.token()
    assert caught.value.reason == "revoked"
    assert refreshes(server) == 1


def test_the_documentation_contains_the_tested_table():
    assert page() in PAGE.read_text(encoding="utf-8")
