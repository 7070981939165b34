"""Storages: one contract for all, then what only a file has to hold."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from traktauth.server.errors import OAuthError
from traktauth.server.storage.base import StorageUnavailable
from traktauth.server.storage.models import Client
from traktauth.server.storage.outage import Outage
from traktauth.server.storage.sqlite import SqliteFile, SqliteMemory
from traktauth.server.storage.sqlite.storage import Writer


@pytest.fixture
def heard():
    return []


@pytest.fixture(params=["file", "memory"])
def storage(request, tmp_path, heard):
    made = SqliteFile(tmp_path / "db", heard.extend) if request.param == "file" else SqliteMemory(heard.extend)
    with contextlib.closing(made):
        yield made


def remember(value):
    return lambda db: db.settings.set("key", value)


def setting(db):
    return db.settings.get("key")


def test_what_was_written_is_read(storage):
    async def both():
        await storage.write(remember("one"))
        return await storage.read(setting)

    assert asyncio.run(both()) == "one"


def test_a_refusal_is_a_result_and_keeps_what_was_written(storage):
    def refuse(db):
        db.settings.set("key", "kept")
        db.events.append("replays")
        raise OAuthError(400, "invalid_grant", "no")

    async def both():
        with pytest.raises(OAuthError):
            await storage.write(refuse)
        return await storage.read(setting)

    assert asyncio.run(both()) == "kept"


def test_any_other_error_undoes_everything_and_tells_nothing(storage, heard):
    def fail(db):
        db.settings.set("key", "lost")
        db.events.append("rotations")
        raise KeyError("a fault of ours")

    async def both():
        with pytest.raises(KeyError):
            await storage.write(fail)
        return await storage.read(setting)

    assert asyncio.run(both()) is None
    assert heard == []


def test_one_failure_in_a_group_does_not_take_others_along(storage):
    def fail(db):
        raise KeyError("a fault of ours")

    async def many():
        works = [fail if at % 7 == 3 else remember(str(at)) for at in range(50)]
        return await asyncio.gather(*map(storage.write, works), return_exceptions=True)

    outcomes = asyncio.run(many())
    assert [isinstance(outcome, KeyError) for outcome in outcomes] == [at % 7 == 3 for at in range(50)]


def test_events_are_reported_once_after_the_commit(storage, heard):
    async def many():
        await asyncio.gather(*(storage.write(lambda db: db.events.append("rotations")) for _ in range(20)))

    asyncio.run(many())
    assert heard == ["rotations"] * 20


def test_a_swap_is_won_by_one(storage):
    async def race():
        await storage.write(lambda db: db.codes._db.execute(
            "INSERT INTO codes VALUES (1, x'00', 1, 1, 1, '', '', '', '', '', 0, 0, NULL)"
        ))  # fmt: skip
        return await asyncio.gather(*(storage.write(lambda db: db.codes.spend(1)) for _ in range(30)))

    assert sum(asyncio.run(race())) == 1


@pytest.mark.parametrize("kind", ["app", "session"])
def test_the_number_of_what_was_deleted_is_not_assigned_again(storage, kind):
    def make(db):
        if kind == "session":
            return db.users.create_session(1, digest=b"", now=0, life=1)
        app = Client(0, "id", "name", None, None, "", *[False] * 4, None)
        db.clients.save(app)
        return db.clients.by_client_id("id").id

    async def twice():
        first = await storage.write(make)
        await storage.write(
            lambda db: db.users.delete_session(first) if kind == "session" else db.clients.delete(first)
        )
        return first, await storage.write(make)

    first, second = asyncio.run(twice())
    assert first != second


def test_an_app_is_looked_up_once_in_a_transaction_and_its_change_is_seen(storage):
    def named(db):
        return db.clients.by_client_id("id")

    def change(db):
        seen = [named(db)]
        for name in ("before", "after"):
            db.clients.save(Client(0, "id", name, None, None, "", *[False] * 4, None))
            seen += [named(db), named(db)]
        db.clients.set_disabled("id", disabled=True)
        seen.append(named(db))
        return seen

    def remove(db):
        db.clients.delete(named(db).id)
        return named(db)

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
            assert storage.run_sync(setting) == (None if value == "first" else "first")
            asyncio.run(storage.write(remember("first")))


def test_a_file_is_private_and_durable(tmp_path):
    with contextlib.closing(SqliteFile(tmp_path / "folder" / "db", list, makes_folder=True)) as storage:
        assert (tmp_path / "folder" / "db").stat().st_mode & 0o077 == 0
        connection = storage._connection
        assert connection.fetchone("PRAGMA journal_mode") == ("wal",)
        assert connection.fetchone("PRAGMA synchronous") == (2,)  # FULL


@pytest.mark.parametrize("content", [b"this is no database, whatever its name says" * 100, None])
def test_a_file_that_is_no_database_is_named(tmp_path, content):
    path = tmp_path / "db"
    path.write_bytes(content) if content else path.mkdir()
    with pytest.raises(StorageUnavailable, match="db"):
        SqliteFile(path, list)


def test_a_newer_database_is_left_alone(tmp_path):
    with contextlib.closing(SqliteFile(tmp_path / "db", list)) as storage:
        storage.run_sync(lambda db: db.settings.set("schema", "999"))
    with pytest.raises(StorageUnavailable, match="newer"):
        SqliteFile(tmp_path / "db", list)
    assert str(tmp_path / "db") not in open_files()


def open_files():
    """The paths of this process's open files, where the system tells."""
    folder = Path("/proc/self/fd")
    entries = list(folder.iterdir()) if folder.is_dir() else []
    return {str(entry.readlink()) for entry in entries if entry.is_symlink()}


