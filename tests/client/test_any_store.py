"""A store may raise anything at any verb, once: no token is lost."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from itertools import product

import pytest

from client.callers import CALLERS
from traktauth import StoreFailed, TraktAuthError
from traktauth.client.driver import unsaved_tokens
from traktauth.flow import common
from traktauth.models import LoginKey
from traktauth.models.changes import BeginRefresh, CancelRefresh, DeleteToken, SaveToken, SetRefreshable
from traktauth.stores.memory import MemoryStore

ERRORS = [
    StoreFailed("the disk is full"),
    OSError(5, "Input/output error"),
    ValueError("canary"),
    MemoryError(),
]
CHANGES = [BeginRefresh, CancelRefresh, SaveToken, SetRefreshable, DeleteToken]
VERBS = ["load", "peek", "lock", "enter", "exit", "close", "check_writable", *CHANGES]


class Raising(MemoryStore):
    """Raises an error at one verb, a number of times."""

    def __init__(self):
        super().__init__()
        self.verb = self.error = None
        self.times = 0

    def fail(self, verb):
        if verb == self.verb and self.times:
            self.times -= 1
            raise self.error

    def load(self, login):
        self.fail("load")
        return super().load(login)

    def peek(self, login):
        self.fail("peek")
        return None if self.verb == "load" else super().peek(login)

    def apply(self, login, change):
        self.fail(type(change))
        return super().apply(login, change)

    def lock(self, login, timeout):
        self.fail("lock")
        return self._locked(login, timeout)

    @contextmanager
    def _locked(self, login, timeout):
        self.fail("enter")
        with super().lock(login, timeout) as held:
            yield held
        self.fail("exit")

    def check_writable(self):
        self.fail("check_writable")
        super().check_writable()

    def close(self):
        self.fail("close")


@pytest.fixture
def store(sign_in):
    store = Raising()
    sign_in(store, left=-1)
    yield store
    unsaved_tokens.held.clear()


def attempt(work):
    """Return what a call raised on purpose; anything else is a fault of ours."""
    error = None
    try:
        work()
    except TraktAuthError as raised:
        error = raised
    assert error is None or "canary" not in f"{error} {error.hint}"
    return error


def case_name(value):
    return value if isinstance(value, str) else getattr(value, "__name__", type(value).__name__)


DRIVER_ERROR = RuntimeError("a secret of the driver: canary")


@pytest.mark.parametrize(
    ("verb", "error", "save_timeout"),
    [
        *product(VERBS, [DRIVER_ERROR], [15.0]),
        *product(["load", SaveToken], ERRORS, [15.0]),
        *product([SaveToken], [DRIVER_ERROR, *ERRORS], [0.0]),
    ],
    ids=case_name,
)
def test_no_token_is_lost_when_the_store_raises_once(
    store, verb, error, save_timeout, caller, trakt_server, app, monkeypatch
):
    monkeypatch.setattr(common, "RETRY_PAUSE", 0.01)
    monkeypatch.setattr(common, "SAVE_TIMEOUT", save_timeout)
    store.verb, store.error, store.times = verb, error, 1
    trakt = caller(app, service=trakt_server.base, store=store)
    first = attempt(trakt.token)
    assert first is None or isinstance(first, StoreFailed)
    if first is not None and not isinstance(error, StoreFailed):
        assert first.__cause__ is error
    assert trakt.token().generation == 2
    assert trakt.request("GET", "/users/settings").status_code == 200
    assert (len(trakt_server.refreshes), trakt_server.killed) == (1, 0)
    record = store.load(LoginKey(trakt_server.base, app.client_id, "default"))
    assert (record.generation, record.pending_refresh) == (2, None)
    attempt(trakt.logout)
    attempt(trakt.close)
    if caller is not CALLERS["blocking"]:
        trakt.runner.close()


@pytest.mark.parametrize("error", ERRORS[1:], ids=lambda error: type(error).__name__)
def test_a_store_that_cannot_be_closed_is_a_store_that_failed(store, error, caller, trakt_server, app):
    store.verb, store.error, store.times = "close", error, 1
    trakt = caller(app, service=trakt_server.base, store=store)
    with pytest.raises(StoreFailed) as caught:
        trakt.close()
    assert caught.value.__cause__ is error
    if caller is not CALLERS["blocking"]:
        trakt.runner.close()


def test_a_log_handler_that_raises_costs_no_token(store, caller, trakt_server, app):
    class Broken(logging.Handler):
        def handle(self, record):
            raise RuntimeError("a handler of the application")

    logger, handler = logging.getLogger("traktauth"), Broken()
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        with caller(app, service=trakt_server.base, store=store) as trakt:
            assert trakt.token().generation == 2
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert len(trakt_server.refreshes) == 1
