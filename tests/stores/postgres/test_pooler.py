"""Tokens in PostgreSQL behind a pooler that lends its sessions for one transaction each."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import psycopg
import pytest

from support.engines import Missing
from support.pgbouncer import pgbouncer
from support.postgres import running_postgres
from traktauth.models import LoginKey
from traktauth.models.changes import BeginRefresh, SaveToken
from traktauth.stores.open import open_store
from traktauth.testing.store_contract.base import LOGIN, pair, pending_refresh, signed_in

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server():
    """Run a PostgreSQL that tests of this file may kill."""
    yield from running_postgres("-c", "synchronous_commit=off")


@pytest.fixture
def pooled(server):
    """Start a pooler, and return the address of an empty database behind it: `pooled(size=1)`."""
    with ExitStack() as running:

        def start(**settings):
            try:
                return running.enter_context(pgbouncer(server, "transaction", **settings))
            except Missing as missing:
                pytest.skip(str(missing))

        yield start


def outsider(url):
    """Connect another program of the pool."""
    return psycopg.connect(url, autocommit=True, prepare_threshold=None)


@pytest.mark.parametrize("prepared", [200, 0])
def test_many_threads_refresh_behind_a_transaction_pooler(pooled, prepared):
    url = pooled(size=2, prepared=prepared)

    def run(number):
        login = LoginKey("trakt", "app", f"account-{number}")
        with closing(open_store(url)) as store:
            signed_in(store, login)
            for generation in range(1, 15):
                with store.lock(login, 30.0) as held:
                    assert held
                    assert store.apply(login, BeginRefresh(pending_refresh(generation)))
                    assert store.apply(login, SaveToken(pair(generation + 1), after=generation, at=1.0))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run, range(6)))
    with closing(open_store(url)) as store:
        assert [store.load(login).token for login in store.list_logins()] == [pair(15)] * 6


@pytest.mark.parametrize("prepared", [200, 0])
def test_a_keepers_statements_pass_a_transaction_pooler(pooled, prepared):
    url = pooled(size=1, prepared=prepared)
    logins = [LoginKey("trakt", "app", f"account-{number}") for number in range(50)]

    with closing(open_store(url)) as store, ThreadPoolExecutor(4) as pool:

        def apply_each(changes):
            return pool.map(lambda each: store.apply(*each), changes)

        assert all(apply_each([(login, SaveToken(pair(1), 0, at=1.0)) for login in logins]))
        for generation in range(1, 9):  # more often than psycopg waits before it prepares a statement
            claimed = store.claim("trakt", "app", before=9e9, now=0.0, limit=50, lease=30.0, owner="keeper")
            assert len(claimed) == 50
            assert all(apply_each([(login, BeginRefresh(pending_refresh(generation))) for login in logins]))
            savings = [(login, SaveToken(pair(generation + 1), generation, at=1.0)) for login in logins]
            assert all(apply_each(savings))
            store.release(logins, owner="keeper")
            assert store.take_budget("trakt", wanted=1, limit=1000, period=60.0)[0] == 1


def test_other_programs_of_the_pool_keep_their_settings(pooled, opened):
    url = pooled(size=1)
    names = ("statement_timeout", "lock_timeout", "synchronous_commit", "idle_in_transaction_session_timeout")
    with outsider(url) as other:
        before = [other.execute(f"SHOW {name}".encode()).fetchone() for name in names]
        store = opened(url)
        signed_in(store)
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
        assert store.durability_warnings() == []
        assert [other.execute(f"SHOW {name}".encode()).fetchone() for name in names] == before
        assert other.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)


def test_a_crash_loses_no_token_behind_a_transaction_pooler(server, pooled, opened):
    """The database's own default is `synchronous_commit = off`."""
    url = pooled(size=2)
    store = opened(url)
    signed_in(store)
    for generation in range(1, 4):
        with closing(outsider(url)) as other:
            other.execute("BEGIN")  # keeps the session that the store has used last
            assert store.apply(LOGIN, BeginRefresh(pending_refresh(generation)))
            assert store.apply(LOGIN, SaveToken(pair(generation + 1), after=generation, at=1.0))
            server.kill()
            server.start()
            with psycopg.connect(f"{server.url.rpartition('/')[0]}/{url.rpartition('/')[2]}") as direct:
                assert direct.execute("SELECT generation FROM traktauth_logins").fetchone() == (generation + 1,)
        assert opened(url).load(LOGIN).token == pair(generation + 1)


def test_one_of_many_makes_the_tables_behind_a_transaction_pooler(pooled):
    url = pooled(size=2)
    start = threading.Barrier(8)

    def come(_):
        start.wait()
        with closing(open_store(url)) as store:
            store.load(LOGIN)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(come, range(8)))
    with outsider(url) as other:
        assert other.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)
