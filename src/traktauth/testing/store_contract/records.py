"""What is kept of a login, for whom, and for how long."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey, Record, Token
from traktauth.models.changes import BeginRefresh, CancelRefresh, DeleteToken, Erase, SaveToken, SetRefreshable
from traktauth.testing.store_contract.base import DIFFICULT, LOGIN, OTHERS, Place, pair, pending_refresh, signed_in


class RecordContract(Place):
    """The record, kept whole, apart from others', and for good."""

    def test_an_unknown_login_has_an_empty_record(self, tmp_path: Path) -> None:
        """Nothing is stored by looking."""
        store = self.open_store(tmp_path)
        assert store.load(LOGIN) == Record(), "an empty record"
        assert store.list_logins() == [], "and no login"

    def test_a_pair_comes_back_as_it_was_saved(self, tmp_path: Path) -> None:
        """Every member, whatever stands in it."""
        store = self.open_store(tmp_path)
        odd = Token(access_token="a\"\\{}%s'", refresh_token=None, token_type="Bearer", scope="ü 猫", generation=1)
        assert store.apply(LOGIN, SaveToken(odd, after=0, at=1_700_000_000.25)), "the token is saved"
        assert store.load(LOGIN) == Record(generation=1, token=odd, saved_at=1_700_000_000.25), "it is as it was"

    def test_what_was_done_is_there_for_a_second_store(self, tmp_path: Path) -> None:
        """Durable when the call returns, and seen by who looked before."""
        one, two = self.open_store(tmp_path), self.open_store(tmp_path)
        assert two.load(LOGIN).generation == 0, "nothing yet"
        token = signed_in(one)
        assert two.load(LOGIN).token == token, "saved"
        assert one.apply(LOGIN, BeginRefresh(pending_refresh(1))), "a refresh"
        assert two.load(LOGIN).pending_refresh == pending_refresh(1), "begun"
        one.apply(LOGIN, CancelRefresh(pending_refresh(1), None))
        assert two.load(LOGIN).pending_refresh is None, "cancelled"
        one.apply(LOGIN, SetRefreshable(1, "why"))
        assert two.load(LOGIN).not_refreshable_reason == "why", "marked"
        one.apply(LOGIN, DeleteToken(1))
        assert self.open_store(tmp_path).load(LOGIN) == two.load(LOGIN) == Record(generation=2), "forgotten"

    def test_an_erased_login_leaves_no_name_and_takes_no_late_token(self, tmp_path: Path) -> None:
        """Only a digest stays, with the generation; a store that cannot erase says so."""
        store = self.open_store(tmp_path)
        token = signed_in(store)
        try:
            assert not store.apply(LOGIN, Erase()), "a login with a token is not erased"
        except StoreFailed:
            return
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1))), "a refresh that is slow"
        store.apply(LOGIN, DeleteToken(1))
        generation = store.load(LOGIN).generation
        assert store.apply(LOGIN, Erase()), "erased"
        assert not store.apply(LOGIN, Erase()), "once"
        other = self.open_store(tmp_path)
        assert other.list_logins() == store.list_logins() == [], "no login is listed"
        assert other.load(LOGIN) == Record(generation=generation), "no history, but the number"
        late = replace(token, generation=2)
        assert not other.apply(LOGIN, SaveToken(late, after=1, at=9.0)), "the slow refresh comes too late"
        assert other.load(LOGIN).token is None, "and is not saved"
        again = replace(token, generation=generation + 1)
        assert store.apply(LOGIN, SaveToken(again, after=generation, at=10.0)), "a new sign-in is"
        assert other.load(LOGIN).token == again, "saved"
        assert other.list_logins() == [LOGIN], "under its name"

    def test_a_mark_is_set_and_lifted(self, tmp_path: Path) -> None:
        """It says why, and touches nothing else."""
        store = self.open_store(tmp_path)
        signed_in(store)
        before = store.load(LOGIN)
        store.apply(LOGIN, SetRefreshable(1, "Trakt refused its refresh token"))
        marked = replace(before, refreshable=False, not_refreshable_reason="Trakt refused its refresh token")
        assert store.load(LOGIN) == marked, "marked"
        store.apply(LOGIN, SetRefreshable(1, None))
        assert store.load(LOGIN) == before, "as before"

    def test_a_late_mark_or_forget_leaves_the_newer_pair_alone(self, tmp_path: Path) -> None:
        """What was found about an older token says nothing about the newer one."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0)), "the second token"
        before = store.load(LOGIN)
        store.apply(LOGIN, SetRefreshable(1, "too late"))
        store.apply(LOGIN, DeleteToken(1))
        assert store.load(LOGIN) == before, "nothing was changed"

    def test_the_generation_grows_over_a_sign_out_and_a_new_sign_in(self, tmp_path: Path) -> None:
        """So that nothing that was begun before the sign-out can be saved after it."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1))), "a refresh whose holder is stopped"
        store.apply(LOGIN, DeleteToken(1))
        assert not store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0)), "the stopped holder brings nothing back"
        left = store.load(LOGIN)
        assert left == Record(generation=left.generation), "the token is forgotten"
        assert left.generation > 1, "and its number passed"
        assert not store.apply(LOGIN, SaveToken(pair(1), after=0, at=1.0)), "a sign-in starts behind it"
        new = replace(pair(left.generation + 1), access_token="new")
        assert store.apply(LOGIN, SaveToken(new, after=left.generation, at=1.0)), "the new sign-in"
        assert not store.apply(LOGIN, SaveToken(pair(2), after=1, at=2.0)), "the stopped holder is too late"
        token = store.load(LOGIN).token
        assert token is not None, "a token is stored"
        assert token.access_token == "new", "and it is the new sign-in"

    def test_a_login_without_a_token_is_not_marked(self, tmp_path: Path) -> None:
        """A mark belongs to a token."""
        store = self.open_store(tmp_path)
        store.apply(LOGIN, SetRefreshable(0, "why"))
        assert store.load(LOGIN) == Record(), "still empty"

    def test_accounts_apps_and_realms_are_kept_apart(self, tmp_path: Path) -> None:
        """A change of one login changes no other."""
        store = self.open_store(tmp_path)
        for number, login in enumerate((LOGIN, *OTHERS), 1):
            signed_in(store, login, generation=number) if number == 1 else store.apply(
                login, SaveToken(pair(number), after=0, at=1.0)
            )
        assert store.apply(OTHERS[0], BeginRefresh(pending_refresh(2))), "one login's refresh"
        store.apply(OTHERS[1], SetRefreshable(3, "why"))
        store.apply(OTHERS[2], DeleteToken(4))
        assert store.load(LOGIN) == Record(generation=1, token=pair(1), saved_at=1_700_000_000.125), "untouched"
        assert store.load(OTHERS[0]).pending_refresh == pending_refresh(2), "its own refresh"
        assert store.load(OTHERS[1]).not_refreshable_reason == "why", "its own mark"
        assert store.load(OTHERS[2]).token is None, "its own sign-out"

    def test_every_login_is_listed_once_in_order(self, tmp_path: Path) -> None:
        """Also one that has signed out, as its generation is kept."""
        store = self.open_store(tmp_path)
        for login in (OTHERS[0], LOGIN, OTHERS[2], OTHERS[1]):
            signed_in(store, login)
        assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0)), "a refresh"
        store.apply(OTHERS[2], DeleteToken(1))
        assert store.list_logins() == sorted([LOGIN, *OTHERS]), "in order"

    def test_difficult_names_are_kept_apart(self, tmp_path: Path) -> None:
        """Whatever a user calls an account: letters, signs, length."""
        store = self.open_store(tmp_path)
        logins = [LoginKey("https://host.example:8712", 'app"\\', name) for name in DIFFICULT]
        tokens = {login: replace(pair(1), access_token=f"of-{n}") for n, login in enumerate(logins)}
        for login, token in tokens.items():
            assert store.apply(login, SaveToken(token, after=0, at=1.0)), f"saved for {login.account!r}"
        for login, token in tokens.items():
            assert store.load(login).token == token, f"kept for {login.account!r}"
            with store.lock(login, 0.0) as held:
                assert held, f"locked for {login.account!r}"
            assert store.apply(login, BeginRefresh(pending_refresh(1))), f"begun for {login.account!r}"
            assert store.apply(login, SaveToken(replace(token, generation=2), after=1, at=2.0)), (
                f"refreshed for {login.account!r}"
            )
        assert set(self.open_store(tmp_path).list_logins()) == set(logins), "all of them, for a second store too"

    def test_a_check_shows_that_a_record_could_be_saved_and_leaves_nothing(self, tmp_path: Path) -> None:
        """Before a sign-in, and with logins there."""
        store = self.open_store(tmp_path)
        store.check_writable()
        assert store.list_logins() == [], "nothing was stored"
        token = signed_in(store)
        store.check_writable()
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
            assert one.apply(LOGIN, SaveToken(pair(generation), after=generation - 1, at=1.0)), "a token"
            for store in (one, two):
                loaded, peeked = store.load(LOGIN), store.peek(LOGIN)
                assert peeked is None or peeked == loaded, "a peek is not older than a load"
                assert loaded.token == pair(generation), "and a load is the newest"
