"""What the simulator found, each as a test of its own on the real store or flow."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing

import pytest

from traktauth.client import http, http_exchange
from traktauth.flow.effects import NoResponse
from traktauth.models import App, find_service
from traktauth.stores.database import store as database_store
from traktauth.stores.open import open_store
from traktauth.testing.store_contract.base import LOGIN
from traktauth.wire.token_endpoint import build_refresh_request

SERVERS = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("redis", "postgres")]


@pytest.fixture
def store(address):
    with closing(open_store(address)) as store:
        yield store


class Stopped:
    """A clock by which the first answer to `Take` takes longer than a lease lasts."""

    def __init__(self):
        self.now, self.takes = 0.0, 0

    def __call__(self):
        return self.now

    def heard(self):
        self.takes += 1
        self.now += 60.0 if self.takes == 1 else 0.0


@pytest.mark.parametrize("address", ["sqlite", *SERVERS], indirect=True)
def test_a_lease_whose_reply_was_late_is_acquired_again(store, monkeypatch):
    clock, real = Stopped(), store.acquire_lease

    def acquire(*lease):
        held = real(*lease)
        clock.heard()
        return held

    monkeypatch.setattr(database_store, "steady_clock", clock)
    monkeypatch.setattr(store, "acquire_lease", acquire)
    with store.lock(LOGIN, 0.0) as held:
        assert (held, clock.takes) == (True, 2)


@pytest.mark.parametrize("address", SERVERS[:1], indirect=True)
def test_a_lease_that_is_acquired_again_has_its_full_length(store):
    """By its holder, who has not heard the first answer."""
    assert store.acquire_lease(LOGIN, "me", 0.5)
    assert store.acquire_lease(LOGIN, "me", 30.0)
    time.sleep(0.7)
    assert not store.acquire_lease(LOGIN, "another", 30.0)


# ---------------------------------------------------------------- stopped between the last thought and the first byte
@pytest.fixture
def stopped_while_connecting(monkeypatch):
    """A clock by which the connection is there after a minute."""
    times = iter([0.0])
    monkeypatch.setattr(http_exchange, "steady_clock", lambda: next(times, 60.0))


def refresh_at(server):
    app = App("c", client_secret="s", redirect_uri="x:y")
    return build_refresh_request(find_service(server.base), app, "r")


@pytest.mark.parametrize("kind", ["blocking", "async"])
def test_a_request_that_timed_out_before_its_first_byte_is_not_sent(strict_trakt, stopped_while_connecting, kind):
    async def send():
        async with http.new_async_client() as client:
            return await http_exchange.send_async(client, refresh_at(strict_trakt))

    if kind == "async":
        outcome = asyncio.run(send())
    else:
        with http.new_client() as client:
            outcome = http_exchange.send(client, refresh_at(strict_trakt), is_watched=True)
    assert (type(outcome), outcome.sent) == (NoResponse, False)
    assert strict_trakt.refreshes == []
