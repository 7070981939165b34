"""Tokens in PostgreSQL."""

from __future__ import annotations

import inspect
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from support.postgres import PASSWORD, running_postgres
from support.process import free_port
from traktauth.errors import StoreFailed
from traktauth.models.changes import BeginRefresh, SaveToken
from traktauth.stores.database.sql import SCHEMA
from traktauth.stores.open import open_store
from traktauth.stores.postgres import schema
from traktauth.stores.postgres.schema import schema_for
from traktauth.testing.store_contract.base import LOGIN, pair, pending_refresh, signed_in

pytestmark = pytest.mark.slow


@pytest.fixture
def raw(postgres_address):
    with psycopg.connect(postgres_address, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def mistreated():
    """Run a PostgreSQL that tests of this file may kill and stop."""
    yield from running_postgres()


@pytest.fixture
def own_server(mistreated):
    with psycopg.connect(mistreated.url, autocommit=True) as admin:
        for table in ("traktauth_schema", *SCHEMA):
            admin.execute(f"DROP TABLE IF EXISTS {table}")
    yield mistreated
    if mistreated.process.poll() is None:
        mistreated.resume()
    else:
        mistreated.start()


def test_no_output_shows_the_password(postgres_server):
    url = postgres_server.url.replace(PASSWORD, "sesame-canary")
    with closing(open_store(f"{url}?application_name=x")) as store:
        assert store.address == f"postgresql://traktauth@127.0.0.1:{postgres_server.port}/postgres"
        with pytest.raises(StoreFailed, match="password authentication failed") as caught:
            store.load(LOGIN)
        said = f"{caught.value!r} {caught.value.hint} {store!r} {store.identity}"
        assert "sesame" not in said


def tables(raw):
    rows = raw.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()")
    return {name for (name,) in rows}


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("CREATE TABLE traktauth_logins (mood text)", "traktauth_logins"),
        ("CREATE TABLE traktauth_budgets (mood text)", "traktauth_budgets"),
        ("CREATE TABLE traktauth_schema (mood text)", "traktauth_schema"),
    ],
)
def test_another_programs_tables_are_left_as_they_are(postgres_address, opened, raw, statement, table):
    raw.execute(statement)
    before = tables(raw)
    with pytest.raises(StoreFailed, match=f"has a table {table} that is not") as caught:
        signed_in(opened(postgres_address))
    assert "search_path" in caught.value.hint
    assert tables(raw) == before


def test_many_stores_that_connect_first_create_the_tables_once(postgres_address, opened):
    stores = [opened(postgres_address) for _ in range(12)]
    start = threading.Barrier(len(stores))

    def come(store):
        start.wait()
        store.load(LOGIN)

    with ThreadPoolExecutor(len(stores)) as pool:
        list(pool.map(come, stores))


# ---------------------------------------------------------------- connections
def test_no_connection_is_held_while_the_lock_is(postgres_address, raw):
    with closing(open_store(postgres_address)) as store:
        store.load(LOGIN)
        with store.lock(LOGIN, 0.0) as held:
            assert held
            assert len(store._idle) == 1, "idle, for the next command"
            question = (
                "SELECT state FROM pg_stat_activity WHERE application_name = 'traktauth' AND xact_start IS NOT NULL"
            )
            assert raw.execute(question).fetchall() == []


def test_the_server_cancels_a_statement_before_the_store_gives_up(postgres_address, raw, monkeypatch):
    """Else a change that counts as failed would be done later, when another program ends its transaction."""
    monkeypatch.setattr(schema, "LIMITS", schema.LIMITS.replace("'5000'", "'200'"))
    with closing(open_store(postgres_address)) as store:
        signed_in(store)
        with raw.transaction():
            raw.execute("SELECT * FROM traktauth_logins FOR UPDATE")
            with pytest.raises(StoreFailed, match="timeout") as caught:
                store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
            assert caught.value.temporary
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))


