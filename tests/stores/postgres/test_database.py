"""Tokens in PostgreSQL."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
import subprocess
import sys
import threading
import time
import traceback
from contextlib import closing, suppress

import psycopg
import pytest

from support.engines import Missing
from support.postgres import PASSWORD, PostgresServer
from support.process import free_port
from support.stores import Closing
from traktauth.errors import StoreFailed
from traktauth.models.changes import BeginRefresh, SaveToken
from traktauth.stores.database.schema import SCHEMA
from traktauth.stores.open import open_async_store, open_store
from traktauth.stores.postgres import driver, statements
from traktauth.stores.postgres.durability import find_warnings
from traktauth.stores.postgres.table_creation import schema_for
from traktauth.testing import AsyncStoreContract, StoreContract
from traktauth.testing.store_contract.async_adapter import BlockingAdapter
from traktauth.testing.store_contract.base import LOGIN, OTHERS, pair, pending_refresh, signed_in

pytestmark = pytest.mark.slow


class OnPostgres(Closing):
    @pytest.fixture(autouse=True)
    def _server(self, postgres_schema):
        self.address = lambda place: postgres_schema(f"{place.parent.name}-{place.name}"[-60:])


class TestPostgres(OnPostgres, StoreContract):
    def open_store(self, place):
        return self.opened(open_store(self.address(place)))


class TestPostgresForAsyncio(OnPostgres, AsyncStoreContract):
    def open_store(self, place):
        return self.opened(super().open_store(place))

    def open_async_store(self, place):
        return open_async_store(self.address(place))


@pytest.fixture(params=["blocking", "async"])
def opened(request):
    """Open a store, blocking or async, and close it when the test ends."""
    stores = []

    def open_at(address):
        store = open_store(address) if request.param == "blocking" else BlockingAdapter(open_async_store(address))
        stores.append(store)
        return store

    yield open_at
    for store in stores:
        store.close()


@pytest.fixture
def raw(postgres_address):
    with psycopg.connect(postgres_address, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def mistreated():
    """Run a PostgreSQL that tests of this file may kill and stop."""
    try:
        server = PostgresServer()
    except Missing as missing:
        pytest.skip(str(missing))
    yield server
    server.stop()


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


def test_nothing_of_a_password_is_shown(postgres_server):
    url = postgres_server.url.replace(PASSWORD, "sesame-canary")
    with closing(open_store(f"{url}?application_name=x")) as store:
        assert store.address == f"postgresql://traktauth@127.0.0.1:{postgres_server.port}/postgres"
        with pytest.raises(StoreFailed, match="password authentication failed") as caught:
            store.load(LOGIN)
        said = f"{caught.value!r} {caught.value.hint} {store!r} {store.database!r} {store.identity}"
        assert "sesame" not in said


@pytest.mark.parametrize("opening", [open_store, open_async_store])
@pytest.mark.parametrize("rest", ["sean:sesame@h:port/x", "sean:sesame@[::1", "sean:sesame@h/x?mood=good", "h?cache=x"])
def test_an_address_that_is_none_is_refused_without_its_password(opening, rest):
    with pytest.raises(ValueError, match="address") as caught:
        opening(f"postgresql://{rest}")
    assert "sesame" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_database_is_reported(postgres_server, opened):
    store = opened(postgres_server.url.replace("/postgres", "/music"))
    with pytest.raises(StoreFailed, match='database "music" does not exist'):
        store.load(LOGIN)


def test_a_missing_server_is_reported(opened):
    store = opened(f"postgresql://sean@127.0.0.1:{free_port()}/x")
    for verb in (
        lambda: store.load(LOGIN),
        lambda: signed_in(store),
        store.list_logins,
        store.check_writable,
        store.durability_warnings,
    ):
        with pytest.raises(StoreFailed, match="cannot be used"):
            verb()
    with pytest.raises(StoreFailed), store.lock(LOGIN, 0.0):
        pass


def tables(raw):
    rows = raw.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()")
    return {name for (name,) in rows}


def test_a_later_versions_schema_is_left_as_it_is(postgres_address, opened, raw):
    signed_in(opened(postgres_address))
    raw.execute("UPDATE traktauth_schema SET version = 3")
    store = opened(postgres_address)
    for verb in (
        lambda: store.load(LOGIN),
        lambda: store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0)),
        store.check_writable,
    ):
        with pytest.raises(StoreFailed, match="has the schema 3; this version of traktauth knows 1 to 2"):
            verb()
    assert raw.execute("SELECT generation FROM traktauth_logins").fetchall() == [(1,)]


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


@pytest.mark.parametrize(
    "change", ["ADD COLUMN mood text", "DROP COLUMN notifications", "ALTER COLUMN generation TYPE numeric"]
)
def test_a_table_with_foreign_columns_is_left_as_it_is(postgres_address, opened, raw, change):
    signed_in(opened(postgres_address))
    raw.execute(f"ALTER TABLE traktauth_logins {change}")
    with pytest.raises(StoreFailed, match="has a table traktauth_logins that is not"):
        opened(postgres_address).apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert raw.execute("SELECT generation FROM traktauth_logins").fetchall() == [(1,)]


def test_many_come_first_and_one_makes_the_tables(postgres_address, opened):
    stores = [opened(postgres_address) for _ in range(12)]
    start, failed = threading.Barrier(len(stores)), []

    def come(store):
        start.wait()
        try:
            store.load(LOGIN)
        except StoreFailed as error:
            failed.append(error)

    threads = [threading.Thread(target=come, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


@pytest.mark.parametrize(
    ("column", "value"), [("payload", "{"), ("pending_refresh", "[]"), ("format", 3), ("payload", "[]")]
)
def test_a_damaged_row_is_reported_and_the_others_are_served(postgres_address, opened, raw, column, value):
    store = opened(postgres_address)
    signed_in(store)
    signed_in(store, OTHERS[0])
    raw.execute(f"UPDATE traktauth_logins SET {column} = %s WHERE account = 'default'", [value])
    before = raw.execute("SELECT * FROM traktauth_logins ORDER BY account").fetchall()
    for verb in (lambda: store.load(LOGIN), lambda: store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))):
        with pytest.raises(StoreFailed, match=r"damaged|has the format 3") as caught:
            verb()
        assert caught.value.of_one
    assert store.load(OTHERS[0]).token == pair(1)
    assert store.list_logins() == sorted([LOGIN, OTHERS[0]])
    assert raw.execute("SELECT * FROM traktauth_logins ORDER BY account").fetchall() == before


def test_a_keeper_finds_in_columns_what_it_needs(postgres_address, opened, raw):
    store = opened(postgres_address)
    signed_in(store)
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    with store.lock(LOGIN, 0.0):
        columns = "realm, client_id, account, generation, expires_at, refreshable"
        row = raw.execute(
            f"SELECT {columns}, CAST(pending_refresh AS json) ->> 'sending', lease_until IS NOT NULL "
            "FROM traktauth_logins"
        ).fetchone()
    assert row == ("trakt", "app", "default", 1, pair(1).expires_at, True, "1", True)


def test_a_missing_library_is_named():
    code = """
