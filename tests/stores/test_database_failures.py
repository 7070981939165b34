"""Databases at bad moments: a command done twice, a record that others change without end, one that is slow to open."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing

import pytest

from traktauth.errors import StoreFailed
from traktauth.models.changes import BeginRefresh, SaveToken
from traktauth.stores.database.lease import steady_clock
from traktauth.stores.open import open_store
from traktauth.stores.sqlite import connection as sqlite_connection
from traktauth.testing.store_contract.base import LOGIN, OTHERS, pair, pending_refresh, signed_in


@pytest.fixture
def address(tmp_path):
    return f"sqlite:{tmp_path}/logins"


@pytest.fixture
def store(address):
    with closing(open_store(address)) as store:
        signed_in(store)
        yield store


def swaps_twice(database, monkeypatch):
    """Make a connection die with each response: the database has swapped the row, and is asked to do it again."""
    swap = database.swap_row
    monkeypatch.setattr(database, "swap_row", lambda *change: (swap(*change), swap(*change))[1])


# ---------------------------------------------------------------- an answer that is lost
def test_a_change_whose_reply_is_lost_counts_as_done(store, monkeypatch):
    swaps_twice(store, monkeypatch)
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert store.load(LOGIN).token == pair(2)


def test_a_keepers_change_whose_reply_is_lost_counts_as_done(store, monkeypatch):
    signed_in(store, OTHERS[0])
    swaps_twice(store, monkeypatch)
    store.defer(OTHERS[0], 1, until=1e12)
    assert store.record_notification(OTHERS[0], 1, "damaged")
    assert not store.record_notification(OTHERS[0], 1, "damaged")
    assert not store.record_notification(OTHERS[1], 1, "no login is there")


def fails_once(database, monkeypatch, name, *, done):
    """Make a method fail once, after or before the database has done it."""
    method = getattr(database, name)

    def fail(*arguments):
        monkeypatch.setattr(database, name, method)
        if done:
            method(*arguments)
        raise StoreFailed("the connection broke")

    monkeypatch.setattr(database, name, fail)


def test_a_lease_whose_response_is_lost_is_not_waited_for(store, monkeypatch):
    fails_once(store, monkeypatch, "acquire_lease", done=True)
    with pytest.raises(StoreFailed), store.lock(LOGIN, 0.0):
        pass
    for _ in range(2):
        with store.lock(LOGIN, 0.0) as held:
            assert held


def test_a_lease_that_could_not_be_released_is_not_waited_for(store, monkeypatch):
    fails_once(store, monkeypatch, "release_lease", done=False)
    with store.lock(LOGIN, 0.0) as held:
        assert held
    with store.lock(LOGIN, 0.0) as held:
        assert held
        with store.lock(LOGIN, 0.0) as held_twice:
            assert not held_twice


# ---------------------------------------------------------------- opening an SQLite file
@pytest.fixture
def busy(tmp_path):
    """A connection that holds a file which is not a WAL yet."""
    with closing(sqlite_connection.connect(str(tmp_path / "logins"))) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN IMMEDIATE")
        yield connection


def test_a_file_that_others_are_opening_is_waited_for(busy, tmp_path):
    timer = threading.Timer(0.2, busy.execute, ["COMMIT"])
    timer.start()
    sqlite_connection.connect(str(tmp_path / "logins")).close()
    timer.join()


def test_a_file_that_is_held_for_too_long_is_not_opened(busy, tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_connection, "BUSY_LIMIT", 0.05)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        sqlite_connection.connect(str(tmp_path / "logins"))


def test_tables_are_created_all_or_none(tmp_path, monkeypatch):
    path = str(tmp_path / "logins")
    monkeypatch.setattr(sqlite_connection, "INDEXES", ("CREATE INDEX due ON no_such_table (due_at)",))
    with pytest.raises(sqlite3.OperationalError, match="no_such_table"):
        sqlite_connection.connect(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    monkeypatch.undo()
    sqlite_connection.connect(path).close()


# ---------------------------------------------------------------- what is remembered
def test_leases_use_a_monotonic_clock_on_every_system(monkeypatch):
    assert steady_clock() <= steady_clock()
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)  # as on macOS
    assert steady_clock() <= steady_clock() <= time.monotonic()
