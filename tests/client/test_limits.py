"""Forks, limits of the system, and interrupts: no call hangs, no work is done twice, no lease is left."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from client.callers import CALLERS
from stores.children import in_child
from traktauth import Trakt
from traktauth.models import LoginKey
from traktauth.stores.open import open_store

LOGIN = LoginKey("trakt", "app", "default")


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize("kind", CALLERS)
def test_a_user_who_may_start_no_more_threads_refreshes_all_the_same(
    kind, sign_in, trakt_server, app, address, request
):
    sign_in(account="warm", left=-1)
    with CALLERS[kind](app, service=trakt_server.base, store=address, account="warm") as trakt:
        trakt.token()  # the other user may not read what Python would import
    b"".decode("ascii")

    # not tmp_path: every pytest that starts closes its parent to other users
    own = Path(tempfile.mkdtemp())
    request.addfinalizer(lambda: shutil.rmtree(own))
    sign_in(f"file:{own}/tokens.json", left=-1)
    for path in (own, *own.iterdir()):
        os.chown(path, 65534, 65534)

    def refresh():
        trakt = CALLERS[kind](app, service=trakt_server.base, store=f"file:{own}/tokens.json")
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        with pytest.raises(RuntimeError):
            threading.Thread(target=print).start()
        return trakt.token().generation

    assert in_child(refresh, uid=65534) == 2


@pytest.mark.slow
def test_a_forked_child_refreshes_while_other_threads_of_its_parent_do(sign_in, trakt_server, app, address):
    """Each lock of ours may be held by another thread at the time of the fork."""
    names = [f"user-{number}" for number in range(4)]
    for name in [*names, "child"]:
        sign_in(account=name, left=3000)
    stop = threading.Event()

    with Trakt(app, service=trakt_server.base, store=address) as trakt, ThreadPoolExecutor(3) as pool:

        def refresh(name):
            while not stop.is_set():
                trakt.for_account(name).refresh()

        busy = [pool.submit(refresh, name) for name in names[:3]]
        try:
            for _ in range(5):
                generation = trakt.for_account("child").token().generation
                assert in_child(lambda: trakt.for_account("child").refresh().generation) == generation + 1
        finally:
            stop.set()
        for each in busy:
            each.result(60)
    assert trakt_server.killed == 0


@pytest.mark.parametrize("step", ["taken", "held", "released"])
def test_an_interrupt_at_any_step_of_a_lease_leaves_none(step, tmp_path, monkeypatch):
    store = open_store(f"sqlite:{tmp_path}/tokens.db")

    def interrupted(owner, name, *, after):
        real = getattr(owner, name)

        def call(*arguments, **named):
            monkeypatch.setattr(owner, name, real)
            if after:
                real(*arguments, **named)
            raise KeyboardInterrupt

        monkeypatch.setattr(owner, name, call)

    if step == "taken":
        interrupted(store, "_take", after=True)
    elif step == "released":
        interrupted(store, "_release", after=False)

    def hold():
        with store.lock(LOGIN, 5.0) as held:
            assert held
            if step == "held":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hold()
    with open_store(f"sqlite:{tmp_path}/tokens.db").lock(LOGIN, 0.0) as held:
        assert held
    store.close()
