"""Housekeeping, and a database that is out of reach for a while."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3

import pytest

from traktauth.server import upkeep
from traktauth.server.clock import Clock
from traktauth.server.settings import Settings
from traktauth.server.wiring import build


@pytest.fixture
def realm():
    built = build(Settings(database="memory:", rotation="grace:0.05"), "http://127.0.0.1:1")
    with contextlib.closing(built.realm.storage):
        yield built.realm


def test_a_kept_answer_is_dropped_when_its_time_is_over(realm):
    def keep(tables):
        family, epoch = tables.pairs.family(1, 1, renewable=True)
        row = tables.pairs.add((family, epoch, 1, 1, None, "", 0, b"", 1, 1, b"", 1, None))
        tables.pairs.keep(row, b"sealed", until=realm.clock())
        return row

    async def use():
        row = await realm.storage.write(keep)
        async with upkeep.kept_tidy(realm):
            await asyncio.sleep(0.15)
        return await realm.storage.read(lambda tables: tables.pairs.numbered(row))

    assert asyncio.run(use()).kept is None


def test_dead_rows_are_swept_while_it_runs(realm, monkeypatch):
    monkeypatch.setattr(upkeep, "REST_SECONDS", 0.01)
    monkeypatch.setattr(upkeep, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(upkeep, "ROWS", 2)

    def born_dead(tables):
        family, epoch = tables.pairs.family(1, 1, renewable=True)
        return [tables.pairs.add((family, epoch, 1, 1, None, "", 0, b"", 1, 1, b"", 1, None)) for _ in range(7)]

    async def use():
        rows = await realm.storage.write(born_dead)
        async with upkeep.kept_tidy(realm):
            await asyncio.sleep(0.3)
        return await realm.storage.read(lambda tables: [tables.pairs.numbered(row) for row in rows])

    assert asyncio.run(use()) == [None] * 7


def test_a_token_that_can_still_be_refreshed_is_not_swept(current):
    login = current.login()
    realm = current.server._built.realm
    realm.storage.at_once(lambda tables: tables.upkeep.sweep(now=realm.clock() + 2_000_000, above=0, rows=100))
    assert current.refresh(login.refresh).status == 200


def test_a_locked_database_is_told_as_503_and_nothing_is_half_done(start, tmp_path, monkeypatch):
    monkeypatch.setattr("traktauth.server.storage.sqlite.connections.BUSY_SECONDS", 0.05)
    client = start(database=f"sqlite:{tmp_path / 'db'}")
    login = client.login()
    with contextlib.closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = client.refresh(login.refresh)
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        assert client.post("/_control/reset").status == 503
        assert client.use(login.access) == 200
    assert client.refresh(login.refresh).status == 200


def test_a_clock_goes_on_and_is_put_back():
    clock = Clock()
    before = clock()
    assert clock.advance(100) - before == pytest.approx(100, abs=1)
    clock.put_back()
    assert clock() - before == pytest.approx(0, abs=1)
