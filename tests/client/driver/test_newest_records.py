"""A store that goes back to an older state, and a process that has seen a newer one."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from traktauth import AsyncTrakt, Trakt
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


def test_a_process_for_asyncio_does_not_either(server, tmp_path):
    path = tmp_path / "tokens.json"
    with Trakt(server.app, service=server.url, store=f"file:{path}", clock=server.clock) as trakt:
        server.sign_in_at(trakt)

    async def main():
        async with AsyncTrakt(server.app, service=server.url, store=f"file:{path}", clock=server.clock) as trakt:
            await trakt.token()
            shutil.copy(path, tmp_path / "backup")
            await trakt.refresh()
            shutil.copy(tmp_path / "backup", path)
            assert (await trakt.refresh()).generation == 3

    asyncio.run(main())
    assert server.ledger["replays"] == 0


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
