"""Logins brought from one store into another."""

from __future__ import annotations

import threading
from contextlib import closing, nullcontext
from dataclasses import replace

import pytest

from traktauth.errors import StoreFailed
from traktauth.models.changes import BeginRefresh, DeleteToken, ImportRecord, SaveToken, SetMoved, SetRefreshable
from traktauth.models.record import HistoryOutcome
from traktauth.stores.errors import unreadable
from traktauth.stores.move import Moved, Outcome, move
from traktauth.stores.open import open_store
from traktauth.testing.store_contract.base import LOGIN, OTHERS, pair, pending_refresh, signed_in

SERVERS = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("redis", "postgres")]
from_every_store = pytest.mark.parametrize("source", ["file", "sqlite", "sealed+sqlite", *SERVERS], indirect=True)


@pytest.fixture(params=["file"])
def source(request, tmp_path, monkeypatch):
    monkeypatch.setenv("TRAKTAUTH_SEAL_KEY", "k" * 43)
    seal, _, kind = request.param.rpartition("+")
    on_server = kind in {"redis", "postgres"}
    place = request.getfixturevalue(f"{kind}_address") if on_server else f"{kind}:{tmp_path}/source"
    address = f"sealed+{place}" if seal else place
    with closing(open_store(address)) as store:
        yield store


@pytest.fixture
def target(tmp_path):
    with closing(open_store(f"sqlite:{tmp_path}/target")) as store:
        yield store


def moved(source, target):
    return {one.login: one.outcome for one in move(source, target)}


@from_every_store
def test_every_login_lies_in_the_target_afterwards(source, target):
    for number, login in enumerate((LOGIN, *OTHERS), 1):
        signed_in(source, login, generation=1)
        for generation in range(2, number + 1):
            assert source.apply(login, SaveToken(pair(generation), after=generation - 1, at=5.0))
    assert moved(source, target) == dict.fromkeys((LOGIN, *OTHERS), Outcome.MOVED)
    for number, login in enumerate((LOGIN, *OTHERS), 1):
        record = target.load(login)
        assert (record.token, record.generation, record.pending_refresh) == (pair(number), number, None)
    assert target.load(OTHERS[0]).saved_at == 5.0


@from_every_store
def test_the_source_keeps_no_token_and_names_the_target(source, target):
    signed_in(source)
    moved(source, target)
    record = source.load(LOGIN)
    assert (record.token, record.generation, record.moved_to) == (None, 1, target.address)
    assert not source.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    assert moved(source, target) == {LOGIN: Outcome.ALREADY}


def test_a_new_sign_in_at_the_source_counts_once_the_move_is_forgotten(source, target):
    signed_in(source)
    moved(source, target)
    assert not source.apply(LOGIN, SaveToken(pair(2), after=1, at=9.0)), "the target has the login"
    assert source.apply(LOGIN, DeleteToken(1))
    assert source.apply(LOGIN, SaveToken(pair(3), after=2, at=9.0))
    assert source.load(LOGIN).moved_to is None
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    assert target.load(LOGIN).token == pair(3)


@pytest.mark.parametrize("token", [pair(2), replace(pair(1), access_token="another")])
def test_a_newer_or_another_token_in_the_target_is_not_replaced(source, target, token):
    signed_in(source)
    assert target.apply(LOGIN, SaveToken(token, after=0, at=1.0))
    before = target.load(LOGIN)
    assert moved(source, target) == {LOGIN: Outcome.NEWER}
    assert target.load(LOGIN) == before
    assert source.load(LOGIN).token == pair(1)
    assert source.apply(LOGIN, BeginRefresh(pending_refresh(1))), "the source goes on as before"


def test_a_token_is_not_moved_to_a_store_where_the_user_signed_out(source, target):
    signed_in(source)
    signed_in(target)
    target.apply(LOGIN, DeleteToken(1))
    assert moved(source, target) == {LOGIN: Outcome.ENDED}


def test_an_older_token_in_the_target_is_replaced(source, target):
    signed_in(target)
    signed_in(source, generation=1)
    assert source.apply(LOGIN, SaveToken(pair(2), after=1, at=2.0))
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    assert target.load(LOGIN).token == pair(2)


