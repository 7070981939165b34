"""Memory, its locks, and a fork."""

from __future__ import annotations

import gc
import threading
import weakref

from stores.children import in_child
from traktauth.models import Login, Token
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
