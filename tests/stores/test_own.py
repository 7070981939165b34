"""A store made of texts under keys."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest

from traktauth.errors import StoreFailed
from traktauth.stores.memory import MemoryStore
from traktauth.stores.moving import Outcome, move
from traktauth.stores.own import TextStore
from traktauth.testing.places import LOGIN, OTHERS, pair, renewal, signed_in


class Texts(TextStore):
    """A dictionary, and how often a swap finds another text in its place."""

    def __init__(self):
        super().__init__("texts:")
        self.texts, self.meddlers, self.lock = {}, 0, threading.Lock()

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
    def locked(self, key, patience):
        yield self.lock.acquire(timeout=patience)
        self.lock.release()


def test_a_change_is_tried_again_where_another_was_faster(monkeypatch):
    store = Texts()
    signed_in(store)
    store.meddlers = 5
    assert store.begin(LOGIN, renewal(1))
    assert not store.begin(LOGIN, renewal(1))
    monkeypatch.setattr("traktauth.stores.own.TRIES", 20)
    store.meddlers = 100
    with pytest.raises(StoreFailed, match="without end"):
        store.save(LOGIN, pair(2), after=1, at=1.0)
    assert store.load(LOGIN).token == pair(1)


def test_a_trial_is_no_login():
    store = Texts()
    store.check()
    store.check()
    assert store.logins() == []
    signed_in(store)
    assert store.logins() == [LOGIN]


def test_a_login_can_be_moved_out_of_it():
    store, target = Texts(), MemoryStore()
    for login in (LOGIN, OTHERS[0]):
        signed_in(store, login)
    assert {moved.outcome for moved in move(store, target)} == {Outcome.MOVED}
    assert store.load(LOGIN).moved == target.address


def test_two_over_one_place_have_one_identity():
    assert Texts().identity == Texts().identity != MemoryStore().identity
    assert Texts().address == "texts:"


@pytest.mark.parametrize("text", ["{", "[]", "1"])
def test_what_is_no_record_is_left_as_it_is(text):
    store = Texts()
    signed_in(store)
    (key,) = store.keys()
    store.texts[key] = text
    for verb in (lambda: store.load(LOGIN), lambda: store.begin(LOGIN, renewal(1))):
        with pytest.raises(StoreFailed, match="damaged"):
            verb()
    assert store.texts[key] == text


@pytest.mark.parametrize("text", ["{", "[]", "1", "{}", '{"realm": 1}'])
def test_a_record_that_names_no_login_hides_no_other_and_is_told(text):
    store = Texts()
    for login in (LOGIN, OTHERS[0]):
        signed_in(store, login)
    assert store.problems() == []
    store.texts[next(iter(store.texts))] = text
    assert store.logins() == [OTHERS[0]]
    assert store.load(OTHERS[0]).token is not None
    (told,) = store.problems()
    assert told.startswith("A record names no login and is left as found: restore")