import sys
sys.modules["psycopg"] = None
from traktauth.stores.open import open_async_store, open_store
from traktauth.errors import StoreFailed
for opening in (open_store, open_async_store):
    try:
        opening("postgresql://sean:sesame@127.0.0.1/x")
    except StoreFailed as error:
        print(error.message, error.hint)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.count("needs psycopg") == said.count("pip install 'traktauth[postgres]'") == 2
    assert "sesame" not in said


# ---------------------------------------------------------------- connections
def test_no_connection_is_held_while_the_lock_is(postgres_address, raw):
    with closing(open_store(postgres_address)) as store:
        store.load(LOGIN)
        with store.lock(LOGIN, 0.0) as held:
            assert held
            assert len(store.database._idle) == 1, "idle, for the next command"
            question = (
                "SELECT state FROM pg_stat_activity WHERE application_name = 'traktauth' AND xact_start IS NOT NULL"
            )
            assert raw.execute(question).fetchall() == []


NAMES = ("statement_timeout", "lock_timeout", "synchronous_commit")


def test_a_session_keeps_no_setting_of_ours(postgres_address, opened, raw):
    store = opened(f"{postgres_address}%20-csynchronous_commit%3Doff")
    signed_in(store)
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    assert store.durability_warnings() == []
    (connection,) = getattr(store, "store", store).database._idle
    raw_sql = [f"SHOW {name}".encode() for name in NAMES]
    shown = [connection.pgconn.exec_(text).get_value(0, 0).decode() for text in raw_sql]
    assert shown == ["0", "0", "off"], "as the address and the server have them"


def test_the_server_gives_up_before_we_do(postgres_address, raw, monkeypatch):
    """Else a change that counts as failed would be done later, when another program ends its transaction."""
    monkeypatch.setattr(statements, "LIMITS", statements.LIMITS.replace("'5000'", "'200'"))
    with closing(open_store(postgres_address)) as store:
        signed_in(store)
        with raw.transaction():
            raw.execute("SELECT * FROM traktauth_logins FOR UPDATE")
            with pytest.raises(StoreFailed, match="timeout") as caught:
                store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
            assert caught.value.temporary
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))


def test_connections_have_a_number(postgres_address, raw):
    with closing(open_store(f"{postgres_address}&connections=3")) as store:
        threads = [threading.Thread(target=lambda: [store.load(LOGIN) for _ in range(5)]) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 1 <= len(store.database._idle) <= 3


def test_a_store_heals_when_its_server_is_back(own_server, opened):
    store = opened(own_server.url)
    signed_in(store)
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    own_server.kill()
    with pytest.raises(StoreFailed, match="cannot be used"):
        store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    own_server.start()
    assert store.load(LOGIN).pending_refresh == pending_refresh(1), "a power cut has lost nothing"
    assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert opened(own_server.url).load(LOGIN).token == pair(2)


def test_a_session_that_was_ended_is_replaced_within_the_call(postgres_address, opened, raw):
    store = opened(postgres_address)
    signed_in(store)
    raw.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'traktauth'")
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))