def test_a_login_with_an_unconfirmed_refresh_is_not_moved(source, target):
    signed_in(source)
    assert source.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    assert moved(source, target) == {LOGIN: Outcome.UNCONFIRMED}
    assert source.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0)), "the late answer"
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    assert target.load(LOGIN).token == pair(2)


def test_signed_out_logins_stay(source, target):
    signed_in(source)
    source.apply(LOGIN, DeleteToken(1))
    assert moved(source, target) == {LOGIN: Outcome.SIGNED_OUT}
    assert target.list_logins() == []


class Broken(Exception):
    """The power is cut."""


def instead(patch, store, kind, *, fail_with=None, result=False):
    """Let a store raise, or change nothing and return `result`, for one kind of change."""
    real = store.apply

    def apply(login, change):
        if not isinstance(change, kind):
            return real(login, change)
        if fail_with is not None:
            raise fail_with
        return result

    patch.setattr(store, "apply", apply)


def cut_off(source, target, monkeypatch, kind=SetMoved):
    """Move, and be killed before one kind of change."""
    with monkeypatch.context() as patch:
        instead(patch, source if kind is SetMoved else target, kind, fail_with=Broken)
        with pytest.raises(Broken):
            moved(source, target)


@from_every_store
def test_a_token_refreshed_in_the_target_is_not_sent_from_the_source_again(source, target, monkeypatch):
    signed_in(source)
    cut_off(source, target, monkeypatch)
    assert target.apply(LOGIN, BeginRefresh(pending_refresh(1))), "a program uses the new store already"
    assert target.apply(LOGIN, SaveToken(pair(2), after=1, at=2.0))
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    assert not source.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    assert source.load(LOGIN).moved_to == target.address
    assert target.load(LOGIN).token == pair(2)


def test_a_login_signed_out_in_the_target_is_not_brought_back(source, target, monkeypatch):
    signed_in(source)
    cut_off(source, target, monkeypatch)
    target.apply(LOGIN, DeleteToken(1))
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    assert not source.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    assert target.load(LOGIN).token is None


def test_a_move_that_was_cut_off_is_finished_to_no_other_target(source, target, monkeypatch, tmp_path):
    signed_in(source)
    cut_off(source, target, monkeypatch)
    with closing(open_store(f"sqlite:{tmp_path}/another")) as another:
        assert moved(source, another) == {LOGIN: Outcome.ELSEWHERE}
        assert another.load(LOGIN).token is None
    assert not source.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    assert moved(source, target) == {LOGIN: Outcome.MOVED}


@from_every_store
@pytest.mark.parametrize("cut", [False, True])
def test_the_history_moves_too(source, target, monkeypatch, cut):
    signed_in(source)
    assert source.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    assert source.apply(LOGIN, SaveToken(pair(2), after=1, at=2.0))
    before = source.load(LOGIN).history
    if cut:
        cut_off(source, target, monkeypatch, ImportRecord)
    moved(source, target)
    assert target.load(LOGIN).history == before
    assert [(entry.generation, entry.outcome) for entry in before] == [(1, HistoryOutcome.REFRESHED), (2, None)]


def test_an_unreadable_login_is_reported_and_the_others_are_moved(source, target, monkeypatch):
    for login in (LOGIN, *OTHERS):
        signed_in(source, login)
    real = source.load

    def load(login):
        if login == LOGIN:
            raise unreadable("A login's record is damaged")
        return real(login)

    monkeypatch.setattr(source, "load", load)
    assert moved(source, target) == {LOGIN: Outcome.UNREADABLE, **dict.fromkeys(OTHERS, Outcome.MOVED)}


def test_a_store_that_fails_ends_the_move(source, target, monkeypatch):
    def fail(*_):
        raise StoreFailed("the server is gone")

    signed_in(source)
    monkeypatch.setattr(source, "load", fail)
    with pytest.raises(StoreFailed, match="gone"):
        moved(source, target)


