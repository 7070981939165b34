"""Memory, its locks, and a fork."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from stores.children import in_child
from traktauth.errors import StoreFailed
from traktauth.models import Login, Renewal, Token
from traktauth.stores.memory import MemoryStore

LOGIN = Login("trakt", "app", "default")


def test_a_forked_child_is_not_locked_out_by_threads_it_does_not_have():
    store = MemoryStore()
    store.save(LOGIN, Token("a", generation=1), after=0, at=1.0)
    held, done = threading.Event(), threading.Event()

    def hold():
        with store.exclusive(LOGIN, 0.0), store._writing:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()

    def use():
        with store.exclusive(LOGIN, 0.0) as mine:
            return mine and store.save(LOGIN, Token("b", generation=2), after=1, at=1.0)

    try:
        assert in_child(use)
        assert store._locks[LOGIN].locked()  # the parent's is held as before
    finally:
        done.set()
        thread.join()


def test_a_store_that_nobody_uses_any_more_goes():
    store = MemoryStore()
    reference = weakref.ref(store)
    del store
    gc.collect()
    assert reference() is None


# ---------------------------------------------------------------- a pair that parent and child both have
def renewal(generation):
    return Renewal(generation, 1, 1.0, "here:1")


def test_a_forked_child_does_not_send_its_parents_refresh_token():
    store = MemoryStore()
    store.save(LOGIN, Token("a", refresh_token="r", generation=1), after=0, at=1.0)
    with pytest.raises(StoreFailed) as failed:
        in_child(lambda: store.begin(LOGIN, renewal(1)))
    assert "file:" in failed.value.hint
    assert store.begin(LOGIN, renewal(1))  # the parent does


def test_a_forked_child_is_served_and_renews_what_it_signed_in_itself():
    store = MemoryStore()
    store.save(LOGIN, Token("a", refresh_token="r", generation=1), after=0, at=1.0)

    def sign_in():
        served = store.load(LOGIN).token.access_token
        store.save(LOGIN, Token("b", refresh_token="s", generation=2), after=1, at=1.0)
        return served, store.begin(LOGIN, renewal(2))

    assert in_child(sign_in) == ("a", True)