def test_a_server_that_does_not_answer_is_not_waited_for_long(own_server, opened, monkeypatch):
    monkeypatch.setattr(driver, "LIMIT", 0.3)
    store = opened(own_server.url)
    signed_in(store)
    own_server.pause()
    began = time.monotonic()
    with pytest.raises(StoreFailed, match="no answer within"):
        store.load(LOGIN)
    assert time.monotonic() - began < 30
    own_server.resume()
    assert store.load(LOGIN).token == pair(1)


def test_the_lease_of_a_dead_holder_ends_by_itself(postgres_address, monkeypatch):
    monkeypatch.setattr("traktauth.stores.database.operations.LEASE", 0.3)
    with closing(open_store(postgres_address)) as store:
        lock = store.lock(LOGIN, 0.0)
        assert lock.__enter__()
        monkeypatch.setattr("traktauth.stores.database.operations.LEASE", 120.0)  # of the next holder
        began = time.monotonic()
        with store.lock(LOGIN, 60.0) as held:
            assert held
            assert time.monotonic() - began > 0.25
            lock.__exit__(None, None, None)  # the dead one comes back late, and takes no other lease away
            with store.lock(LOGIN, 0.0) as again:
                assert not again


def test_a_store_goes_on_in_a_forked_child(postgres_address):
    with closing(open_store(postgres_address)) as store:
        signed_in(store)
        child = os.fork()
        if child == 0:
            good = False
            try:
                good = store.load(LOGIN).token == pair(1) and store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
            finally:
                os._exit(0 if good else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert store.load(LOGIN).token == pair(2)


@pytest.mark.asyncio
async def test_a_cancelled_waiter_keeps_no_lease(postgres_address):
    store = open_async_store(postgres_address)
    await store.apply(LOGIN, SaveToken(pair(1), after=0, at=1.0))

    async def wait():
        async with store.lock(LOGIN, 60.0):
            await asyncio.sleep(60)

    for pause in (0.0, 0.001, 0.003, 0.01, 0.05):
        task = asyncio.create_task(wait())
        await asyncio.sleep(pause)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with store.lock(LOGIN, 0.0) as held:
            assert held
    await store.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (("on", "on", False, "off", "on"), []),
        (("on", "on", False, "off", "local"), []),
        (("off", "on", False, "off", "on"), ["fsync = on"]),
        (("on", "off", True, "on", "on"), ["full_page_writes = on", "standby"]),
        (("on", "on", False, "on", "off"), ["synchronous_commit = on", "default_transaction_read_only"]),
    ],
)
def test_settings_that_may_lose_logins_are_reported(answer, words):
    found = find_warnings(answer)
    assert len(found) == len(words)
    assert all(word in problem for word, problem in zip(words, found, strict=True))


def test_a_durable_server_has_no_problems(postgres_address, opened):
    assert opened(postgres_address).durability_warnings() == []


# ---------------------------------------------------------------- trouble that passes, and trouble that stays
class CutOnce:
    """Passes connections on to a server, and cuts the first of them when it is first asked something."""

    def __init__(self, port):
        self.port, self.connections = port, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.own_port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.connections += 1
                server = socket.create_connection(("127.0.0.1", self.port))
                passing = (server, client, False), (client, server, self.connections == 1)
                for way in passing:
                    threading.Thread(target=self.carry, args=way, daemon=True).start()

    def carry(self, source, target, cuts):
        with suppress(OSError):
            while content := source.recv(65536):
                if cuts and content.startswith(b"Q"):
                    break
                target.sendall(content)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def test_a_new_session_that_is_cut_is_replaced_within_the_call(postgres_server, postgres_address, opened):
    proxy = CutOnce(postgres_server.port)
    store = opened(postgres_address.replace(f":{postgres_server.port}/", f":{proxy.own_port}/"))
    with closing(proxy.listener):
        store.check_writable()
        assert proxy.connections == 2


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
            assert ("try again" in caught.value.hint.lower() or "Repeat" in caught.value.hint) is temporary


def test_a_server_that_is_read_only_gives_no_right_to_send(own_server, opened):
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
        assert "traktauth store schema" in caught.value.hint
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


def test_nothing_of_a_row_is_shown_by_a_traceback(postgres_address, raw):
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


def test_a_token_is_saved_if_a_backup_was_restored_in_mid_refresh(postgres_address, opened, raw):
    store = opened(postgres_address)
    signed_in(store)
    raw.execute("CREATE TABLE backup AS SELECT * FROM traktauth_logins")
    assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(2)))
    with raw.transaction():
        raw.execute("DELETE FROM traktauth_logins")
        raw.execute("INSERT INTO traktauth_logins SELECT * FROM backup")
    assert store.apply(LOGIN, SaveToken(pair(3), after=2, at=2.0)), "the only valid token"
    record = opened(postgres_address).load(LOGIN)
    assert (record.token, record.history[-1].rolled_back_to) == (pair(3), 1)
