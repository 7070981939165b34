"""What SQLite, Redis and PostgreSQL do alike beyond the contract."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import psycopg
import pytest
import redis

from support.engines import Missing
from support.postgres import PostgresServer
from support.process import free_port
from support.redis import RedisServer
from traktauth.errors import StoreFailed
from traktauth.models.changes import BeginRefresh, SaveToken
from traktauth.stores.database.store import VERSION
from traktauth.stores.open import open_store
from traktauth.stores.postgres import driver as postgres_driver
from traktauth.testing.store_contract.base import LOGIN, OTHERS, pair, pending_refresh, signed_in

SERVERS = [pytest.param("redis", marks=pytest.mark.slow), pytest.param("postgres", marks=pytest.mark.slow)]


class SqliteRows:
    """What is in a database beside the store's own reading of it."""

    def __init__(self, address):
        self.path = address.removeprefix("sqlite:")

    def execute(self, statement, *values):
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    def all(self):
        return self.execute("SELECT * FROM traktauth_logins ORDER BY account")

    def change(self, column, value):
        self.execute(f"UPDATE traktauth_logins SET {column} = ? WHERE account = 'default'", value)

    def set_schema(self, version):
        self.execute(f"PRAGMA user_version = {version}")


class PostgresRows:
    def __init__(self, address):
        self.address = address

    def execute(self, statement, *values):
        with psycopg.connect(self.address, autocommit=True) as connection:
            done = connection.execute(statement, values)
            return done.fetchall() if done.description else []

    def all(self):
        return self.execute("SELECT * FROM traktauth_logins ORDER BY account")

    def change(self, column, value):
        self.execute(f"UPDATE traktauth_logins SET {column} = %s WHERE account = 'default'", value)

    def set_schema(self, version):
        self.execute("UPDATE traktauth_schema SET version = %s", version)


class RedisRows:
    def __init__(self, address):
        self.address, _, self.prefix = address.partition("?prefix=")

    def execute(self, *command):
        with closing(redis.Redis.from_url(self.address)) as client:
            return client.execute_command(*command)

    def all(self):
        keys = sorted(self.execute("KEYS", f"{{{self.prefix}}}:login:*"))
        return [(key, self.execute("HGETALL", key)) for key in keys]

    def change(self, column, value):
        self.execute("HSET", f'{{{self.prefix}}}:login:["trakt", "app", "default"]', column, value)

    def set_schema(self, version):
        self.execute("SET", f"{{{self.prefix}}}:schema", version)


@pytest.fixture(params=["sqlite", *SERVERS])
def address(request, tmp_path):
    return (
        f"sqlite:{tmp_path}/logins.db"
        if request.param == "sqlite"
        else request.getfixturevalue(f"{request.param}_address")
    )


@pytest.fixture
def rows(address):
    kinds = {"sqlite": SqliteRows, "redis": RedisRows, "postgresql": PostgresRows}
    return kinds[address.partition(":")[0]](address)


@pytest.mark.parametrize(
    ("column", "value"), [("payload", "{"), ("payload", "[]"), ("pending_refresh", "[]"), ("format", 4)]
)
def test_a_damaged_row_is_reported_and_the_others_are_served(opened, address, rows, column, value):
    store = opened(address)
    signed_in(store)
    signed_in(store, OTHERS[0])
    rows.change(column, value)
    before = rows.all()
    for verb in (lambda: store.load(LOGIN), lambda: store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))):
        with pytest.raises(StoreFailed, match=r"damaged|has the format 4") as caught:
            verb()
        assert caught.value.of_one
    assert store.load(OTHERS[0]).token == pair(1)
    assert store.list_logins() == sorted([LOGIN, OTHERS[0]])
    assert rows.all() == before


@pytest.mark.parametrize("version", [VERSION - 1, VERSION + 1])
def test_another_versions_schema_is_left_as_it_is(opened, address, rows, version):
    signed_in(opened(address))
    rows.set_schema(version)
    before = rows.all()
    store = opened(address)
    for verb in (
        lambda: store.load(LOGIN),
        lambda: store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0)),
        store.check_writable,
    ):
        with pytest.raises(
            StoreFailed, match=f"has the schema {version}; this version of traktauth uses schema {VERSION}"
        ):
            verb()
    assert rows.all() == before


