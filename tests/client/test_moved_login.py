"""A program goes on with the store that its login was moved to."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import time
from contextlib import closing
from dataclasses import replace

import pytest

from client.callers import CALLERS
from traktauth import LoginMoved, LoginRequired, LoginState, StoreFailed
from traktauth.client.driver.bound_store import with_own_password
from traktauth.keeper import refresh_due
from traktauth.models import PendingRefresh, Sender
from traktauth.models.changes import BeginRefresh, SaveToken, SetMoved
from traktauth.stores.encryption import new_key
from traktauth.stores.move import move
from traktauth.stores.open import open_store


@pytest.fixture
def places(tmp_path):
    return [f"sqlite:{tmp_path}/{name}.db" for name in ("one", "two", "three")]


def move_all(source, target):
    with closing(open_store(source)) as old, closing(open_store(target)) as new:
        return [moved.outcome.name for moved in move(old, new)]


def load(address, login):
    with closing(open_store(address)) as store:
        return store.load(login)


def test_a_running_program_goes_on_with_the_new_store(trakt, sign_in, address, places, login):
    token = sign_in()
    assert trakt.token() == token
    assert move_all(address, places[0]) == ["MOVED"]
    assert trakt.token() == token
    assert trakt.status().state is LoginState.VALID
    refreshed = trakt.refresh()
    assert load(places[0], login).token == refreshed
    assert load(address, login).token is None


def test_a_due_refresh_is_sent_once_and_saved_in_the_last_store_of_a_chain(
    trakt, trakt_server, sign_in, address, places, login
):
    sign_in(left=-1)
    for source, target in itertools.pairwise([address, *places]):
        move_all(source, target)
    token = trakt.token()
    assert len(trakt_server.refreshes) == 1
    assert load(places[-1], login).token == token
    assert [load(place, login).token for place in (address, *places[:-1])] == [None, None, None]


def test_a_login_that_comes_back_is_used_where_it_is(trakt, sign_in, address, places, login):
    token = sign_in()
    move_all(address, places[0])
    assert trakt.token() == token
    move_all(places[0], address)
    assert trakt.token() == token
    assert trakt.refresh() == load(address, login).token


def test_a_sign_out_and_an_erasure_reach_the_new_store(trakt, sign_in, address, places, login):
    sign_in()
    move_all(address, places[0])
    trakt.logout()
    assert load(places[0], login).token is None
    trakt.erase()
    assert [load(place, login).history for place in (address, places[0])] == [(), ()]
    with closing(open_store(address)) as store:
        assert store.list_logins() == []


def test_a_moved_account_is_not_signed_in_again_and_the_error_names_the_store(
    trakt, trakt_server, sign_in, address, places, login
):
    token = sign_in()
    move_all(address, places[0])
    for call in (lambda: trakt.login("device"), lambda: trakt.adopt(replace(token, access_token="other"))):
        with pytest.raises(LoginMoved) as caught:
            call()
        assert caught.value.store == places[0]
        assert places[0] in caught.value.message
    assert trakt_server.api_calls == []
    assert load(address, login).moved_to == places[0]


# ---------------------------------------------------------------- stores that cannot be followed to
@pytest.mark.parametrize(
    "target",
    [
        "sealed+sqlite:/nowhere.db",
        "keyring:",
        "memory:",
        "redis://\x1b[2J",
        "own-store:",
        "sqlite:/tmp/\x1b[2J",
    ],
)
def test_a_store_that_cannot_be_opened_does_not_require_a_sign_in(trakt, sign_in, address, login, target, monkeypatch):
    monkeypatch.delenv("TRAKTAUTH_SEAL_KEY", raising=False)
    sign_in()
    with closing(open_store(address)) as store:
        store.apply(login, SetMoved(1, target))
    for call in (trakt.token, trakt.refresh, lambda: trakt.request("GET", "/x"), trakt.logout, trakt.erase):
        with pytest.raises(LoginMoved) as caught:
            call()
        assert not isinstance(caught.value, LoginRequired)
        assert "\x1b" not in f"{caught.value}{caught.value.hint}{caught.value.hint_command}"
    assert trakt.status().state is LoginState.MOVED


def test_a_place_without_the_login_is_another_one(trakt, sign_in, address, places, login):
    sign_in()
    with closing(open_store(address)) as store:
        store.apply(login, SetMoved(1, places[0]))
    with pytest.raises(LoginMoved, match="does not have the login") as caught:
        trakt.token()
    assert caught.value.store == places[0]


def test_stores_that_name_each_other_are_an_error(trakt, sign_in, address, places, login):
    sign_in()
    move_all(address, places[0])
    with closing(open_store(places[0])) as store:
        store.apply(login, SetMoved(1, address))
    with pytest.raises(LoginMoved, match="name each other"):
        trakt.token()


def test_an_unavailable_store_is_not_taken_for_a_moved_login(trakt, sign_in, address, login):
    pytest.importorskip("redis")
    sign_in()
    with closing(open_store(address)) as store:
        store.apply(login, SetMoved(1, "redis://127.0.0.1:1"))
    with pytest.raises(StoreFailed) as caught:
        trakt.token()
    assert caught.value.temporary
    assert not isinstance(caught.value, LoginMoved)


def test_an_interrupted_move_does_not_require_a_sign_in(trakt, sign_in, address, places, login):
    sign_in(left=-1)
    with closing(open_store(address)) as store:
        store.apply(login, BeginRefresh(PendingRefresh(1, 1, time.time(), Sender("here", 1), moving_to=places[0])))
    with pytest.raises(LoginMoved, match="being moved") as caught:
        trakt.token()
    assert not caught.value.is_finished
    assert "traktauth store move" in caught.value.hint_command


def test_a_local_sign_out_forgets_a_store_that_is_gone(trakt, sign_in, address, login):
    sign_in()
    with closing(open_store(address)) as store:
        store.apply(login, SetMoved(1, "memory:"))
    trakt.logout(local=True)
    with pytest.raises(LoginRequired) as caught:
        trakt.token()
    assert caught.value.reason == "signed-out"


# ---------------------------------------------------------------- encryption and passwords
def test_an_encrypted_store_is_followed_with_the_keys_of_the_environment(
    app, trakt_server, sign_in, places, login, monkeypatch
):
    pytest.importorskip("cryptography")
    monkeypatch.setenv("TRAKTAUTH_SEAL_KEY", new_key())
    chain = [f"sealed+{places[0]}", f"sealed+{places[1]}", places[2]]
    token = sign_in(chain[0])
    for source, target in itertools.pairwise(chain):
        move_all(source, target)
        for kind in CALLERS.values():
            with kind(app, service=trakt_server.base, store=chain[0]) as trakt:
                assert trakt.token() == token


def test_an_encrypted_record_cannot_be_made_to_lead_elsewhere(app, trakt_server, sign_in, places, login, monkeypatch):
    pytest.importorskip("cryptography")
    monkeypatch.setenv("TRAKTAUTH_SEAL_KEY", new_key())
    sign_in(f"sealed+{places[0]}")
    sign_in(places[1])
    with closing(sqlite3.connect(places[0].removeprefix("sqlite:"))) as database:
        database.execute("UPDATE traktauth_logins SET moved_to = ?", [places[1]])
        database.commit()
    for kind in CALLERS.values():
        with kind(app, service=trakt_server.base, store=f"sealed+{places[0]}") as trakt, pytest.raises(StoreFailed):
            trakt.token()


@pytest.mark.parametrize(
    ("moved_to", "own", "opened"),
    [
        ("postgresql://app@db/logins", "postgresql://app:secret@db/logins", "postgresql://app:secret@db/logins"),
        ("redis://cache:6379/1", "redis://:secret@cache:6379/1", "redis://:secret@cache:6379/1"),
        ("sealed+redis://cache", "redis://:secret@cache", "sealed+redis://:secret@cache"),
        ("redis://cache", "sealed+redis://:secret@cache", "redis://:secret@cache"),
        ("redis://elsewhere", "redis://:secret@cache", "redis://elsewhere"),
        ("postgresql://app@db/logins", "postgresql://other:secret@db/logins", "postgresql://app@db/logins"),
        ("postgresql://app@db/logins", "postgresql://app:secret@db:6000/logins", "postgresql://app@db/logins"),
        ("postgresql:///logins?service=prod", "redis://cache", "postgresql:///logins?service=prod"),
        (
            "postgresql://app@db/logins?service=prod",
            "postgresql://app:secret@db/logins?service=prod",
            "postgresql://app:secret@db/logins?service=prod",
        ),
        ("sqlite:/x.db", "redis://:secret@cache", "sqlite:/x.db"),
        ("redis://cache", "redis://[", "redis://cache"),
    ],
)
def test_a_password_comes_from_the_environment_and_goes_to_its_own_place_alone(moved_to, own, opened):
    assert with_own_password(moved_to, {"HOME": "/root", "SOME_URL": own}) == opened


@pytest.mark.parametrize(
    "moved_to",
    [
        "postgresql://app@db/logins?hostaddr=192.0.2.1",
        "postgresql://app@elsewhere/logins?service=prod",
        "postgresql:///logins?host=elsewhere&service=prod",
        "sealed+postgresql://app@db/logins?passfile=/etc/shadow",
        "redis://:secret@cache",
    ],
)
def test_an_address_that_could_lead_a_password_of_this_program_elsewhere_is_not_opened(moved_to):
    with pytest.raises(ValueError, match="to another host"):
        with_own_password(moved_to, {"SOME_URL": "postgresql://app:secret@db/logins"})


def test_a_late_token_of_a_sign_in_does_not_replace_the_note_of_a_move(sign_in, address, places, login):
    token = sign_in()
    move_all(address, places[0])
    change = SaveToken(replace(token, generation=2), after=1, at=time.time(), is_sign_in=True)
    with closing(open_store(address)) as store:
        assert not store.apply(login, change)
        assert store.load(login).moved_to == places[0]


# ---------------------------------------------------------------- the keeper
def test_a_keeper_says_that_it_cannot_use_the_store_that_the_logins_were_moved_to(
    app, trakt_server, sign_in, places, address
):
    sign_in(places[0], left=-1)
    move_all(places[0], address)
    with pytest.raises(LoginMoved, match="several processes cannot share"):
        asyncio.run(refresh_due(places[0], app=app, service=trakt_server.base))
    assert trakt_server.refreshes == []
