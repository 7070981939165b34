"""The store in `examples/own_store.py` keeps every promise of a store, and renews as ours do."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("fcntl", reason="the example locks files as Linux and macOS do")
sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

from own_store import FolderStore

from traktauth import StoreFailed, Trakt
from traktauth.testing import LocalTrakt, StoreContract
from traktauth.testing.places import LOGIN


class TestOwnStore(StoreContract):
    def open_store(self, place):
        return FolderStore(place / "logins")


def test_a_program_signs_in_and_renews_with_it(tmp_path):
    with LocalTrakt() as server:
        trakt = Trakt(server.app, service=server.url, store=FolderStore(tmp_path), clock=server.clock)
        with trakt:
            first = server.sign_in_at(trakt)
            server.advance(days=8)
            assert trakt.token().access_token != first.access_token
            assert server.ledger["rotations"] == 1
        assert FolderStore(tmp_path).load(trakt.setup.key).generation == 2


def test_a_damaged_file_is_a_failure_of_the_store_and_is_left_as_it_is(tmp_path):
    store = FolderStore(tmp_path)
    store._path(LOGIN).write_text("{")
    for verb in (lambda: store.load(LOGIN), lambda: store.forget(LOGIN, 0)):
        with pytest.raises(StoreFailed, match="cannot be used"):
            verb()
    assert store._path(LOGIN).read_text() == "{"


def test_what_it_keeps_is_its_owners_alone(tmp_path):
    store = FolderStore(tmp_path / "logins")
    store.check()
    with LocalTrakt() as server, Trakt(server.app, service=server.url, store=store, clock=time.time) as trakt:
        server.sign_in_at(trakt)
    modes = {path.suffix: path.stat().st_mode & 0o077 for path in (tmp_path / "logins").glob("*.json")}
    assert modes == {".json": 0}