def test_a_forked_child_uses_the_store_of_its_parent(opened, address):
    store = opened(address)
    signed_in(store)
    store.load(LOGIN)
    child = os.fork()
    if child == 0:
        good = False
        try:
            good = store.load(LOGIN).token == pair(1) and store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
        finally:
            os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.load(LOGIN).token == pair(2)
    assert store.apply(LOGIN, SaveToken(pair(3), after=2, at=1.0))


def test_the_lease_of_a_dead_holder_expires(opened, address, monkeypatch):
    store = opened(address)
    monkeypatch.setattr("traktauth.stores.database.store.LEASE", 0.3)
    lock = store.lock(LOGIN, 0.0)
    assert lock.__enter__()
    monkeypatch.setattr("traktauth.stores.database.store.LEASE", 120.0)  # of the next holder
    with store.lock(LOGIN, 60.0) as held:
        assert held
        lock.__exit__(None, None, None)  # the dead one comes back late, and takes no other lease away
        with store.lock(LOGIN, 0.0) as again:
            assert not again


def test_a_durable_database_has_no_warnings(opened, address):
    assert opened(address).durability_warnings() == []


def test_a_lock_alone_makes_no_login(opened, address):
    store = opened(address)
    with store.lock(LOGIN, 0.0) as held:
        assert held
    store.check_writable()
    assert store.list_logins() == []
    assert store.load(LOGIN).generation == 0


# ---------------------------------------------------------------- servers: addresses
@pytest.mark.parametrize(
    "address",
    [
        "redis://sean:hunter2@host:port",
        "redis://sean:hunter2@[::1",
        "postgresql://sean:hunter2@h:port/x",
        "postgresql://sean:hunter2@[::1",
        "postgresql://sean:hunter2@h/x?mood=good",
    ],
)
def test_a_malformed_address_is_refused_without_its_password(address):
    with pytest.raises(ValueError, match="address") as caught:
        open_store(address)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_library_is_named_with_the_command_that_installs_it():
    code = """
import sys
sys.modules["redis"] = sys.modules["psycopg"] = None
from traktauth.stores.open import open_store
from traktauth.errors import StoreFailed
for address in ("redis://:hunter2@127.0.0.1", "postgresql://sean:hunter2@127.0.0.1/x"):
    try:
        open_store(address)
    except StoreFailed as error:
        print(error.message, error.hint)
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for library, extra in (("redis", "redis"), ("psycopg", "postgres")):
        assert output.count(f"needs {library}") == output.count(f"pip install 'traktauth[{extra}]'") == 1
    assert "hunter2" not in output


@pytest.mark.parametrize("scheme", ["redis", "postgresql"])
def test_a_missing_server_is_reported_by_every_method(opened, scheme):
    store = opened(f"{scheme}://sean@127.0.0.1:{free_port()}/0")
    for verb in (
        lambda: store.load(LOGIN),
        lambda: signed_in(store),
        store.list_logins,
        store.check_writable,
        store.durability_warnings,
    ):
        with pytest.raises(StoreFailed, match="cannot be"):
            verb()
    with pytest.raises(StoreFailed), store.lock(LOGIN, 0.0):
        pass


# ---------------------------------------------------------------- servers that come and go
@pytest.fixture(params=SERVERS)
def server(request, tmp_path):
    """Start a server that this test may mistreat."""
    try:
        server = RedisServer(tmp_path) if request.param == "redis" else PostgresServer()
    except Missing as missing:
        pytest.skip(str(missing))
    yield server
    server.resume()
    server.stop()


def test_a_store_works_again_when_its_server_is_back(server, opened):
    store = opened(server.url)
    signed_in(store)
    server.kill()
    with pytest.raises(StoreFailed, match="cannot be"):
        store.load(LOGIN)
    server.start()
    assert store.load(LOGIN).token == pair(1), "a power cut has lost nothing"
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    server.kill()
    server.start()
    assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0)), "the dead connection is replaced within the call"
    assert opened(server.url).load(LOGIN).token == pair(2)


def test_a_server_that_does_not_answer_is_not_waited_for_long(server, opened, monkeypatch):
    signed_in(opened(server.url))
    server.pause()
    with monkeypatch.context() as patch:
        patch.setattr(postgres_driver, "LIMIT", 0.3)
        address = f"{server.url}?socket_timeout=0.2" if server.url.startswith("redis") else server.url
        with pytest.raises(StoreFailed, match=r"cannot be|no answer within"):
            opened(address).load(LOGIN)
    server.resume()
    assert opened(server.url).load(LOGIN).token == pair(1)
