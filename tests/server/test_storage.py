"""Storages: one contract for all, then what only a file has to hold."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from traktauth.server.refusals import Refusal
from traktauth.server.storage.base import StorageDown
from traktauth.server.storage.records import App
from traktauth.server.storage.sqlite import SqliteFile, SqliteMemory
from traktauth.server.storage.writer import Writer


@pytest.fixture
def heard():
    return []


@pytest.fixture(params=["file", "memory"])
def storage(request, tmp_path, heard):
    made = SqliteFile(tmp_path / "db", heard.extend) if request.param == "file" else SqliteMemory(heard.extend)
    with contextlib.closing(made):
        yield made


def remember(value):
    return lambda tables: tables.upkeep.remember("key", value)


def setting(tables):
    return tables.upkeep.setting("key")


def test_what_was_written_is_read(storage):
    async def both():
        await storage.write(remember("one"))
        return await storage.read(setting)

    assert asyncio.run(both()) == "one"


def test_a_refusal_is_a_result_and_keeps_what_was_written(storage):
    def refuse(tables):
        tables.upkeep.remember("key", "kept")
        tables.events.append("replays")
        raise Refusal(400, "invalid_grant", "no")

    async def both():
        with pytest.raises(Refusal):
            await storage.write(refuse)
        return await storage.read(setting)

    assert asyncio.run(both()) == "kept"


def test_any_other_error_undoes_everything_and_tells_nothing(storage, heard):
    def fail(tables):
        tables.upkeep.remember("key", "lost")
        tables.events.append("rotations")
        raise KeyError("a fault of ours")

    async def both():
        with pytest.raises(KeyError):
            await storage.write(fail)
        return await storage.read(setting)

    assert asyncio.run(both()) is None
    assert heard == []


def test_one_failure_in_a_group_takes_nobody_along(storage):
    def fail(tables):
        raise KeyError("a fault of ours")

    async def many():
        works = [fail if at % 7 == 3 else remember(str(at)) for at in range(50)]
        return await asyncio.gather(*map(storage.write, works), return_exceptions=True)

    outcomes = asyncio.run(many())
    assert [isinstance(outcome, KeyError) for outcome in outcomes] == [at % 7 == 3 for at in range(50)]


def test_events_are_told_once_after_the_commit(storage, heard):
    async def many():
        await asyncio.gather(*(storage.write(lambda tables: tables.events.append("rotations")) for _ in range(20)))

    asyncio.run(many())
    assert heard == ["rotations"] * 20


def test_a_swap_is_won_by_one(storage):
    async def race():
        await storage.write(lambda tables: tables.codes._on.run(
            "INSERT INTO code VALUES (1, x'00', 1, 1, 1, '', '', '', '', '', 0, 0, NULL)"
        ))  # fmt: skip
        return await asyncio.gather(*(storage.write(lambda tables: tables.codes.spend(1)) for _ in range(30)))

    assert sum(asyncio.run(race())) == 1


@pytest.mark.parametrize("kind", ["app", "session"])
def test_the_number_of_what_was_deleted_is_given_to_nothing_else(storage, kind):
    def make(tables):
        if kind == "session":
            return tables.people.sign_in(1, digest=b"", now=0, life=1)
        app = App(0, "id", "name", None, None, "", *[False] * 4, None)
        tables.apps.save(app)
        return tables.apps.named("id").id

    async def twice():
        first = await storage.write(make)
        await storage.write(
            lambda tables: tables.people.sign_out(first) if kind == "session" else tables.apps.remove(first)
        )
        return first, await storage.write(make)

    first, second = asyncio.run(twice())
    assert first != second


def test_an_app_is_looked_up_once_in_a_transaction_and_its_change_is_seen(storage):
    def named(tables):
        return tables.apps.named("id")

    def change(tables):
        seen = [named(tables)]
        for name in ("before", "after"):
            tables.apps.save(App(0, "id", name, None, None, "", *[False] * 4, None))
            seen += [named(tables), named(tables)]
        tables.apps.disable("id", disabled=True)
        seen.append(named(tables))
        return seen

    def remove(tables):
        tables.apps.remove(named(tables).id)
        return named(tables)

    async def use():
        seen = await storage.write(change)
        between = await storage.read(named)
        return seen, between, await storage.write(remove), await storage.read(named)

    (none, before, same, after, same_after, disabled), between, removed, read = asyncio.run(use())
    assert (none, before.name, after.name) == (None, "before", "after")
    assert same is before
    assert same_after is after
    assert disabled.disabled
    assert between == disabled
    assert removed is None
    assert read is None


def test_a_file_is_there_for_the_next_start(tmp_path):
    for value in ("first", "second"):
        with contextlib.closing(SqliteFile(tmp_path / "db", list)) as storage:
            assert storage.at_once(setting) == (None if value == "first" else "first")
            asyncio.run(storage.write(remember("first")))


def test_a_file_is_private_and_durable(tmp_path):
    with contextlib.closing(SqliteFile(tmp_path / "folder" / "db", list)) as storage:
        assert (tmp_path / "folder" / "db").stat().st_mode & 0o077 == 0
        connection = storage._connection
        assert connection.one("PRAGMA journal_mode") == ("wal",)
        assert connection.one("PRAGMA synchronous") == (2,)  # FULL


@pytest.mark.parametrize("content", [b"this is no database, whatever its name says" * 100, None])
def test_a_file_that_is_no_database_is_named(tmp_path, content):
    path = tmp_path / "db"
    path.write_bytes(content) if content else path.mkdir()
    with pytest.raises(StorageDown, match="db"):
        SqliteFile(path, list)


def test_a_newer_database_is_left_alone(tmp_path):
    with contextlib.closing(SqliteFile(tmp_path / "db", list)) as storage:
        storage.at_once(lambda tables: tables.upkeep.remember("schema", "999"))
    with pytest.raises(StorageDown, match="newer"):
        SqliteFile(tmp_path / "db", list)
    assert str(tmp_path / "db") not in open_files()


def open_files():
    """The paths of this process's open files, where the system tells."""
    folder = Path("/proc/self/fd")
    entries = list(folder.iterdir()) if folder.is_dir() else []
    return {str(entry.readlink()) for entry in entries if entry.is_symlink()}