@from_every_store
@pytest.mark.parametrize("kind", [ImportRecord, SetMoved])
def test_an_interrupted_move_is_finished_by_the_next(source, target, monkeypatch, kind):
    signed_in(source)
    cut_off(source, target, monkeypatch, kind)
    assert source.load(LOGIN).token == pair(1), "nothing is lost"
    assert not source.apply(LOGIN, BeginRefresh(pending_refresh(1))), "and no program refreshes it meanwhile"
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    assert target.load(LOGIN).token == pair(1)


@pytest.mark.parametrize("kind", [BeginRefresh, SetMoved])
def test_a_login_that_changes_during_the_move_stays_in_the_source(source, target, monkeypatch, kind):
    signed_in(source)
    instead(monkeypatch, source, kind)
    assert moved(source, target) == {LOGIN: Outcome.BUSY}
    assert source.load(LOGIN).token == pair(1)


def test_a_login_that_cannot_be_refreshed_stays_if_the_target_has_a_newer_one(source, target):
    signed_in(source)
    source.apply(LOGIN, SetRefreshable(1, "refused"))
    signed_in(target)
    assert target.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert moved(source, target) == {LOGIN: Outcome.NEWER}
    target.apply(LOGIN, DeleteToken(2))
    assert moved(source, target) == {LOGIN: Outcome.ENDED}, "the target knows a later generation"
    assert source.load(LOGIN).not_refreshable_reason == "refused"


def test_a_target_that_does_not_store_a_record_gets_no_login(source, target, monkeypatch):
    signed_in(source)
    instead(monkeypatch, target, ImportRecord, result=True)
    with pytest.raises(StoreFailed, match="does not hold what was just written"):
        moved(source, target)
    assert source.load(LOGIN).token == pair(1)


def test_a_program_that_refreshes_is_waited_for(source, target, monkeypatch):
    monkeypatch.setattr("traktauth.stores.move.LOCK_TIMEOUT", 0.05)
    signed_in(source)
    with source.lock(LOGIN, 0.0):
        assert moved(source, target) == {LOGIN: Outcome.BUSY}
    monkeypatch.setattr("traktauth.stores.move.LOCK_TIMEOUT", 120.0)
    lock = source.lock(LOGIN, 0.0)
    lock.__enter__()
    timer = threading.Timer(0.05, lambda: lock.__exit__(None, None, None))
    timer.start()
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    timer.join()


def test_one_place_is_not_moved_into_itself(source):
    with pytest.raises(ValueError, match="one place"):
        list(move(source, source))


@pytest.mark.parametrize("interrupted", [False, True])
def test_one_place_under_two_names_is_not_moved_into_itself(tmp_path, monkeypatch, interrupted):
    """As by a bind mount, or by two names of a server; the lock's lease ends while the move waits for it."""
    with closing(open_store(f"sqlite:{tmp_path}/one")) as one, closing(open_store(f"sqlite:{tmp_path}/one")) as other:
        monkeypatch.setattr(type(other), "identity", property(id))
        monkeypatch.setattr(type(other), "lock", lambda *_: nullcontext(enter_result=True))
        signed_in(one)
        if interrupted:
            assert one.apply(LOGIN, BeginRefresh(replace(pending_refresh(1), moving_to=other.address)))
        with pytest.raises(ValueError, match="one place"):
            list(move(one, other))
        record = one.load(LOGIN)
        assert (record.token, record.moved_to, record.pending_refresh) == (pair(1), None, None)


@pytest.mark.parametrize(("kind", "end"), [("file", ".new"), ("file", ".check"), ("sqlite", "-wal")])
def test_logins_are_not_moved_to_a_file_that_the_other_store_replaces(tmp_path, kind, end):
    path = f"{tmp_path}/store"
    with closing(open_store(f"{kind}:{path}")) as one, closing(open_store(f"file:{path}{end}")) as other:
        signed_in(one)
        for pair_of_stores in ((one, other), (other, one)):
            with pytest.raises(ValueError, match="use another name"):
                list(move(*pair_of_stores))
        assert one.load(LOGIN).token == pair(1)


