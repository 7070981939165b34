"""Logins brought from one store into another."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace

import pytest

from traktauth import App, LoginRequired, Trakt
from traktauth.errors import StoreFailed
from traktauth.models import Login
from traktauth.stores.addresses import open_store
from traktauth.stores.memory import MemoryStore
from traktauth.stores.moving import Moved, Outcome, move
from traktauth.stores.unreadable import unreadable
from traktauth.testing.places import LOGIN, OTHERS, pair, renewal, signed_in

KINDS = ["file", "sqlite", "sealed+sqlite", "redis", "postgres"]


@pytest.fixture(params=KINDS)
def source(request, tmp_path, monkeypatch):
    monkeypatch.setenv("TRAKTAUTH_SEAL_KEY", "k" * 43)
    kind = request.param
    address = (
        request.getfixturevalue(f"{kind}_address") if kind in {"redis", "postgres"} else f"{kind}:{tmp_path}/source"
    )
    with closing(open_store(address)) as store:
        yield store


@pytest.fixture
def target(tmp_path):
    with closing(open_store(f"sqlite:{tmp_path}/target")) as store:
        yield store


def moved(source, target):
    return {one.login: one.outcome for one in move(source, target)}


def test_every_login_lies_in_the_target_afterwards(source, target):
    for number, login in enumerate((LOGIN, *OTHERS), 1):
        signed_in(source, login, generation=1)
        for generation in range(2, number + 1):
            assert source.save(login, pair(generation), after=generation - 1, at=5.0)
    assert moved(source, target) == dict.fromkeys((LOGIN, *OTHERS), Outcome.MOVED)
    for number, login in enumerate((LOGIN, *OTHERS), 1):
        record = target.load(login)
        assert (record.token, record.generation, record.renewal) == (pair(number), number, None)
    assert target.load(OTHERS[0]).saved_at == 5.0


def test_the_source_keeps_no_pair_and_says_where_it_is(source, target):
    signed_in(source)
    moved(source, target)
    record = source.load(LOGIN)
    assert (record.token, record.generation, record.moved) == (None, 1, target.address)
    assert not source.begin(LOGIN, renewal(1))
    assert moved(source, target) == {LOGIN: Outcome.ALREADY}


def test_a_program_that_still_uses_the_source_is_told_and_renews_nothing(source, target):
    app = App("app", client_secret="s")
    login = Login("http://127.0.0.1:1", "app", "default")
    signed_in(source, login)
    with Trakt(app, service="http://127.0.0.1:1", store=source) as trakt:
        moved(source, target)
        for verb in (trakt.token, trakt.refresh):
            with pytest.raises(LoginRequired, match="was moved to") as caught:
                verb()
            assert caught.value.reason == "moved"
            assert target.address in caught.value.hint


def test_a_new_sign_in_at_the_source_counts_again(source, target):
    signed_in(source)
    moved(source, target)
    signed_in(source, generation=2)
    assert source.load(LOGIN).moved is None
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    assert target.load(LOGIN).token == pair(2)


def test_a_newer_pair_in_the_target_is_never_replaced(source, target):
    signed_in(source)
    assert target.save(LOGIN, pair(2), after=0, at=1.0)
    before = target.load(LOGIN)
    assert moved(source, target) == {LOGIN: Outcome.NEWER}
    assert target.load(LOGIN) == before
    assert source.load(LOGIN).token == pair(1)
    assert source.begin(LOGIN, renewal(1)), "the source goes on as before"


def test_another_pair_of_the_same_generation_is_not_replaced(source, target):
    signed_in(source)
    assert target.save(LOGIN, replace(pair(1), access_token="another"), after=0, at=1.0)
    assert moved(source, target) == {LOGIN: Outcome.NEWER}


def test_a_pair_is_not_brought_back_to_where_somebody_signed_out(source, target):
    signed_in(source)
    signed_in(target)
    target.forget(LOGIN, 1)
    assert moved(source, target) == {LOGIN: Outcome.NEWER}


def test_an_older_pair_in_the_target_is_replaced(source, target):
    signed_in(target)
    signed_in(source, generation=1)
    assert source.save(LOGIN, pair(2), after=1, at=2.0)
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    assert target.load(LOGIN).token == pair(2)


def test_an_unconfirmed_renewal_stays_where_its_answer_may_come(source, target):
    signed_in(source)
    assert source.begin(LOGIN, renewal(1))
    assert moved(source, target) == {LOGIN: Outcome.UNCONFIRMED}
    assert source.save(LOGIN, pair(2), after=1, at=1.0), "the late answer"
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    assert target.load(LOGIN).token == pair(2)


def test_a_mark_moves_too(source, target):
    signed_in(source)
    source.mark(LOGIN, 1, "Trakt refused it")
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    assert (target.load(LOGIN).renewable, target.load(LOGIN).why_not) == (False, "Trakt refused it")


def test_signed_out_logins_stay(source, target):
    signed_in(source)
    source.forget(LOGIN, 1)
    assert moved(source, target) == {LOGIN: Outcome.SIGNED_OUT}
    assert target.logins() == []


class Broken(Exception):
    """The power is cut."""


def cut_off(source, target, monkeypatch, verb="hand_over"):
    """Move, and be killed before *verb*."""
    broken = source if verb == "hand_over" else target

    def cut(*_, **__):
        raise Broken

    with monkeypatch.context() as patch:
        patch.setattr(broken, verb, cut, raising=False)
        with pytest.raises(Broken):
            moved(source, target)


def test_what_the_target_has_renewed_since_is_never_sent_from_the_source_again(source, target, monkeypatch):
    signed_in(source)
    cut_off(source, target, monkeypatch)
    assert target.begin(LOGIN, renewal(1)), "a program uses the new store already"
    assert target.save(LOGIN, pair(2), after=1, at=2.0)
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    assert not source.begin(LOGIN, renewal(1))
    assert source.load(LOGIN).moved == target.address
    assert target.load(LOGIN).token == pair(2)


def test_nor_what_was_signed_out_there(source, target, monkeypatch):
    signed_in(source)
    cut_off(source, target, monkeypatch)
    target.forget(LOGIN, 1)
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    assert not source.begin(LOGIN, renewal(1))
    assert target.load(LOGIN).token is None


def test_a_move_that_was_cut_off_is_finished_to_no_other_target(source, target, monkeypatch, tmp_path):
    signed_in(source)
    cut_off(source, target, monkeypatch)
    with closing(open_store(f"sqlite:{tmp_path}/another")) as another:
        assert moved(source, another) == {LOGIN: Outcome.ELSEWHERE}
        assert another.load(LOGIN).token is None
    assert not source.begin(LOGIN, renewal(1))
    assert moved(source, target) == {LOGIN: Outcome.MOVED}


@pytest.mark.parametrize("cut", [False, True])
def test_the_trail_moves_too(source, target, monkeypatch, cut):
    signed_in(source)
    assert source.begin(LOGIN, renewal(1))
    assert source.save(LOGIN, pair(2), after=1, at=2.0)
    before = source.load(LOGIN).trail
    if cut:
        cut_off(source, target, monkeypatch, verb="take_over")
    moved(source, target)
    assert target.load(LOGIN).trail == before
    assert [(trace.generation, trace.ended) for trace in before] == [(1, "renewed"), (2, None)]


@pytest.mark.parametrize("why", [None, "refused"])
def test_a_store_that_says_nothing_of_it_takes_over_the_pair_and_its_mark(source, why):
    signed_in(source)
    source.mark(LOGIN, 1, why)
    plain = MemoryStore()
    assert plain.take_over(LOGIN, source.load(LOGIN))
    assert (plain.load(LOGIN).token, plain.load(LOGIN).why_not) == (pair(1), why)
    assert not plain.take_over(LOGIN, source.load(LOGIN)), "it knows that generation"


def test_what_cannot_be_read_is_told_and_the_others_are_moved(source, target, monkeypatch):
    for login in (LOGIN, *OTHERS):
        signed_in(source, login)
    real = source.load

    def load(login):
        if login == LOGIN:
            raise unreadable("A login's record is damaged")
        return real(login)

    monkeypatch.setattr(source, "load", load)
    assert moved(source, target) == {LOGIN: Outcome.UNREADABLE, **dict.fromkeys(OTHERS, Outcome.MOVED)}


def test_a_store_that_fails_altogether_ends_the_run(source, target, monkeypatch):
    def fail(*_):
        raise StoreFailed("the server is gone")

    signed_in(source)
    monkeypatch.setattr(source, "load", fail)
    with pytest.raises(StoreFailed, match="gone"):
        moved(source, target)


@pytest.mark.parametrize("verb", ["take_over", "hand_over"])
def test_the_next_run_finishes(source, target, monkeypatch, verb):
    signed_in(source)
    broken = target if verb == "take_over" else source
    real = getattr(broken, verb)

    def cut(*_, **__):
        raise Broken

    monkeypatch.setattr(broken, verb, cut, raising=False)
    with pytest.raises(Broken):
        moved(source, target)
    assert source.load(LOGIN).token == pair(1), "nothing is lost"
    assert not source.begin(LOGIN, renewal(1)), "and nobody renews it meanwhile"
    monkeypatch.setattr(broken, verb, real, raising=False)
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    assert target.load(LOGIN).token == pair(1)


@pytest.mark.parametrize("verb", ["begin", "hand_over"])
def test_who_is_faster_at_the_source_keeps_it_there(source, target, monkeypatch, verb):
    signed_in(source)
    monkeypatch.setattr(source, verb, lambda *_: False)
    assert moved(source, target) == {LOGIN: Outcome.BUSY}
    assert source.load(LOGIN).token == pair(1)


def test_a_pair_without_the_right_to_renew_is_moved_with_its_reason_or_left_where_a_newer_one_is(source, target):
    signed_in(source)
    source.mark(LOGIN, 1, "refused")
    signed_in(target)
    assert target.save(LOGIN, pair(2), after=1, at=1.0)
    assert moved(source, target) == {LOGIN: Outcome.NEWER}
    target.forget(LOGIN, 2)
    assert moved(source, target) == {LOGIN: Outcome.NEWER}, "the target knows a later generation"
    assert source.load(LOGIN).why_not == "refused"


def test_a_target_that_does_not_keep_what_it_was_given_gets_no_login(source, target, monkeypatch):
    signed_in(source)
    monkeypatch.setattr(target, "take_over", lambda *_: True)
    with pytest.raises(StoreFailed, match="does not hold what was just written"):
        moved(source, target)
    assert source.load(LOGIN).token == pair(1)


def test_somebody_who_renews_is_waited_for(source, target, monkeypatch):
    monkeypatch.setattr("traktauth.stores.moving._PATIENCE", 0.05)
    signed_in(source)
    with source.exclusive(LOGIN, 0.0):
        assert moved(source, target) == {LOGIN: Outcome.BUSY}
    monkeypatch.setattr("traktauth.stores.moving._PATIENCE", 10.0)
    lock = source.exclusive(LOGIN, 0.0)
    lock.__enter__()
    timer = threading.Timer(0.1, lambda: lock.__exit__(None, None, None))
    timer.start()
    assert moved(source, target) == {LOGIN: Outcome.MOVED}
    timer.join()


def test_each_login_is_told_when_it_is_settled(source, target):
    signed_in(source)
    signed_in(source, OTHERS[0])
    moving = move(source, target)
    assert next(moving) == Moved(LOGIN, Outcome.MOVED)
    assert target.logins() == [LOGIN]
    moving.close()


def test_one_place_is_not_moved_into_itself(source):
    with pytest.raises(ValueError, match="one place"):
        list(move(source, source))


def test_a_store_that_cannot_note_it_is_left_alone(target):
    class Simple(MemoryStore):
        hand_over = MemoryStore.__mro__[1].hand_over

    simple = Simple()
    signed_in(simple)
    with pytest.raises(StoreFailed, match="cannot note"):
        list(move(simple, target))
    assert target.logins() == []
    assert simple.load(LOGIN).renewal is None
