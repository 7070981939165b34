"""A PostgreSQL that is gone, cut off, newer, or someone else's."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import sys
import threading
import time

import psycopg
import pytest

from support.own_thread import replace_in_this_thread
from traktauth.server.storage.base import StorageUnavailable
from traktauth.server.storage.open import open_storage
from traktauth.server.storage.postgres.connection import PsycopgConnection
from traktauth.server.storage.postgres.storage import PostgresStorage

pytestmark = pytest.mark.slow


@pytest.fixture
def heard():
    return []


@pytest.fixture
def storage(postgres_address, heard):
    with contextlib.closing(PostgresStorage(postgres_address, heard.extend)) as made:
        yield made


def remember(value):
    return lambda db: db.settings.set("key", value)


def setting(db):
    return db.settings.get("key")


def code(db):
    return db.codes._db.insert(
        """INSERT INTO codes (hash, client, user_id, session, redirect_uri, scope, challenge, method, nonce, expires,
                              spent)
           VALUES (?, 1, 1, 1, '', '', '', '', '', 0, 0)""",
        (b"",),
    )


def test_a_newer_database_is_left_alone(storage, postgres_address):
    storage.run_sync(lambda db: db.settings.set("schema", "999"))
    with pytest.raises(StorageUnavailable, match="newer"):
        PostgresStorage(postgres_address, list)
    assert storage.run_sync(lambda db: db.settings.get("schema")) == "999"


def test_another_programs_tables_are_left_alone(postgres_address):
    with psycopg.connect(postgres_address, autocommit=True) as admin:
        admin.execute("CREATE TABLE pair (theirs TEXT)")
        with pytest.raises(StorageUnavailable, match="another program"):
            PostgresStorage(postgres_address, list)
        assert admin.execute("SELECT to_regclass('meta')").fetchone() == (None,)


def test_of_many_that_start_at_once_one_makes_the_tables(postgres_address):
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for made in list(pool.map(lambda _: PostgresStorage(postgres_address, list), range(6))):
            made.close()


@pytest.mark.parametrize("address", ["postgresql://[", "postgresql://u:s3cret@h/d?nonsense=1"])
def test_an_address_that_is_none_is_refused_without_its_password(address):
    with pytest.raises(ValueError, match="postgresql://") as caught:
        PostgresStorage(address, list)
    assert "s3cret" not in str(caught.value)


def test_who_is_in_no_loop_starts_no_thread_as_workers_may_be_forked_from_there(postgres_address, monkeypatch):
    def started(_):
        raise AssertionError("a thread was started")

    replace_in_this_thread(monkeypatch, threading.Thread, "start", started)
    with contextlib.closing(PostgresStorage(postgres_address, list)) as storage:
        storage.run_sync(remember("here"))


def test_an_absent_server_is_a_database_that_is_down():
    with pytest.raises(StorageUnavailable):
        open_storage("postgresql://u:s3cret@127.0.0.1:1/d", list)


def test_without_its_packages_they_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for name in ("storage", "schema", "connection"):
        monkeypatch.delitem(sys.modules, f"traktauth.server.storage.postgres.{name}")
    with pytest.raises(StorageUnavailable, match="postgres"):
        open_storage("postgresql://h/d", list)


def test_answers_wait_for_the_disk_whatever_the_database_is_set_to(postgres_address):
    with psycopg.connect(postgres_address, autocommit=True) as admin:
        admin.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = off")
        try:
            with contextlib.closing(PostgresStorage(postgres_address, list)) as storage:
                found = storage.run_sync(
                    lambda db: db.maintenance._db.fetchone("SELECT current_setting('synchronous_commit')")
                )
        finally:
            admin.execute("ALTER ROLE CURRENT_USER RESET synchronous_commit")
    assert found == ("on",)


def test_connections_that_were_cut_while_idle_do_not_disturb_others(storage, postgres_address):
    async def through_it():
        await storage.write(remember("before"))
        await storage.read(setting)
        with psycopg.connect(postgres_address, autocommit=True) as admin:
            admin.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE application_name = 'traktauth serve' AND pid <> pg_backend_pid()"""
            )
        await asyncio.sleep(0.1)
        await storage.write(remember("after"))
        return await storage.read(setting)

    assert asyncio.run(through_it()) == "after"


class Cutting(PsycopgConnection):
    """A connection that is lost at a COMMIT, just before or just after it is done."""

    cuts = ()

    def execute(self, query, *args, **named):
        if query != "COMMIT" or not self.cuts:
            return super().execute(query, *args, **named)
        if self.cuts.pop():
            super().execute(query, *args, **named)
        self.close()
        raise psycopg.OperationalError("in the middle")


