"""Housekeeping, and a database that is out of reach for a while."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3

import pytest

from traktauth.server.app import build
from traktauth.server.clock import Clock
from traktauth.server.config.settings import Settings
from traktauth.server.storage import purge
from traktauth.server.tokens import Lifetimes, row_id


@pytest.fixture
def context():
    built = build(Settings(database="memory:", rotation="grace:0.05"), "http://127.0.0.1:1")
    with contextlib.closing(built.context.storage):
        yield built.context


def issued_long_ago(db):
    """Issue a pair that has expired; return its row id."""
    lifetimes = Lifetimes(access=1, refresh=1, code=1, device=1, session=1)
    return row_id(db.tokens.issue(lifetimes, now=0.0, client=1, user=1, scope="").access_token)


async def becomes(true):
    """Wait until the database says so."""
    while not await true():  # noqa: ASYNC110 - a database sends no event
        await asyncio.sleep(0.01)


def test_a_kept_answer_is_dropped_when_its_time_is_over(context):
    def keep(db):
        row = issued_long_ago(db)
        db.tokens.cache_response(row, b"sealed", until=context.clock())
        return row

    async def use():
        row = await context.storage.write(keep)
        seconds = context.policy.rotation.purge_seconds
        async with purge.run_purge(context.storage, context.clock, purge_seconds=seconds):
            await becomes(lambda: context.storage.read(lambda db: db.tokens.get(row).cached_response is None))

    asyncio.run(asyncio.wait_for(use(), 120))


def test_dead_rows_are_swept_while_it_runs(context, monkeypatch):
    monkeypatch.setattr(purge, "REST_SECONDS", 0.01)
    monkeypatch.setattr(purge, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(purge, "ROWS", 2)

    def born_dead(db):
        return [issued_long_ago(db) for _ in range(7)]

    async def use():
        rows = await context.storage.write(born_dead)
        seconds = context.policy.rotation.purge_seconds
        async with purge.run_purge(context.storage, context.clock, purge_seconds=seconds):
            await becomes(lambda: context.storage.read(lambda db: not any(db.tokens.get(row) for row in rows)))

    asyncio.run(asyncio.wait_for(use(), 120))


def test_a_token_that_can_still_be_refreshed_is_not_swept(current):
    login = current.login()
    context = current.server._built.context
    context.storage.run_sync(
        lambda db: db.maintenance.purge_expired(before=context.clock() + 1_913_600, above=0, rows=100)
    )
    assert current.refresh(login.refresh).status == 200


def test_a_locked_database_is_reported_as_503_and_nothing_is_half_done(start, tmp_path, monkeypatch):
    monkeypatch.setattr("traktauth.server.storage.sqlite.connection.BUSY_SECONDS", 0.05)
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
    assert clock.advance(100) - before == pytest.approx(100, abs=30)
    clock.put_back()
    assert clock() - before == pytest.approx(0, abs=30)