def test_a_database_locked_by_another_program_is_down_and_heals(tmp_path, monkeypatch):
    monkeypatch.setattr("traktauth.server.storage.sqlite.connection.BUSY_SECONDS", 0.05)

    async def use(storage):
        with contextlib.closing(sqlite3.connect(tmp_path / "db")) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageUnavailable):
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
    writer = Writer(connection, list, Outage())

    async def use():
        answer = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda _: seen.append(list(connection.log)))
        writer.put(lambda db: connection.log.append("work"), answer)
        await answer

    asyncio.run(use())
    writer.close()
    assert seen == [["begin", "work", "commit"]]


def test_what_waits_is_committed_together():
    connection, gate = Recorder(), threading.Event()
    writer = Writer(connection, list, Outage())

    async def use():
        loop = asyncio.get_running_loop()
        answers = [loop.create_future() for _ in range(11)]
        writer.put(lambda db: gate.wait(), answers[0])
        for answer in answers[1:]:
            writer.put(lambda db: None, answer)
        gate.set()
        await asyncio.gather(*answers)

    asyncio.run(use())
    writer.close()
    assert connection.log.count("commit") <= 3


def test_a_client_that_comes_while_answers_are_passed_on_is_done_together():
    connection = Recorder()
    writer = Writer(connection, list, Outage())

    async def use():
        loop = asyncio.get_running_loop()

        async def done():
            answer = loop.create_future()
            writer.put(lambda db: None, answer)
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


def test_a_loop_that_has_ended_holds_no_caller_up():
    connection = Recorder()
    writer = Writer(connection, list, Outage())

    async def leave():
        writer.put(lambda db: None, asyncio.get_running_loop().create_future())

    async def stay():
        answer = asyncio.get_running_loop().create_future()
        writer.put(lambda db: "done", answer)
        return await asyncio.wait_for(answer, 60)

    for _ in range(5):
        asyncio.run(leave())
        assert asyncio.run(stay()) == "done"
    writer.close()


def test_a_full_disk_is_reported_to_every_waiter():
    connection = Recorder()
    connection.broken = True
    writer = Writer(connection, list, Outage())

    async def use():
        answers = [asyncio.get_running_loop().create_future() for _ in range(3)]
        for answer in answers:
            writer.put(lambda db: None, answer)
        return await asyncio.gather(*answers, return_exceptions=True)

    outcomes = asyncio.run(use())
    writer.close()
    assert [type(outcome) for outcome in outcomes] == [StorageUnavailable] * 3
    assert connection.log[-1] == "close"


def test_where_nothing_can_begin_all_who_wait_learn_it_at_once():
    class Held(Recorder):
        def begin(self):
            super().begin()
            others.wait(60)  # as long as another program holds the file
            raise sqlite3.OperationalError("database is locked")

    connection, others = Held(), threading.Event()
    writer = Writer(connection, list, Outage())

    async def use():
        answers = [asyncio.get_running_loop().create_future() for _ in range(600)]
        for answer in answers:
            writer.put(lambda db: None, answer)
        others.set()
        return await asyncio.gather(*answers, return_exceptions=True)

    outcomes = asyncio.run(use())
    writer.close()
    assert [type(outcome) for outcome in outcomes] == [StorageUnavailable] * 600
    assert connection.log.count("begin") <= 2


def test_what_waits_at_the_end_is_done():
    connection, gate, done = Recorder(), threading.Event(), []
    writer = Writer(connection, list, Outage())

    async def use():
        loop = asyncio.get_running_loop()
        answers = [loop.create_future() for _ in range(4)]
        writer.put(lambda db: gate.wait(), answers[0])
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
    monkeypatch.setattr("traktauth.server.storage.sqlite.connection.LOOK_SECONDS", 0.0)


def moved_away(path):
    return path.rename(path.with_suffix(".away"))


@pytest.mark.parametrize("gone", [Path.unlink, moved_away, lambda path: (path.unlink(), path.touch())])
def test_a_file_that_is_gone_is_down_and_nothing_is_written_into_the_void(tmp_path, gone, looking):
    async def use(storage):
        await storage.write(remember("x"))
        gone(tmp_path / "db")
        for attempt in (storage.write(remember("y")), storage.read(setting)):
            with pytest.raises(StorageUnavailable):
                await attempt

    with contextlib.closing(SqliteFile(tmp_path / "db", list)) as storage:
        asyncio.run(use(storage))