def test_no_more_connections_are_open_than_the_address_allows(postgres_address, raw):
    with closing(open_store(f"{postgres_address}&connections=3")) as store:
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(store.load, [LOGIN] * 100))
        assert 1 <= len(store._idle) <= 3


def test_a_terminated_session_is_replaced_within_the_call(postgres_address, opened, raw):
    store = opened(postgres_address)
    signed_in(store)
    raw.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'traktauth'")
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))


# ---------------------------------------------------------------- trouble that passes, and trouble that stays
def test_temporary_errors_are_distinguished_from_lasting_ones(own_server, opened):
    with psycopg.connect(own_server.url, autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS guest")
        admin.execute("CREATE ROLE guest LOGIN PASSWORD 'hunter2' CONNECTION LIMIT 0")
        url = own_server.url.replace("traktauth:", "guest:")
        cases = {
            url: True,  # no connection is left
            url.replace("hunter2", "wrong"): False,
            own_server.url.replace("hunter2@", "@"): False,
            own_server.url.replace("/postgres", "/music"): False,
            own_server.url.replace(f":{own_server.port}", f":{free_port()}"): True,  # away
        }
        for address, temporary in cases.items():
            with pytest.raises(StoreFailed) as caught:
                opened(address).load(LOGIN)
            assert caught.value.temporary is temporary, caught.value
            assert ("try again" in caught.value.hint.lower()) is temporary


def test_a_read_only_server_is_read_but_begins_no_refresh(own_server, opened):
    store = opened(own_server.url)
    signed_in(store)
    with psycopg.connect(own_server.url, autocommit=True) as admin:
        admin.execute("ALTER DATABASE postgres SET default_transaction_read_only = on")
        try:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'traktauth'")
            assert store.load(LOGIN).token == pair(1), "a token can be read"
            for verb in (store.check_writable, lambda: store.apply(LOGIN, BeginRefresh(pending_refresh(1)))):
                with pytest.raises(StoreFailed, match="read-only") as caught:
                    verb()
                assert caught.value.temporary
                assert "default_transaction_read_only" in caught.value.hint
            assert ["no writes" in problem for problem in store.durability_warnings()] == [True]
        finally:
            admin.execute("SET default_transaction_read_only = off")
            admin.execute("ALTER DATABASE postgres RESET default_transaction_read_only")


def test_a_role_that_may_not_create_tables_gets_a_hint(own_server, opened):
    with psycopg.connect(own_server.url, autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS clerk")
        admin.execute("CREATE ROLE clerk LOGIN PASSWORD 'hunter2'")
        url = own_server.url.replace("traktauth:", "clerk:")
        with pytest.raises(StoreFailed, match="permission denied") as caught:
            opened(url).check_writable()
        assert "traktauth store schema" in caught.value.hint_command
        assert "traktauth store" not in caught.value.hint
        assert not caught.value.temporary
        admin.execute(schema_for("clerk").encode())
        store = opened(url)
        signed_in(store)
        with store.lock(LOGIN, 0.0) as held:
            assert held
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
        store.check_writable()
        assert store.durability_warnings() == []
        admin.execute("DROP OWNED BY clerk")


def test_a_traceback_shows_nothing_of_a_row(postgres_address, raw):
    with closing(open_store(postgres_address)) as store:
        signed_in(store)
        raw.execute("ALTER TABLE traktauth_logins ADD CONSTRAINT odd CHECK (generation < 2)")
        with pytest.raises(StoreFailed, match='violates check constraint "odd"') as caught:
            store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert "psycopg.errors.CheckViolation" in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None
    ours = [
        frame for frame in inspect.getinnerframes(caught.value.__traceback__) if "stores/postgres" in frame.filename
    ]
    shown = [repr(value) for frame in ours for value in frame.frame.f_locals.values()]
    for secret in (pair(2).access_token, pair(2).refresh_token):
        assert secret not in "".join(traceback.format_exception(caught.value))
        assert secret not in "\n".join(shown)
