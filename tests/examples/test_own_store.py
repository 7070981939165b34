"""The store in `examples/own_store.py` keeps every promise of a store, and renews as ours do."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from traktauth.models.changes import DeleteToken

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

from own_store import TableStore

from traktauth import StoreFailed, Trakt
from traktauth.testing import LocalTrakt, StoreContract
from traktauth.testing.store_contract.base import LOGIN, signed_in


class TestOwnStore(StoreContract):
    def open_store(self, place):
        return TableStore(str(place / "logins"))


def test_it_is_as_short_as_it_says():
    text = Path(sys.modules[TableStore.__module__].__file__).read_text()
    lines = text[text.index("class TableStore") :].splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 30


def test_a_program_signs_in_and_renews_with_it(tmp_path):
    path = str(tmp_path / "logins")
    with LocalTrakt() as server:
        trakt = Trakt(server.app, service=server.url, store=TableStore(path), clock=server.clock)
        with trakt:
            first = server.sign_in_at(trakt)
            server.advance(days=8)
            assert trakt.token().access_token != first.access_token
            assert server.ledger["rotations"] == 1
        assert TableStore(path).load(trakt.config.key).generation == 2


def test_a_damaged_record_is_a_failure_of_the_store_and_is_left_as_it_is(tmp_path):
    store = TableStore(str(tmp_path / "logins"))
    signed_in(store)
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("UPDATE logins SET text = '{'")
        connection.commit()
    for verb in (lambda: store.load(LOGIN), lambda: store.apply(LOGIN, DeleteToken(0))):
        with pytest.raises(StoreFailed, match="damaged"):
            verb()
    assert store.list_logins() == []
    assert len(store.durability_warnings()) == 1
    assert store.read(store.keys()[0]) == "{"


def test_a_place_that_cannot_be_used_is_reported_in_the_stores_words(tmp_path):
    store = TableStore(str(tmp_path / "logins"))
    store.path = str(tmp_path / "nowhere" / "logins")
    for verb in (
        lambda: store.load(LOGIN),
        store.check_writable,
        store.list_logins,
        lambda: store.lock(LOGIN, 0).__enter__(),
    ):
        with pytest.raises(StoreFailed, match="cannot be used"):
            verb()
