"""Memory, its locks, and a fork."""

from __future__ import annotations

import threading

import pytest

from stores.children import in_child
from traktauth.errors import StoreFailed
from traktauth.models import Token
from traktauth.models.changes import BeginRefresh, SaveToken
from traktauth.stores.memory import MemoryStore
from traktauth.testing.store_contract.base import LOGIN, pending_refresh


def test_a_forked_child_is_not_locked_out_by_threads_it_does_not_have():
    store = MemoryStore()
    store.apply(LOGIN, SaveToken(Token("a", generation=1), after=0, at=1.0))
    held, done = threading.Event(), threading.Event()

    def hold():
        with store.lock(LOGIN, 0.0), store._writing:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()

    def use():
        with store.lock(LOGIN, 0.0) as mine:
            return mine and store.apply(LOGIN, SaveToken(Token("b", generation=2), after=1, at=1.0))

    try:
        assert in_child(use)
        assert store._locks[LOGIN].locked()  # the parent's is held as before
    finally:
        done.set()
        thread.join()


# ---------------------------------------------------------------- a pair that parent and child both have
def test_a_forked_child_does_not_send_its_parents_refresh_token():
    store = MemoryStore()
    store.apply(LOGIN, SaveToken(Token("a", refresh_token="r", generation=1), after=0, at=1.0))
    with pytest.raises(StoreFailed) as failed:
        in_child(lambda: store.apply(LOGIN, BeginRefresh(pending_refresh(1))))
    assert "file:" in failed.value.hint
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))  # the parent does


def test_a_forked_child_refreshes_only_what_it_signed_in_itself():
    store = MemoryStore()
    store.apply(LOGIN, SaveToken(Token("a", refresh_token="r", generation=1), after=0, at=1.0))

    def sign_in():
        served = store.load(LOGIN).token.access_token
        store.apply(LOGIN, SaveToken(Token("b", refresh_token="s", generation=2), after=1, at=1.0))
        return served, store.apply(LOGIN, BeginRefresh(pending_refresh(2)))

    assert in_child(sign_in) == ("a", True)
