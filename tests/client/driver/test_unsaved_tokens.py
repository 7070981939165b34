"""A token that could not be saved is saved in the background as soon as the store works; an ending program tells it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from client.callers import CALLERS
from stores.children import in_child
from traktauth import StoreFailed
from traktauth.client.driver import unsaved_tokens
from traktauth.flow import common
from traktauth.models import LoginKey
from traktauth.models.changes import SaveToken
from traktauth.stores.file.store import FileStore
from traktauth.stores.open import open_store


@pytest.fixture
def full(monkeypatch):
    """A switch: saves fail while it is set."""
    monkeypatch.setattr(common, "SAVE_TIMEOUT", 0.0)
    monkeypatch.setattr(unsaved_tokens, "_FIRST_PAUSE", 0.05)
    switch = {"full": True, "failed": 0}
    real = FileStore.apply

    def apply(self, login, change):
        if switch["full"] and isinstance(change, SaveToken):
            switch["failed"] += 1
            raise OSError(28, "No space left on device")
        return real(self, login, change)

    monkeypatch.setattr(FileStore, "apply", apply)
    yield switch
    unsaved_tokens.held.clear()
    unsaved_tokens._more.set()  # so that the thread that saves looks, and ends
    wait_until(lambda: not unsaved_tokens._saver.locked())


def wait_until(condition):
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
def test_an_unsaved_token_is_saved_without_another_call(caller, full, sign_in, trakt_server, app, address):
    full["full"] = False
    sign_in(left=-1)
    full["full"] = True
    with caller(app, service=trakt_server.base, store=address) as trakt, pytest.raises(StoreFailed) as caught:
        trakt.token()
    assert caught.value.kept
    login = LoginKey(trakt_server.base, app.client_id, "default")
    wait_until(lambda: full["failed"] >= 3)  # the call, and the thread twice
    assert open_store(address).load(login).generation == 1
    full["full"] = False
    wait_until(lambda: open_store(address).load(login).generation == 2)
    wait_until(lambda: not unsaved_tokens._saver.locked())  # and the thread ends
    assert unsaved_tokens.held == {}


def test_a_forked_child_saves_an_unsaved_token_too(full, sign_in, trakt_server, app, address):
    full["full"] = False
    sign_in(left=-1)
    full["full"] = True
    with CALLERS["blocking"](app, service=trakt_server.base, store=address) as trakt, pytest.raises(StoreFailed):
        trakt.token()
    login = LoginKey(trakt_server.base, app.client_id, "default")

    def save():
        full["full"] = False
        wait_until(lambda: open_store(address).load(login).generation == 2)
        return os.getpid()

    assert in_child(save) != os.getpid()
    assert full["full"]


ENDING = """
import asyncio, sys
from traktauth import App, AsyncTrakt, Trakt
from traktauth.flow import common
from traktauth.models.changes import SaveToken
from traktauth.stores.file.store import FileStore
import traktauth.client.driver.unsaved_tokens as unsaved

common.SAVE_TIMEOUT = 0.0
unsaved._AT_THE_END = 0.5
base, address, kind, works_at_the_end = sys.argv[1:]
real, full = FileStore.apply, [True]

def apply(self, login, change):
    if full[0] and isinstance(change, SaveToken):
        raise OSError(28, "No space left on device")
    return real(self, login, change)

FileStore.apply = apply
app = App("client-id", client_secret="secret-canary", redirect_uri="http://127.0.0.1:9876/callback")

async def main():
    async with AsyncTrakt(app, service=base, store=address) as trakt:
        await trakt.token()

try:
    if kind == "async":
        asyncio.run(main())
    else:
        Trakt(app, service=base, store=address).token()
except Exception as error:
    print(type(error).__name__, error.kept)
full[0] = works_at_the_end == "no"
"""


@pytest.mark.parametrize(
    ("kind", "works"),
    [
        ("blocking", "yes"),
        pytest.param("blocking", "no", marks=pytest.mark.slow),
        pytest.param("async", "yes", marks=pytest.mark.slow),
        pytest.param("async", "no", marks=pytest.mark.slow),
    ],
)
def test_an_ending_program_saves_an_unsaved_token_or_reports_its_loss(kind, works, sign_in, trakt_server, app, address):
    sign_in(left=-1)
    ended = subprocess.run(
        [sys.executable, "-c", ENDING, trakt_server.base, address, kind, works],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout == "StoreFailed True\n"
    generation = open_store(address).load(LoginKey(trakt_server.base, app.client_id, "default")).generation
    if works == "yes":
        assert (generation, ended.stderr) == (2, "")
    else:
        assert generation == 1
        assert "could not be saved and ends with this program" in ended.stderr
        assert "a new sign-in is required" in ended.stderr
        assert "canary" not in ended.stderr


@pytest.mark.parametrize(
    ("setup", "shown"),
    [
        ("", "traktauth: canary is lost\n"),
        (
            "import logging; logging.getLogger('traktauth').addHandler(logging.NullHandler())",
            "traktauth: canary is lost\n",
        ),
        ("import logging; logging.basicConfig()", "ERROR:traktauth:canary is lost\n"),
    ],
    ids=["no logging", "a handler that shows nothing", "logging"],
)
def test_the_loss_is_reported_once(setup, shown):
    code = f"{setup}\nfrom traktauth.client.driver import unsaved_tokens\nunsaved_tokens._log_loss('canary is lost')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stderr == shown
