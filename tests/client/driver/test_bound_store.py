"""A pair that could not be saved: held in memory, served, and saved at the next chance."""

from __future__ import annotations

import asyncio

import pytest

from client.callers import CALLERS
from support.async_store import OwnAsyncStore
from traktauth import AsyncTrakt, StoreFailed, Token, Trakt
from traktauth.client.driver import unsaved_tokens
from traktauth.client.driver.bound_store import BoundStore
from traktauth.client.driver.loop_store import LoopStore
from traktauth.flow import common
from traktauth.flow.effects import Apply, HoldUnsaved
from traktauth.models import LoginKey, PendingRefresh, Sender
from traktauth.models.changes import BeginRefresh, DeleteToken, SaveToken
from traktauth.stores.memory import MemoryStore


class Failing(MemoryStore):
    """A store whose disk fails when it is told to."""

    def __init__(self):
        super().__init__()
        self.saves_fail = self.loads_fail = False
        self.saves = 0

    def apply(self, login, change):
        if isinstance(change, SaveToken):
            self.saves += 1
            if self.saves_fail:
                raise StoreFailed("the disk is full")
        return super().apply(login, change)

    def load(self, login):
        if self.loads_fail:
            raise StoreFailed("the disk is gone")
        return super().load(login)

    def peek(self, login):
        return None if self.loads_fail else super().peek(login)


@pytest.fixture(autouse=True)
def _no_thread_saves(monkeypatch):
    """Let only calls save, or how often a token is saved would depend on a thread."""
    monkeypatch.setattr(unsaved_tokens, "_save_in_background", lambda: None)
    yield
    unsaved_tokens.held.clear()


@pytest.fixture
def store(sign_in):
    store = Failing()
    sign_in(store, left=-1)
    return store


@pytest.fixture(params=CALLERS)
def ask(request, trakt_server, app, store, monkeypatch):
    """Ask for a token, each time with an object of its own."""
    monkeypatch.setattr(common, "SAVE_TIMEOUT", 0.0)

    def ask():
        with CALLERS[request.param](app, service=trakt_server.base, store=store) as trakt:
            return trakt.token()

    return ask


def test_a_save_that_fails_is_reported_and_the_token_is_served_by_every_object(ask, store, trakt_server):
    store.saves_fail = True
    with pytest.raises(StoreFailed, match="the disk is full") as caught:
        ask()
    assert caught.value.kept
    assert "canary" not in f"{caught.value} {caught.value.hint}"
    for _ in range(3):
        token = ask()
        assert token.generation == 2
        assert token.access_token in trakt_server.access
    assert len(trakt_server.refreshes) == 1


def test_a_held_token_is_saved_once_by_the_next_call(ask, store, trakt_server, app):
    store.saves_fail = True
    with pytest.raises(StoreFailed):
        ask()
    store.saves_fail = False
    token = ask()
    record = store.load(LoginKey(trakt_server.base, app.client_id, "default"))
    assert (record.token, record.pending_refresh) == (token, None)
    assert unsaved_tokens.held == {}
    saves = store.saves
    ask()
    assert store.saves == saves  # and not once more


def test_a_held_token_is_served_although_the_store_cannot_even_be_read(ask, store):
    store.saves_fail = True
    with pytest.raises(StoreFailed):
        ask()
    store.loads_fail = True
    assert ask().generation == 2


LOGIN = LoginKey("trakt", "app", "default")


def pair(generation):
    return Token(f"access-{generation}", refresh_token="r", expires_in=60, generation=generation)


@pytest.fixture
def held():
    """A login whose second pair is held, and its store."""
    store = Failing()
    store.apply(LOGIN, SaveToken(pair(1), after=0, at=1.0))
    store.saves_fail = True
    return BoundStore(store, LOGIN, lambda: 1.0), store


def test_a_newer_token_in_the_store_replaces_the_held_one(held):
    one, store = held
    one.keep(HoldUnsaved(pair(2), after=1))
    assert one.load().token == pair(2)
    assert one.peek() is None
    store.saves_fail = False
    assert store.apply(LOGIN, SaveToken(pair(5), after=1, at=1.0))
    assert one.load().token == pair(5)
    assert one.peek().token == pair(5)


def test_a_sign_out_drops_the_held_token(held):
    one, store = held
    one.keep(HoldUnsaved(pair(2), after=1))
    one.call(Apply(DeleteToken(2)))()
    assert store.load(LOGIN).token is None
    assert one.load().token is None


@pytest.mark.parametrize(("is_sign_in", "process"), [(True, None), (False, "here:1")])
def test_a_held_token_is_saved_as_the_sign_in_or_the_refresh_that_it_came_from(held, is_sign_in, process):
    one, store = held
    assert store.apply(LOGIN, BeginRefresh(PendingRefresh(1, 1, 1.0, Sender("here", 1))))
    one.keep(HoldUnsaved(pair(2), after=1, is_sign_in=is_sign_in))
    store.saves_fail = False
    assert one.load().token == pair(2)
    assert store.load(LOGIN).history[-1].process == process


def test_what_is_held_for_one_login_is_not_served_to_another(held):
    one, store = held
    one.keep(HoldUnsaved(pair(2), after=1))
    for other in (
        BoundStore(store, LoginKey("trakt", "app", "second"), lambda: 1.0),
        BoundStore(Failing(), LOGIN, lambda: 1.0),
    ):
        assert other.load().token is None


@pytest.mark.asyncio
async def test_many_tasks_save_a_held_token_together(app, trakt_server, store, monkeypatch):
    monkeypatch.setattr(common, "SAVE_TIMEOUT", 0.0)
    store.saves_fail = True
    async with AsyncTrakt(app, service=trakt_server.base, store=store) as trakt:
        with pytest.raises(StoreFailed):
            await trakt.token()
        store.saves_fail = False
        tokens = await asyncio.gather(*[trakt.token() for _ in range(20)])
    assert {token.generation for token in tokens} == {2}
    assert unsaved_tokens.held == {}


def test_a_store_that_fails_with_nothing_held_says_so(store, app, trakt_server):
    store.loads_fail = True
    with (
        Trakt(app, service=trakt_server.base, store=store) as trakt,
        pytest.raises(StoreFailed, match="the disk is gone"),
    ):
        trakt.token()


def test_a_token_that_an_async_store_could_not_save_is_saved_in_its_loop_while_that_runs(store, trakt_server, app):
    login = LoginKey(trakt_server.base, app.client_id, "default")
    newer = Token("newer-access", "newer-refresh", expires_in=60, expires_at=2e9, generation=2)

    async def save_from_another_thread():
        bound_store = BoundStore(LoopStore(OwnAsyncStore(store), asyncio.get_running_loop()), login, lambda: 1.0)
        save = bound_store._saving(HoldUnsaved(newer, after=1))
        await asyncio.to_thread(save)
        return save

    save = asyncio.run(save_from_another_thread())
    assert store.load(login).token == newer
    with pytest.raises(StoreFailed, match="an event loop that does not run"):
        save()


def test_a_store_that_fails_amid_the_accounts_is_an_error(store, trakt_server, app):
    login = LoginKey(trakt_server.base, app.client_id, "default")
    store.loads_fail = True
    with pytest.raises(StoreFailed, match="the disk is gone"):
        BoundStore(store, login, lambda: 1.0)._load_accounts()