@pytest.mark.parametrize("committed", [True, False])
def test_a_connection_lost_at_a_commit_is_a_503_and_nothing_is_done_twice(
    postgres_address, heard, monkeypatch, committed
):
    monkeypatch.setattr("traktauth.server.storage.postgres.connection.PsycopgConnection", Cutting)
    done = []

    def work(db):
        done.append(db.users.create(f"user {len(done)}", email="", password_hash=None, now=0))
        db.events.append("rotations")

    async def both():
        monkeypatch.setattr(Cutting, "cuts", [committed])
        with pytest.raises(StorageUnavailable, match="lost at a commit"):
            await storage.write(work)
        return [user.username for user in await storage.read(lambda db: db.users.all())]

    with contextlib.closing(PostgresStorage(postgres_address, heard.extend)) as storage:
        assert asyncio.run(both()) == (["user 0"] if committed else [])
    assert (len(done), heard) == (1, [])


def test_a_row_that_another_program_holds_delays_its_own_request_alone(storage, postgres_address):
    async def both():
        row, free = await storage.write(code), await storage.write(code)
        with psycopg.connect(postgres_address) as holder:
            holder.execute("UPDATE codes SET spent = 0 WHERE id = %s", (row,))
            spent = asyncio.ensure_future(storage.write(lambda db: db.codes.spend(row)))
            await asyncio.sleep(0.05)
            assert await asyncio.wait_for(storage.write(lambda db: db.codes.spend(free)), 60)
            assert not spent.done()
            holder.commit()
        return await spent

    assert asyncio.run(both())


def test_restarted_in_the_middle_it_answers_503_loses_nothing_and_heals(start, own_server):
    client = start(database=own_server.url, rotation="once")
    logins = [client.login(user=f"user {at}") for at in range(3)]
    own_server.kill()
    down = [client.refresh(login.refresh) for login in logins]
    assert {(reply.status, "retry-after" in reply.headers) for reply in down} == {(503, True)}
    assert client.use(logins[0].access) == 503
    assert client.get("/readyz").status == 503
    assert {client.get(path).status for path in ("/api/auth/jwks", "/_control", "/_control/ledger")} == {503}
    assert client.get("/healthz").status == 200
    own_server.start()
    assert [client.use(login.access) for login in logins] == [200] * 3
    assert [client.refresh(login.refresh).status for login in logins] == [200] * 3
    assert [client.refresh(login.refresh).status for login in logins] == [400] * 3


def test_a_database_that_does_not_answer_is_abandoned(start, own_server, monkeypatch):
    monkeypatch.setattr("traktauth.server.storage.postgres.connection.TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr("traktauth.server.storage.postgres.connection.DEFAULTS", {"connect_timeout": "2"})
    client = start(database=own_server.url)
    login = client.login()
    own_server.pause()
    try:
        assert client.refresh(login.refresh).status == 503
    finally:
        own_server.resume()
    assert client.refresh(login.refresh).status == 200


def test_killed_under_load_it_keeps_what_it_confirmed(start, own_server):
    """Chains of refreshes go on while PostgreSQL is killed and comes back.

    After a 503 the refresh may have been done: its commit may have been the last thing that PostgreSQL did.
    """
    client = start(database=own_server.url, rotation="once")
    logins = [client.login(user=f"user {at}") for at in range(6)]
    ended = threading.Event()

    def chain(login):
        statuses, tokens = [200], [login.refresh]
        while not ended.is_set() and statuses[-1] != 400:
            reply = client.refresh(tokens[-1])
            statuses.append(reply.status)
            if reply.status == 200:
                tokens.append(reply.json["refresh_token"])
            else:
                time.sleep(0.05)
        return statuses, tokens

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        chains = [pool.submit(chain, login) for login in logins]
        for _ in range(3):
            time.sleep(0.4)
            own_server.kill()
            time.sleep(0.2)
            own_server.start()
        time.sleep(0.6)
        ended.set()
        done = [chain.result() for chain in chains]
    assert {status for statuses, _ in done for status in statuses} <= {200, 400, 503}
    for statuses, tokens in done:
        was_unconfirmed = statuses[-1] == 503 or statuses[-2:] == [503, 400]
        assert was_unconfirmed or client.refresh(tokens[-1]).status == 200
        assert 400 not in statuses or was_unconfirmed
        if len(tokens) > 1:
            assert client.refresh(tokens[-2]).status == 400