def test_a_database_locked_by_another_program_is_down_and_heals(tmp_path, monkeypatch):
    monkeypatch.setattr("traktauth.server.storage.sqlite.connections.BUSY_SECONDS", 0.05)

    async def use(storage):
        with contextlib.closing(sqlite3.connect(tmp_path / "db")) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageDown):
                await storage.write(remember("x"))
            assert await storage.read(setting) is None
        await storage.write(remember("y"))
        return await storage.read(setting)

    with contextlib.closing(SqliteFile(tmp_path / "db", list)) as storage:
        assert asyncio.run(use(storage)) == "y"


class Recorder:
    """A connection that writes down in which order things happen to it."""

    def __init__(self):
        self.log = []
        self.broken = False

    def begin(self):
        self.log.append("begin")

    def commit(self):
        self.log.append("commit")
        if self.broken:
            raise sqlite3.OperationalError("disk full")

    def rollback(self):
        self.log.append("rollback")

    def close(self):
        self.log.append("close")


def test_answers_leave_after_the_commit():
    connection, seen = Recorder(), []
    writer = Writer(connection, sqlite3.Error, list)

    async def use():
        answer = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda _: seen.append(list(connection.log)))
        writer.put(lambda tables: connection.log.append("work"), answer)
        await answer

    asyncio.run(use())
    writer.close()
    assert seen == [["begin", "work", "commit"]]


def test_what_waits_is_committed_together():
    connection, gate = Recorder(), threading.Event()
    writer = Writer(connection, sqlite3.Error, list)

    async def use():
        loop = asyncio.get_running_loop()
        answers = [loop.create_future() for _ in range(11)]
        writer.put(lambda tables: gate.wait(), answers[0])
        for answer in answers[1:]:
            writer.put(lambda tables: None, answer)
        gate.set()
        await asyncio.gather(*answers)

    asyncio.run(use())
    writer.close()
    assert connection.log.count("commit") <= 3


def test_whoever_comes_while_answers_are_passed_on_is_done_together():
    connection = Recorder()
    writer = Writer(connection, sqlite3.Error, list)

    async def use():
        loop = asyncio.get_running_loop()

        async def done():
            answer = loop.create_future()
            writer.put(lambda tables: None, answer)
            await answer

        async def chain():
            for _ in range(20):
                time.sleep(0.0005)  # noqa: ASYNC251 - so that the writer could go on
                await done()

        await done()
        await asyncio.gather(*(chain() for _ in range(8)))

    asyncio.run(use())
    writer.close()
    assert connection.log.count("commit") <= 30  # of 161; without their turns, many more


def test_a_loop_that_has_ended_holds_nobody_up():
    connection = Recorder()
    writer = Writer(connection, sqlite3.Error, list)

    async def leave():
        writer.put(lambda tables: None, asyncio.get_running_loop().create_future())

    async def stay():
        answer = asyncio.get_running_loop().create_future()
        writer.put(lambda tables: "done", answer)
        return await asyncio.wait_for(answer, 5)

    for _ in range(5):
        asyncio.run(leave())
        assert asyncio.run(stay()) == "done"
    writer.close()


def test_a_full_disk_is_told_to_all_who_wait():
    connection = Recorder()
    connection.broken = True
    writer = Writer(connection, sqlite3.Error, list)

    async def use():
        answers = [asyncio.get_running_loop().create_future() for _ in range(3)]
        for answer in answers:
            writer.put(lambda tables: None, answer)
        return await asyncio.gather(*answers, return_exceptions=True)

    outcomes = asyncio.run(use())
    writer.close()
    assert [type(outcome) for outcome in outcomes] == [StorageDown] * 3
    assert connection.log[-1] == "close"


