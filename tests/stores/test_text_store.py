"""A store made of texts under keys."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest

from traktauth.errors import StoreFailed
from traktauth.models.changes import BeginRefresh, SaveToken
from traktauth.stores.memory import MemoryStore
from traktauth.stores.move import Outcome, move
from traktauth.stores.text_store import TextStore
from traktauth.testing.store_contract.base import LOGIN, OTHERS, pair, pending_refresh, signed_in


class Texts(TextStore):
    """A dictionary, and how often a swap finds another text in its place."""

    def __init__(self):
        super().__init__("texts:")
        self.texts, self.meddlers, self.mutex = {}, 0, threading.Lock()

    def read(self, key):
        return self.texts.get(key)

    def swap(self, key, old, new):
        if self.meddlers:
            self.meddlers -= 1
            return False
        if self.texts.get(key) != old:
            return False
        self.texts[key] = new
        return True

    def keys(self):
        return self.texts

    @contextmanager
    def locked(self, key, timeout):
        yield self.mutex.acquire(timeout=timeout)
        self.mutex.release()


def test_a_change_is_tried_again_if_another_was_faster(monkeypatch):
    store = Texts()
    signed_in(store)
    store.meddlers = 5
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    assert not store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    monkeypatch.setattr("traktauth.stores.text_store.MAX_ATTEMPTS", 20)
    store.meddlers = 100
    with pytest.raises(StoreFailed, match="kept changing"):
        store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert store.load(LOGIN).token == pair(1)


def test_a_login_can_be_moved_out_of_it():
    store, target = Texts(), MemoryStore()
    for login in (LOGIN, OTHERS[0]):
        signed_in(store, login)
    assert {moved.outcome for moved in move(store, target)} == {Outcome.MOVED}
    assert store.load(LOGIN).moved_to == target.address


@pytest.mark.parametrize("text", ["{", "[]", "1"])
def test_a_malformed_record_is_left_as_it_is(text):
    store = Texts()
    signed_in(store)
    (key,) = store.keys()
    store.texts[key] = text
    for verb in (lambda: store.load(LOGIN), lambda: store.apply(LOGIN, BeginRefresh(pending_refresh(1)))):
        with pytest.raises(StoreFailed, match="damaged"):
            verb()
    assert store.texts[key] == text


@pytest.mark.parametrize("text", ["{", "[]", "1", "{}", '{"realm": 1}'])
def test_a_record_that_names_no_login_hides_no_other_and_is_reported(text):
    store = Texts()
    for login in (LOGIN, OTHERS[0]):
        signed_in(store, login)
    assert store.durability_warnings() == []
    store.texts[next(iter(store.texts))] = text
    assert store.list_logins() == [OTHERS[0]]
    assert store.load(OTHERS[0]).token is not None
    (warned,) = store.durability_warnings()
    assert warned.startswith("A record names no login and is left as found: restore")
