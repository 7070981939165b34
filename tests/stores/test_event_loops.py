"""One `AsyncTrakt` in many event loops: one after the other, and several at once in threads."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from traktauth import App, AsyncTrakt
from traktauth.models import LoginKey, Token
from traktauth.models.changes import SaveToken
from traktauth.stores.open import open_store

ACCOUNTS, ROUNDS, LOOPS = 8, 4, 3


@pytest.fixture(params=["sqlite", "redis", "postgresql"])
def address(request, tmp_path):
    """Return the address of an empty store."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'tokens.db'}"
    return request.getfixturevalue({"redis": "redis_address", "postgresql": "postgres_address"}[request.param])


@pytest.fixture
def trakt_server(local_trakt):
    return local_trakt("current")


def sign_in(server, address):
    """Give each account a token that expires in a week."""
    answers = server.control("POST", "tokens", {"client_id": server.app.client_id, "count": ACCOUNTS})["tokens"]
    with closing(open_store(address)) as store:
        for number, answer in enumerate(answers):
            token = Token(
                answer["access_token"],
                answer["refresh_token"],
                expires_in=604800,
                expires_at=time.time() + 604800,
                generation=1,
            )
            store.apply(
                LoginKey(server.base, server.app.client_id, f"account-{number}"),
                SaveToken(token, after=0, at=time.time()),
            )


def async_trakt(server, address):
    app = App(server.app.client_id, client_secret=server.app.client_secret, redirect_uri=server.app.redirect_uri)
    return AsyncTrakt(app, service=server.base, store=address)


async def refresh(trakt, accounts):
    """Refresh some accounts at once."""
    return await asyncio.gather(*(trakt.for_account(f"account-{number}").refresh() for number in accounts))


@pytest.mark.slow
def test_no_login_is_lost_in_event_loops_one_after_the_other_and_at_once(trakt_server, address):
    sign_in(trakt_server, address)
    trakt = async_trakt(trakt_server, address)
    for _ in range(ROUNDS):
        asyncio.run(refresh(trakt, range(ACCOUNTS)))

    def run(first):
        for _ in range(ROUNDS):
            # Each account is refreshed in two loops, which race for it.
            asyncio.run(refresh(trakt, [number for number in range(ACCOUNTS) if number % LOOPS != first]))

    with ThreadPoolExecutor(LOOPS) as pool:
        list(pool.map(run, range(LOOPS)))
    tokens = asyncio.run(refresh(trakt, range(ACCOUNTS)))
    asyncio.run(trakt.close())
    assert all(trakt_server.alive(token.access_token) for token in tokens)
    ledger = trakt_server.ledger()
    assert (ledger["replays"], ledger["families_killed"]) == (0, 0)