def test_a_file_that_comes_back_is_used_on(tmp_path, looking):
    async def use(storage):
        await storage.write(remember("x"))
        away = moved_away(tmp_path / "db")
        with pytest.raises(StorageUnavailable):
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


def backed_up(path):
    with contextlib.closing(sqlite3.connect(path)) as raw:
        raw.execute("VACUUM INTO ?", (str(path.with_name("backup")),))
    return path.with_name("backup")


def is_intact(path):
    with contextlib.closing(sqlite3.connect(path)) as raw:
        return raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def fill(db):
    for at in range(500):
        db.settings.set(f"row {at}", "x" * 500)


@pytest.mark.parametrize("first", ["read", "write"])
def test_a_backup_that_is_put_beside_the_old_log_is_turned_to(tmp_path, looking, first):
    async def use(storage):
        await storage.write(remember("then"))
        backup = backed_up(tmp_path / "db")
        await storage.write(remember("now"))
        await storage.write(fill)
        backup.rename(tmp_path / "db")
        if first == "write":
            await storage.write(lambda db: db.settings.set("other", "x"))
        seen = await storage.read(setting)
        await storage.write(remember("on"))
        return seen, await storage.read(setting)

    with contextlib.closing(SqliteFile(tmp_path / "db", list)) as storage:
        assert asyncio.run(use(storage)) == ("then", "on")
        assert is_intact(tmp_path / "db")
    with contextlib.closing(SqliteFile(tmp_path / "db", list)) as again:
        assert again.run_sync(setting) == "on"
        assert again.run_sync(lambda db: db.settings.get("row 1")) is None


def test_a_file_that_comes_back_after_another_one_has_all_that_was_written(tmp_path, looking):
    async def use(storage):
        await storage.write(remember("then"))
        backup = backed_up(tmp_path / "db")
        await storage.write(remember("now"))
        away = moved_away(tmp_path / "db")
        backup.rename(tmp_path / "db")
        seen = [await storage.read(setting)]
        away.rename(tmp_path / "db")
        seen.append(await storage.read(setting))
        await storage.write(remember("on"))
        return [*seen, await storage.read(setting)]

    with contextlib.closing(SqliteFile(tmp_path / "db", list)) as storage:
        assert asyncio.run(use(storage)) == ["then", "now", "on"]
        assert is_intact(tmp_path / "db")
    with contextlib.closing(SqliteFile(tmp_path / "db", list)) as again:
        assert again.run_sync(setting) == "on"


def test_a_file_of_another_program_put_in_its_place_is_left_alone_and_the_old_one_is_used_again(tmp_path, looking):
    async def use(storage):
        await storage.write(remember("now"))
        away = moved_away(tmp_path / "db")
        (tmp_path / "db").write_bytes(b"x" * 5000)
        for attempt in (storage.write(remember("y")), storage.read(setting)):
            with pytest.raises(StorageUnavailable, match="not a database of SQLite"):
                await attempt
        assert (tmp_path / "db").read_bytes() == b"x" * 5000
        away.rename(tmp_path / "db")
        return await storage.read(setting)

    with contextlib.closing(SqliteFile(tmp_path / "db", list)) as storage:
        assert asyncio.run(use(storage)) == "now"


def test_what_is_committed_after_the_log_was_deleted_is_in_the_file(tmp_path, looking, caplog):
    async def use(storage):
        await storage.write(remember("before"))
        (tmp_path / "db-wal").unlink()
        for at in range(3):
            await storage.write(remember(str(at)))
        return await storage.read(setting)

    with contextlib.closing(SqliteFile(tmp_path / "db", list)) as storage:
        assert asyncio.run(use(storage)) == "2"
        (tmp_path / "copy").write_bytes((tmp_path / "db").read_bytes())  # what a power cut would leave
    with contextlib.closing(SqliteFile(tmp_path / "copy", list)) as left:
        assert left.run_sync(setting) == "2"
    assert [record.getMessage().partition(" was ")[0] for record in caplog.records] == [str(tmp_path / "db-wal")]


def test_a_client_that_has_abandoned_does_not_disturb_others():
    connection = Recorder()
    writer = Writer(connection, list, Outage())

    async def use():
        loop = asyncio.get_running_loop()
        gone, there = loop.create_future(), loop.create_future()
        gone.cancel()
        writer.put(lambda db: 1, gone)
        writer.put(lambda db: 2, there)
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
        assert again.run_sync(setting) == "99"


def test_what_has_long_been_dead_is_swept_in_small_steps(current):
    made = current.control("tokens", client_id="first-app", count=30)["tokens"]
    storage = current.server._built.context.storage
    now, life = current.server._built.context.clock(), 2_592_000 + 10
    steps = []

    def sweep(db):
        above = 0
        while above or not steps:
            above = db.maintenance.purge_expired(before=now + life, above=above, rows=10)
            steps.append(above)

    storage.run_sync(sweep)
    assert len(steps) == 4
    assert current.use(made[0]["access_token"]) == 401
    assert current.ledger()["alive"] == {"access": 0, "refresh": 0}