def test_where_nothing_can_begin_all_who_wait_are_told_at_once():
    class Held(Recorder):
        def begin(self):
            super().begin()
            others.wait(5)  # as long as another program holds the file
            raise sqlite3.OperationalError("database is locked")

    connection, others = Held(), threading.Event()
    writer = Writer(connection, sqlite3.Error, list)

    async def use():
        answers = [asyncio.get_running_loop().create_future() for _ in range(600)]
        for answer in answers:
            writer.put(lambda tables: None, answer)
        others.set()
        return await asyncio.gather(*answers, return_exceptions=True)

    outcomes = asyncio.run(use())
    writer.close()
    assert [type(outcome) for outcome in outcomes] == [StorageDown] * 600
    assert connection.log.count("begin") <= 2


def test_what_waits_at_the_end_is_done():
    connection, gate, done = Recorder(), threading.Event(), []
    writer = Writer(connection, sqlite3.Error, list)

    async def use():
        loop = asyncio.get_running_loop()
        answers = [loop.create_future() for _ in range(4)]
        writer.put(lambda tables: gate.wait(), answers[0])
        for number, answer in enumerate(answers[1:]):
            writer.put(lambda tables, number=number: done.append(number), answer)
        closing = loop.run_in_executor(None, writer.close)
        gate.set()
        await asyncio.gather(closing, *answers)

    asyncio.run(use())
    assert done == [0, 1, 2]
    assert connection.log[-1] == "close"


@pytest.fixture
def looking(monkeypatch):
    """Look for the file each time, and not ten times a second."""
    monkeypatch.setattr("traktauth.server.storage.sqlite.connections.LOOK_SECONDS", 0.0)


def moved_away(path):
    return path.rename(path.with_suffix(".away"))


@pytest.mark.parametrize("gone", [Path.unlink, moved_away, lambda path: (path.unlink(), path.touch())])
def test_a_file_that_is_gone_is_down_and_nothing_is_written_into_the_void(tmp_path, gone, looking):
    async def use(storage):
        await storage.write(remember("x"))
        gone(tmp_path / "db")
        for attempt in (storage.write(remember("y")), storage.read(setting)):
            with pytest.raises(StorageDown):
                await attempt

    with contextlib.closing(SqliteFile(tmp_path / "db", list)) as storage:
        asyncio.run(use(storage))


def test_a_file_that_comes_back_is_used_on(tmp_path, looking):
    async def use(storage):
        await storage.write(remember("x"))
        away = moved_away(tmp_path / "db")
        with pytest.raises(StorageDown):
            await storage.write(remember("y"))
        away.rename(tmp_path / "db")
        seen = await storage.read(setting)
        await storage.write(remember("z"))
        return seen, await storage.read(setting)

    with contextlib.closing(SqliteFile(tmp_path / "db", list)) as storage:
        assert asyncio.run(use(storage)) == ("x", "z")


def test_a_backup_that_is_put_in_its_place_is_turned_to(tmp_path, looking):
    async def use(storage):
        await storage.write(remember("then"))
        with contextlib.closing(sqlite3.connect(tmp_path / "db")) as raw:
            raw.execute("VACUUM INTO ?", (str(tmp_path / "backup"),))
        await storage.write(remember("now"))
        for name in ("db", "db-wal", "db-shm"):
            (tmp_path / name).unlink()
        (tmp_path / "backup").rename(tmp_path / "db")
        seen = await storage.read(setting)
        await storage.write(remember("on"))
        return seen, await storage.read(setting)

    with contextlib.closing(SqliteFile(tmp_path / "db", list)) as storage:
        assert asyncio.run(use(storage)) == ("then", "on")
    with contextlib.closing(sqlite3.connect(tmp_path / "db")) as raw:
        assert raw.execute("SELECT value FROM meta WHERE name = 'key'").fetchone() == ("on",)


def test_whoever_has_given_up_disturbs_nobody():
    connection = Recorder()
    writer = Writer(connection, sqlite3.Error, list)

    async def use():
        loop = asyncio.get_running_loop()
        gone, there = loop.create_future(), loop.create_future()
        gone.cancel()
        writer.put(lambda tables: 1, gone)
        writer.put(lambda tables: 2, there)
        return await there

    assert asyncio.run(use()) == 2
    writer.close()


def test_closing_does_what_still_waits(tmp_path):
    storage = SqliteFile(tmp_path / "db", list)

    async def leave():
        for at in range(100):
            storage._writer.put(remember(str(at)), asyncio.get_running_loop().create_future())

    asyncio.run(leave())
    storage.close()
    with contextlib.closing(SqliteFile(tmp_path / "db", list)) as again:
        assert again.at_once(setting) == "99"


def test_what_has_long_been_dead_is_swept_in_small_steps(current):
    made = current.control("tokens", client_id="first-app", count=30)["tokens"]
    storage = current.server._built.realm.storage
    life = 2_592_000 + 86_400 + 10
    steps = []

    def sweep(tables):
        above = 0
        while above or not steps:
            above = tables.upkeep.sweep(now=current.server._built.realm.clock() + life, above=above, rows=10)
            steps.append(above)

    storage.at_once(sweep)
    assert len(steps) == 4
    assert current.use(made[0]["access_token"]) == 401
    assert current.ledger()["alive"] == {"access": 0, "refresh": 0}
