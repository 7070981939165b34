# ruff: noqa: S101 - a contract is made of assertions
"""What is kept of a login, for whom, and for how long."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from traktauth.models import Login, Record, Token
from traktauth.testing.places import DIFFICULT, LOGIN, OTHERS, Place, pair, renewal, signed_in

if TYPE_CHECKING:
    from pathlib import Path


class RecordContract(Place):
    """The record, kept whole, apart from others', and for good."""

    def test_an_unknown_login_has_an_empty_record(self, tmp_path: Path) -> None:
        """Nothing is stored by looking."""
        store = self.open_store(tmp_path)
        assert store.load(LOGIN) == Record(), "an empty record"
        assert store.logins() == [], "and no login"

    def test_a_pair_comes_back_as_it_was_saved(self, tmp_path: Path) -> None:
        """Every member, whatever stands in it."""
        store = self.open_store(tmp_path)
        odd = Token(access_token="a\"\\{}%s'", refresh_token=None, token_type="Bearer", scope="ü 猫", generation=1)
        assert store.save(LOGIN, odd, after=0, at=1_700_000_000.25), "the pair is saved"
        assert store.load(LOGIN) == Record(generation=1, token=odd, saved_at=1_700_000_000.25), "it is as it was"

    def test_what_was_done_is_there_for_a_second_store(self, tmp_path: Path) -> None:
        """Durable when the call returns, and seen by who looked before."""
        one, two = self.open_store(tmp_path), self.open_store(tmp_path)
        assert two.load(LOGIN).generation == 0, "nothing yet"
        token = signed_in(one)
        assert two.load(LOGIN).token == token, "saved"
        assert one.begin(LOGIN, renewal(1)), "a renewal"
        assert two.load(LOGIN).renewal == renewal(1), "begun"
        one.cancel(LOGIN, renewal(1), None)
        assert two.load(LOGIN).renewal is None, "cancelled"
        one.mark(LOGIN, 1, "why")
        assert two.load(LOGIN).why_not == "why", "marked"
        one.forget(LOGIN, 1)
        assert self.open_store(tmp_path).load(LOGIN) == two.load(LOGIN) == Record(generation=1), "forgotten"

    def test_a_mark_is_set_and_lifted(self, tmp_path: Path) -> None:
        """It says why, and touches nothing else."""
        store = self.open_store(tmp_path)
        signed_in(store)
        before = store.load(LOGIN)
        store.mark(LOGIN, 1, "Trakt refused its refresh token")
        marked = replace(before, renewable=False, why_not="Trakt refused its refresh token")
        assert store.load(LOGIN) == marked, "marked"
        store.mark(LOGIN, 1, None)
        assert store.load(LOGIN) == before, "as before"

    def test_a_late_mark_or_forget_leaves_the_newer_pair_alone(self, tmp_path: Path) -> None:
        """What was found out about an older pair is no news about the newer one."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert store.save(LOGIN, pair(2), after=1, at=1.0), "the second pair"
        before = store.load(LOGIN)
        store.mark(LOGIN, 1, "too late")
        store.forget(LOGIN, 1)
        assert store.load(LOGIN) == before, "nothing was changed"

    def test_the_generation_grows_over_a_sign_out_and_a_new_sign_in(self, tmp_path: Path) -> None:
        """So that nothing that was begun before the sign-out can be saved after it."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert store.begin(LOGIN, renewal(1)), "a renewal whose holder is stopped"
        store.forget(LOGIN, 1)
        assert not store.save(LOGIN, pair(2), after=1, at=1.0), "the stopped holder brings nothing back"
        left = store.load(LOGIN)
        assert left == Record(generation=left.generation), "the pair is forgotten"
        assert left.generation > 1, "and its number passed, as a renewal of it stood open"
        assert not store.save(LOGIN, pair(1), after=0, at=1.0), "a sign-in starts behind it"
        new = replace(pair(left.generation + 1), access_token="new")
        assert store.save(LOGIN, new, after=left.generation, at=1.0), "the new sign-in"
        assert not store.save(LOGIN, pair(2), after=1, at=2.0), "the stopped holder is too late"
        token = store.load(LOGIN).token
        assert token is not None, "somebody is signed in"
        assert token.access_token == "new", "and it is the new sign-in"

    def test_nobody_is_marked_who_is_not_signed_in(self, tmp_path: Path) -> None:
        """A mark belongs to a pair."""
        store = self.open_store(tmp_path)
        store.mark(LOGIN, 0, "why")
        assert store.load(LOGIN) == Record(), "still empty"

    def test_accounts_apps_and_realms_are_kept_apart(self, tmp_path: Path) -> None:
        """What is done to one login happens to no other."""
        store = self.open_store(tmp_path)
        for number, login in enumerate((LOGIN, *OTHERS), 1):
            signed_in(store, login, generation=number) if number == 1 else store.save(
                login, pair(number), after=0, at=1.0
            )
        assert store.begin(OTHERS[0], renewal(2)), "one login's renewal"
        store.mark(OTHERS[1], 3, "why")
        store.forget(OTHERS[2], 4)
        assert store.load(LOGIN) == Record(generation=1, token=pair(1), saved_at=1_700_000_000.125), "untouched"
        assert store.load(OTHERS[0]).renewal == renewal(2), "its own renewal"
        assert store.load(OTHERS[1]).why_not == "why", "its own mark"
        assert store.load(OTHERS[2]).token is None, "its own sign-out"

    def test_every_login_is_listed_once_in_order(self, tmp_path: Path) -> None:
        """Also one that has signed out, as its generation is kept."""
        store = self.open_store(tmp_path)
        for login in (OTHERS[0], LOGIN, OTHERS[2], OTHERS[1]):
            signed_in(store, login)
        assert store.save(LOGIN, pair(2), after=1, at=1.0), "a renewal"
        store.forget(OTHERS[2], 1)
        assert store.logins() == sorted([LOGIN, *OTHERS]), "in order"

    def test_difficult_names_are_kept_apart(self, tmp_path: Path) -> None:
        """Whatever a person calls an account: letters, signs, length."""
        store = self.open_store(tmp_path)
        logins = [Login("https://host.example:8712", 'app"\\', name) for name in DIFFICULT]
        tokens = {login: replace(pair(1), access_token=f"of-{n}") for n, login in enumerate(logins)}
        for login, token in tokens.items():
            assert store.save(login, token, after=0, at=1.0), f"saved for {login.account!r}"
        for login, token in tokens.items():
            assert store.load(login).token == token, f"kept for {login.account!r}"
            with store.exclusive(login, 0.0) as held:
                assert held, f"locked for {login.account!r}"
            assert store.begin(login, renewal(1)), f"begun for {login.account!r}"
            assert store.save(login, replace(token, generation=2), after=1, at=2.0), f"renewed for {login.account!r}"
        assert set(self.open_store(tmp_path).logins()) == set(logins), "all of them, for a second store too"

    def test_a_check_shows_that_a_record_could_be_saved_and_leaves_nothing(self, tmp_path: Path) -> None:
        """Before a sign-in, and with logins there."""
        store = self.open_store(tmp_path)
        store.check()
        assert store.logins() == [], "nothing was stored"
        token = signed_in(store)
        store.check()
        assert store.load(LOGIN).token == token, "nothing was changed"

    def test_two_stores_over_one_place_are_known_as_one(self, tmp_path: Path) -> None:
        """Callers of one process share a wait by it; the address shows where that is."""
        one, two = self.open_store(tmp_path), self.open_store(tmp_path)
        assert one.identity == two.identity, "one place"
        assert hash(one.identity) == hash(two.identity), "that can stand in a dict"
        assert one.address == two.address != "", "with an address"
        other = tmp_path / "another"
        other.mkdir()
        assert self.open_store(other).identity != one.identity, "another place is another"

    def test_what_is_peeked_is_what_is_loaded(self, tmp_path: Path) -> None:
        """A quick look, where a store offers one, never shows anything older."""
        one, two = self.open_store(tmp_path), self.open_store(tmp_path)
        for generation in range(1, 6):
            assert one.save(LOGIN, pair(generation), after=generation - 1, at=1.0), "a pair"
            for store in (one, two):
                loaded, peeked = store.load(LOGIN), store.peek(LOGIN)
                assert peeked is None or peeked == loaded, "a look is no older than a load"
                assert loaded.token == pair(generation), "and a load is the newest"
