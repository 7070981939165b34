"""A PostgreSQL that is gone, cut off, newer, or somebody else's."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import sys
import threading
import time

import psycopg
import pytest

from support.engines import Missing
from support.postgres import PostgresServer
from traktauth.server.storage.base import StorageDown
from traktauth.server.storage.postgres import lane as lanes
from traktauth.server.storage.postgres.driver import Cut
from traktauth.server.storage.postgres.storage import Postgres
from traktauth.server.wiring import opened


@pytest.fixture
def heard():
    return []


@pytest.fixture
def storage(postgres_address, heard):
    with contextlib.closing(Postgres(postgres_address, heard.extend)) as made:
        yield made


@pytest.fixture
def own_server():
    """A PostgreSQL that a test may kill."""
    try:
        server = PostgresServer("-c", "fsync=off")
    except Missing as missing:
        pytest.skip(str(missing))
    yield server
    server.stop()


def remember(value):
    return lambda tables: tables.upkeep.remember("key", value)


def setting(tables):
    return tables.upkeep.setting("key")


def code(tables):
    return tables.codes._on.add(
        """INSERT INTO code (hash, app, person, session, redirect_uri, scope, challenge, method, nonce, expires, spent)
           VALUES (?, 1, 1, 1, '', '', '', '', '', 0, 0)""",
        (b"",),
    )


def test_a_newer_database_is_left_alone(storage, postgres_address):
    storage.at_once(lambda tables: tables.upkeep.remember("schema", "999"))
    with pytest.raises(StorageDown, match="newer"):
        Postgres(postgres_address, list)
    assert storage.at_once(lambda tables: tables.upkeep.setting("schema")) == "999"


def test_another_programs_tables_are_left_alone(postgres_address):
    with psycopg.connect(postgres_address, autocommit=True) as admin:
        admin.execute("CREATE TABLE pair (theirs TEXT)")
        with pytest.raises(StorageDown, match="another program"):
            Postgres(postgres_address, list)
        assert admin.execute("SELECT to_regclass('meta')").fetchone() == (None,)


def test_of_many_that_start_at_once_one_makes_the_tables(postgres_address):
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for made in list(pool.map(lambda _: Postgres(postgres_address, list), range(6))):
            made.close()


@pytest.mark.parametrize("address", ["postgresql://[", "postgresql://u:s3cret@h/d?nonsense=1"])
def test_an_address_that_is_none_is_refused_without_its_password(address):
    with pytest.raises(ValueError, match="postgresql://") as caught:
        Postgres(address, list)
    assert "s3cret" not in str(caught.value)


def test_who_is_in_no_loop_starts_no_thread_as_workers_may_be_forked_from_there(postgres_address, monkeypatch):
    def started(_):
        raise AssertionError("a thread was started")

    monkeypatch.setattr(threading.Thread, "start", started)
    with contextlib.closing(Postgres(postgres_address, list)) as storage:
        storage.at_once(remember("here"))


def test_nobody_there_is_a_database_that_is_down():
    with pytest.raises(StorageDown):
        opened("postgresql://u:s3cret@127.0.0.1:1/d", list)


def test_without_its_packages_they_are_named(monkeypatch):
    for name in ("psycopg", "traktauth.server.storage.postgres.storage", "traktauth.server.storage.postgres.driver"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "traktauth.server.storage.postgres.storage")
    monkeypatch.delitem(sys.modules, "traktauth.server.storage.postgres.driver")
    with pytest.raises(StorageDown, match="postgres"):
        opened("postgresql://h/d", list)


def test_answers_wait_for_the_disk_whatever_the_database_is_set_to(postgres_address):
    with psycopg.connect(postgres_address, autocommit=True) as admin:
        admin.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = off")
        try:
            with contextlib.closing(Postgres(postgres_address, list)) as storage:
                found = storage.at_once(
                    lambda tables: tables.upkeep._on.one("SELECT current_setting('synchronous_commit')")
                )
        finally:
            admin.execute("ALTER ROLE CURRENT_USER RESET synchronous_commit")
    assert found == ("on",)


def test_connections_that_were_cut_while_idle_disturb_nobody(storage, postgres_address):
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


@pytest.mark.parametrize(("committed", "number_of_another"), [(True, False), (False, False), (False, True)])
def test_a_commit_whose_answer_is_lost_is_looked_up(storage, heard, monkeypatch, committed, number_of_another):
    """The connection breaks at the commit, just after or just before it was done.

    A PostgreSQL that crashes may give a number again of which it had written nothing down.
    """
    broken, numbers = [], []

    def once(lane_class, end):
        async def breaking(self, line, pieces, number):
            send = line.exchange

            async def cutting(batch):
                if batch[-1] == lanes.COMMIT and not broken:
                    broken.append(number)
                    if committed:
                        await send(batch)
                    line.close()
                    raise Cut("in the middle")
                return await send(batch)

            numbers.append(number)
            if len(numbers) > 1:
                line.exchange = cutting
            await end(self, line, pieces, numbers[0] if number_of_another else number)

        monkeypatch.setattr(lane_class, "_end", breaking)

    once(lanes.Lane, lanes.Lane._end)
    done = []

    def work(tables):
        done.append(tables.people.added(f"user {len(done)}", email="", password_hash=None, now=0))
        tables.events.append("rotations")
        return done[-1].username

    async def both():
        await storage.write(remember("before"))
        name = await storage.write(work)
        return name, [person.username for person in await storage.read(lambda tables: tables.people.all())]

    name, there = asyncio.run(both())
    assert there == [name]
    assert (len(done), heard) == (1 if committed else 2, ["rotations"])


def test_a_row_that_another_program_holds_delays_its_own_request_alone(storage, postgres_address):
    async def both():
        row, free = await storage.write(code), await storage.write(code)
        with psycopg.connect(postgres_address) as holder:
            holder.execute("UPDATE code SET spent = 0 WHERE id = %s", (row,))
            spent = asyncio.ensure_future(storage.write(lambda tables: tables.codes.spend(row)))
            await asyncio.sleep(0.05)
            begun = time.monotonic()
            assert await storage.write(lambda tables: tables.codes.spend(free))
            took = time.monotonic() - begun
            holder.commit()
        return took, await spent

    took, spent = asyncio.run(both())
    assert spent
    assert took < 2


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


def test_a_database_that_does_not_answer_is_given_up(start, own_server, monkeypatch):
    monkeypatch.setattr("traktauth.server.storage.postgres.driver.LIMIT_SECONDS", 0.3)
    monkeypatch.setattr("traktauth.server.storage.postgres.driver.DEFAULTS", {"connect_timeout": "2"})
    client = start(database=own_server.url)
    login = client.login()
    own_server.pause()
    try:
        assert client.refresh(login.refresh).status == 503
    finally:
        own_server.resume()
    assert client.refresh(login.refresh).status == 200


def test_killed_under_load_it_loses_no_answer_and_a_503_has_spent_nothing(start, own_server):
    """Chains of refreshes go on while PostgreSQL dies and comes back: what was answered 503 works when sent again."""
    client = start(database=own_server.url, rotation="once")
    logins = [client.login(user=f"user {at}") for at in range(6)]
    ended = threading.Event()

    def chain(login):
        statuses, tokens = [], [login.refresh]
        while not ended.is_set():
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
    assert {status for statuses, _ in done for status in statuses} == {200, 503}
    for _, tokens in done:
        assert client.refresh(tokens[-1]).status == 200
        assert client.refresh(tokens[-2]).status == 400
