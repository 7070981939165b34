"""A store that goes back to an older state, and a process that has seen a newer one."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from contextlib import closing
from http import HTTPStatus

import pytest

from traktauth import AsyncTrakt, Trakt
from traktauth.stores.sqlite import store as sqlite_store
from traktauth.testing import LocalTrakt


@pytest.fixture
def server():
    with LocalTrakt(profile="current") as server:
        yield server


def expired(server, token):
    server.advance(seconds=token.expires_at - server.clock() + 1)


def test_a_process_does_not_send_the_refresh_token_of_an_older_state_than_it_has_seen(server, tmp_path):
    path = tmp_path / "tokens.json"
    with Trakt(server.app, service=server.url, store=f"file:{path}", clock=server.clock) as trakt:
        server.sign_in_at(trakt)
        shutil.copy(path, tmp_path / "backup")
        trakt.refresh()
        third = trakt.refresh()
        shutil.copy(tmp_path / "backup", path)  # a backup is restored, or a replica that lags takes over
        expired(server, third)
        assert trakt.token().generation == 4
        record = trakt.store.load(trakt.config.key)
    assert server.ledger["replays"] == 0
    assert [entry.rolled_back_to for entry in record.history if entry.generation == 3] == [1]


@pytest.mark.parametrize("store", ["file:{}", "sqlite:{}"])
def test_an_async_client_does_not_send_the_refresh_token_of_an_older_state(store, server, tmp_path):
    path, backup = tmp_path / "tokens", tmp_path / "backup"
    address = store.format(path)
    with Trakt(server.app, service=server.url, store=address, clock=server.clock) as trakt:
        server.sign_in_at(trakt)

    async def main():
        async with AsyncTrakt(server.app, service=server.url, store=address, clock=server.clock) as trakt:
            await trakt.token()
            copy(path, backup)
            await trakt.refresh()
            copy(backup, path)
            assert (await trakt.refresh()).generation == 3

    asyncio.run(main())
    assert server.ledger["replays"] == 0


def copy(source, target):
    """Copy a store's content in place, as a backup is restored under a program that has the file open."""
    if not source.read_bytes().startswith(b"SQLite"):
        shutil.copy(source, target)
        return
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)


def test_an_async_token_opens_the_database_in_another_thread_than_the_event_loops(server, tmp_path, monkeypatch):
    address = f"sqlite:{tmp_path}/tokens"
    with Trakt(server.app, service=server.url, store=address, clock=server.clock) as trakt:
        server.sign_in_at(trakt)
    threads = []

    def connect(path):
        threads.append(threading.current_thread())
        return real(path)

    real = sqlite_store.connect
    monkeypatch.setattr(sqlite_store, "connect", connect)

    async def main():
        async with AsyncTrakt(server.app, service=server.url, store=address, clock=server.clock) as trakt:
            await trakt.token()
            response = await trakt.request("GET", "/users/settings")
            assert response.status_code == HTTPStatus.OK

    asyncio.run(main())
    assert threads
    assert threading.current_thread() not in threads


def test_a_new_sign_in_after_the_store_was_emptied_is_not_replaced(server, tmp_path):
    path = tmp_path / "tokens.json"
    with Trakt(server.app, service=server.url, store=f"file:{path}", clock=server.clock) as trakt:
        server.sign_in_at(trakt)
        trakt.refresh()
        other = tmp_path / "other.json"
        with Trakt(server.app, service=server.url, store=f"file:{other}", clock=server.clock) as elsewhere:
            new = server.sign_in_at(elsewhere)
        shutil.copy(other, path)
        assert trakt.token() == new
        assert trakt.refresh() != new
    assert server.ledger["replays"] == 0
