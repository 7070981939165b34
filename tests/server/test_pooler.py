"""PostgreSQL behind a pooler that shares its connections with other programs."""

from __future__ import annotations

import asyncio
import contextlib
import random

import psycopg
import pytest

from server.conftest import SEED, Client
from support.engines import Missing
from support.pgbouncer import pgbouncer
from traktauth.cli.serve.command import build_server
from traktauth.errors import TraktAuthError
from traktauth.server.config.settings import Settings
from traktauth.server.process.embedded import EmbeddedServer
from traktauth.server.storage.postgres.storage import PostgresStorage

SETTINGS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "synchronous_commit")
POOLERS = [("session", 200), ("transaction", 200), ("transaction", 0)]


@pytest.fixture
def pooled(postgres_server):
    """Get the address of an empty database behind a pgbouncer: `pooled(mode, prepared=…, size=…)`."""
    with contextlib.ExitStack() as until_the_end:

        def start(mode, **settings):
            try:
                return until_the_end.enter_context(pgbouncer(postgres_server, mode, **settings))
            except Missing as missing:
                pytest.skip(str(missing))

        yield start


def settings_in_force(address):
    """What another program of the pool is subject to, on each connection that it may be given."""
    with contextlib.ExitStack() as opened:
        others = [opened.enter_context(psycopg.connect(address)) for _ in range(3)]  # in a transaction each
        columns = ", ".join(f"current_setting('{name}')" for name in SETTINGS)
        return {other.execute(f"SELECT {columns}").fetchone() for other in others}


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "prepared"), POOLERS)
def test_nothing_that_was_set_reaches_another_program_of_the_pool(pooled, mode, prepared):
    address = pooled(mode, prepared=prepared)
    before = settings_in_force(address)
    with EmbeddedServer(Settings(port=0, database=address, control=True, seed=SEED)) as server:
        client = Client(server)
        login = client.login()
        assert client.use(client.renewed(login.refresh).access) == 200
        assert client.get("/readyz").status == 200
        if mode == "transaction":  # in session mode a connection is ours until it is closed, and reset then
            assert settings_in_force(address) == before
    assert settings_in_force(address) == before


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "prepared"), POOLERS)
def test_every_commit_waits_for_the_disk_whatever_the_database_is_set_to(pooled, mode, prepared):
    address = pooled(mode, prepared=prepared)
    name = psycopg.conninfo.conninfo_to_dict(address)["dbname"]
    with psycopg.connect(address, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        with contextlib.suppress(psycopg.Error):
            admin.execute("SELECT pg_terminate_backend(pg_backend_pid())")  # the next connection has it

    def in_force(db):
        return db.maintenance._db.fetchone("SELECT current_setting('synchronous_commit')")[0]

    async def found(storage):
        return [await storage.write(in_force) for _ in range(10)]

    with contextlib.closing(PostgresStorage(address, list)) as storage:
        assert asyncio.run(found(storage)) == ["on"] * 10


@pytest.mark.slow
@pytest.mark.parametrize("prepared", [200, 0])
def test_logins_live_on_through_a_pool_that_others_use(pooled, prepared):
    """Two connections to the database for the server and four other programs: statements move between them."""
    address = pooled("transaction", prepared=prepared, size=2)
    chance = random.Random(7)

    async def other():
        async with await psycopg.AsyncConnection.connect(address, autocommit=True, prepare_threshold=None) as own:
            while True:
                await own.execute("SELECT pg_sleep(0.002)")

    async def busy():
        others = [asyncio.create_task(other()) for _ in range(4)]
        await asyncio.to_thread(work)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def work():
        with EmbeddedServer(Settings(port=0, database=address, control=True, seed=SEED)) as server:
            client = Client(server)
            logins = [client.login(user=f"user {at}") for at in range(4)]
            for _ in range(40):
                at = chance.randrange(4)
                logins[at] = client.renewed(logins[at].refresh)
                assert client.use(logins[at].access) == 200

    asyncio.run(busy())


def test_a_pooler_that_splits_transactions_is_refused_at_the_start_with_what_to_set(pooled):
    run = build_server({"port": 0, "database": pooled("statement")})
    with pytest.raises(TraktAuthError, match="transaction blocks not allowed") as caught:
        run(print)
    assert "pool_mode=session" in caught.value.hint