def test_logins_are_moved_to_a_file_with_a_longer_name(tmp_path):
    with closing(open_store(f"file:{tmp_path}/store")) as one, closing(open_store(f"file:{tmp_path}/store.2")) as other:
        signed_in(one)
        assert moved(one, other) == {LOGIN: Outcome.MOVED}
        assert other.load(LOGIN).token == pair(1)


# ---------------------------------------------------------------- there and back
def test_a_login_is_moved_there_and_back_and_there_again(source, target):
    signed_in(source)
    before = source.load(LOGIN)
    for one, other in ((source, target), (target, source), (source, target), (target, source)):
        assert moved(one, other) == {LOGIN: Outcome.MOVED}
        assert (one.load(LOGIN).token, one.load(LOGIN).moved_to) == (None, other.address)
        assert (other.load(LOGIN).token, other.load(LOGIN).moved_to) == (before.token, None)
        assert not one.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    assert source.load(LOGIN) == before
    generations = [entry.generation for entry in source.load(LOGIN).history]
    assert generations == [1], "its history comes back once"
    assert source.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    assert source.apply(LOGIN, SaveToken(pair(2), after=1, at=2.0))
    assert moved(source, target) == {LOGIN: Outcome.MOVED}, "what was renewed since moves too"
    assert [entry.generation for entry in target.load(LOGIN).history] == [1, 2]


def test_a_move_back_that_was_cut_off_is_finished(source, target, monkeypatch):
    signed_in(source)
    moved(source, target)
    for kind in (ImportRecord, SetMoved):
        cut_off(target, source, monkeypatch, kind)
    assert moved(target, source) == {LOGIN: Outcome.MOVED}
    assert source.load(LOGIN).token == pair(1)
    assert target.load(LOGIN).token is None


def test_a_token_that_was_signed_out_since_is_not_brought_back(source, target):
    signed_in(source)
    copy = source.load(LOGIN)
    moved(source, target)
    target.apply(LOGIN, DeleteToken(1))
    assert not target.apply(LOGIN, ImportRecord(copy)), "as from a backup of the source"
    later = replace(pair(3), access_token="signed in again")
    assert source.apply(LOGIN, DeleteToken(1)), "the move is forgotten"
    assert source.apply(LOGIN, SaveToken(later, after=2, at=9.0))
    assert moved(source, target) == {LOGIN: Outcome.MOVED}, "a new sign-in is another token"
    assert target.load(LOGIN).token == later


def test_a_target_that_has_passed_a_newer_token_on_says_so(source, target, tmp_path):
    signed_in(source)
    signed_in(target)
    assert target.apply(LOGIN, SaveToken(pair(2), after=1, at=2.0))
    with closing(open_store(f"sqlite:{tmp_path}/third")) as third:
        assert moved(target, third) == {LOGIN: Outcome.MOVED}
        assert moved(source, target) == {LOGIN: Outcome.MOVED_ON}
        assert source.load(LOGIN).token == pair(1)


def test_a_login_that_trakt_has_refused_is_moved_although_its_refresh_is_still_noted(source, target):
    signed_in(source)
    assert source.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    source.apply(LOGIN, SetRefreshable(1, "Trakt refused its refresh token"))
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    there = target.load(LOGIN)
    assert (there.token, there.refreshable, there.not_refreshable_reason) == (
        pair(1),
        False,
        "Trakt refused its refresh token",
    )
    assert source.load(LOGIN).moved_to == target.address


def test_a_lock_that_is_waited_for_is_announced(source, target, monkeypatch):
    monkeypatch.setattr("traktauth.stores.move._QUIET", 0.05)
    monkeypatch.setattr("traktauth.stores.move.LOCK_TIMEOUT", 30.0)
    signed_in(source)
    lock, told = source.lock(LOGIN, 0.0), []
    assert lock.__enter__()

    def waiting(login, seconds):
        told.append((login, round(seconds, 2)))
        lock.__exit__(None, None, None)

    assert list(move(source, target, waiting=waiting)) == [Moved(LOGIN, Outcome.MOVED)]
    assert told == [(LOGIN, 29.95)]
