"""The right to send and the right to save."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

from traktauth.models import Probe, Sender, app_entry
from traktauth.models.changes import BeginRefresh, CancelRefresh, DeleteToken, SaveToken, SetRefreshable, SwapProbe
from traktauth.stores.base import TokenStore
from traktauth.testing.store_contract.base import LOGIN, OTHERS, THERE, Place, pair, pending_refresh, signed_in

CALLERS = 20


class RefreshContract(Place):
    """The two promises of `TokenStore`."""

    # ------------------------------------------------------------ the right to send
    def test_one_of_twenty_threads_may_send(self, tmp_path: Path) -> None:
        """Exactly one of twenty callers, each with a store of its own, gets each attempt."""
        signed_in(self.open_store(tmp_path))
        stores = [self.open_store(tmp_path) for _ in range(CALLERS)]
        for attempt in (1, 2):
            assert _begin_at_once(stores, attempt) == 1, f"attempt {attempt} is given to exactly one caller"
        for store in stores:
            store.close()

    def test_attempts_begin_in_order(self, tmp_path: Path) -> None:
        """No attempt is left out, and none is given twice."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert not store.apply(LOGIN, BeginRefresh(pending_refresh(1, sending=2))), (
            "the second attempt before the first"
        )
        assert not store.apply(LOGIN, BeginRefresh(pending_refresh(1, sending=0))), "an attempt before the first"
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1, sending=1))), "the first attempt"
        assert not store.apply(LOGIN, BeginRefresh(pending_refresh(1, sending=1))), "the first attempt again"
        assert not store.apply(LOGIN, BeginRefresh(pending_refresh(1, sending=3))), (
            "the third attempt before the second"
        )
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1, sending=2, sender=THERE))), "the second attempt"
        assert store.load(LOGIN).pending_refresh == pending_refresh(1, sending=2, sender=THERE), (
            "the last one stands open"
        )

    def test_only_the_stored_generation_may_be_sent(self, tmp_path: Path) -> None:
        """Neither a passed token nor one that is not there yet may be sent."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0)), "the second token"
        assert not store.apply(LOGIN, BeginRefresh(pending_refresh(1))), "a passed generation"
        assert not store.apply(LOGIN, BeginRefresh(pending_refresh(3))), "a generation that is not there yet"
        assert store.load(LOGIN).pending_refresh is None, "nothing stands open"

    def test_nothing_may_be_sent_where_there_is_nothing_to_send(self, tmp_path: Path) -> None:
        """Never signed in, signed out, or marked as not refreshable."""
        store = self.open_store(tmp_path)
        assert not store.apply(LOGIN, BeginRefresh(pending_refresh(0))), "no token is stored"
        signed_in(store)
        store.apply(LOGIN, SetRefreshable(1, "Trakt refused it"))
        assert not store.apply(LOGIN, BeginRefresh(pending_refresh(1))), "not refreshable"
        store.apply(LOGIN, DeleteToken(1))
        assert not store.apply(LOGIN, BeginRefresh(pending_refresh(1))), "signed out"

    def test_a_cancelled_refresh_leaves_what_stood_before(self, tmp_path: Path) -> None:
        """A first attempt leaves nothing open, a second leaves the first; both can be had again."""
        store = self.open_store(tmp_path)
        token = signed_in(store)
        before = store.load(LOGIN)
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1))), "the first attempt"
        store.apply(LOGIN, CancelRefresh(pending_refresh(1), None))
        assert store.load(LOGIN) == before, "as if it had not begun"
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1, sender=THERE))), "the first attempt can be had again"
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1, sending=2))), "the second attempt"
        store.apply(LOGIN, CancelRefresh(pending_refresh(1, sending=2), pending_refresh(1, sender=THERE)))
        assert store.load(LOGIN) == replace(before, pending_refresh=pending_refresh(1, sender=THERE)), (
            "the first stands open"
        )
        assert store.load(LOGIN).token == token, "the token is untouched"
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1, sending=2))), "the second attempt can be had again"

    def test_a_late_cancel_takes_nothing_back(self, tmp_path: Path) -> None:
        """Who was overtaken by another attempt, or by a new token, cancels neither."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1))), "the first attempt"
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1, sending=2))), "the second attempt"
        store.apply(LOGIN, CancelRefresh(pending_refresh(1), None))
        assert store.load(LOGIN).pending_refresh == pending_refresh(1, sending=2), "the second stands open"
        store.apply(LOGIN, CancelRefresh(pending_refresh(1, sending=2, sender=THERE), None))
        assert store.load(LOGIN).pending_refresh == pending_refresh(1, sending=2), "and no other process can cancel it"
        assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0)), "the second token"
        store.apply(LOGIN, CancelRefresh(pending_refresh(1, sending=2), pending_refresh(1)))
        assert store.load(LOGIN).pending_refresh is None, "the new token has no pending refresh"

    # ------------------------------------------------------------ the right to save
    def test_one_of_twenty_saves_after_one_generation_counts(self, tmp_path: Path) -> None:
        """Compare-and-swap: the token that is stored is the one whose save said so."""
        signed_in(self.open_store(tmp_path))
        stores = [self.open_store(tmp_path) for _ in range(CALLERS)]
        start = Barrier(CALLERS)

        def save(number: int) -> bool:
            start.wait()
            token = replace(pair(2), access_token=f"of-{number}")
            return stores[number].apply(LOGIN, SaveToken(token, after=1, at=1.0))

        with ThreadPoolExecutor(CALLERS) as pool:
            winners = [number for number, saved in enumerate(pool.map(save, range(CALLERS))) if saved]
        assert len(winners) == 1, "exactly one save counts"
        token = self.open_store(tmp_path).load(LOGIN).token
        assert token is not None, "a token is stored"
        assert token.access_token == f"of-{winners[0]}", "and it is the winner's"

    def test_a_save_closes_the_refresh_and_lifts_the_mark(self, tmp_path: Path) -> None:
        """The new token starts with a clean record."""
        store, saved_at = self.open_store(tmp_path), 1_700_000_500.5
        signed_in(store)
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1))), "a refresh"
        store.apply(LOGIN, SetRefreshable(1, "Trakt refused it"))
        assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=saved_at)), "the token of the refresh"
        record = store.load(LOGIN)
        assert (record.generation, record.token) == (2, pair(2)), "the new token"
        assert (record.pending_refresh, record.refreshable, record.not_refreshable_reason) == (None, True, None), (
            "nothing open, no mark"
        )
        assert record.saved_at == saved_at, "and when it was saved"

    def test_a_late_save_is_refused_once_its_generation_is_passed(self, tmp_path: Path) -> None:
        """An older token never replaces a newer one."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1))), "a refresh whose holder is stopped"
        newer = replace(pair(2), access_token="newer")
        assert store.apply(LOGIN, SaveToken(newer, after=1, at=1.0)), "another caller's token"
        assert not store.apply(LOGIN, SaveToken(pair(2), after=1, at=2.0)), "the late token"
        assert not store.apply(LOGIN, SaveToken(pair(9), after=1, at=2.0)), "the late token, whatever its number"
        assert store.load(LOGIN).token == newer, "the newer token stays"

    def test_a_late_holder_saves_while_its_generation_is_the_stored_one(self, tmp_path: Path) -> None:
        """The right to save is decided by the generation alone, also after another attempt began."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1))), "a refresh whose holder is stopped"
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1, sending=2, sender=THERE))), "another attempt"
        assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0)), "the first holder's token"
        assert store.load(LOGIN).token == pair(2), "is stored"

    def test_a_pair_that_is_no_successor_is_refused(self, tmp_path: Path) -> None:
        """The generation only grows."""
        store = self.open_store(tmp_path)
        signed_in(store, generation=1)
        assert not store.apply(LOGIN, SaveToken(pair(1), after=1, at=1.0)), "the same generation"
        assert not store.apply(LOGIN, SaveToken(pair(0), after=1, at=1.0)), "an older generation"
        assert store.load(LOGIN).token == pair(1), "nothing was changed"

    def test_a_save_replaces_an_older_generation_as_the_store_went_back(self, tmp_path: Path) -> None:
        """After a restored backup, the new token is the only one that is not spent."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert store.apply(LOGIN, SaveToken(pair(9), after=8, at=1.0)), "the store holds the first generation only"
        assert store.load(LOGIN).token == pair(9), "the new token"
        assert store.apply(OTHERS[0], SaveToken(pair(9), after=8, at=1.0)), "the store holds nothing at all"
        assert store.load(OTHERS[0]).token == pair(9), "the new token"

    # ------------------------------------------------------------ probes
    def test_a_probe_is_claimed_by_one_of_twenty(self, tmp_path: Path) -> None:
        """Each caller has a store of its own; one replaces the last probe, and all read what it wrote."""
        app = app_entry(LOGIN)
        stores = [self.open_store(tmp_path) for _ in range(CALLERS)]
        before: Probe | None = None
        for round_ in range(2):
            start = Barrier(CALLERS)

            def claim(number: int, start: Barrier = start, before: Probe | None = before, at: int = round_) -> bool:
                start.wait()
                return stores[number].apply(app, SwapProbe(before, Probe(at, "pending", 10.0, failures=number)))

            with ThreadPoolExecutor(CALLERS) as pool:
                winners = [number for number, done in enumerate(pool.map(claim, range(CALLERS))) if done]
            assert len(winners) == 1, "exactly one caller makes the probe"
            before = self.open_store(tmp_path).load(app).probe
            assert before == Probe(round_, "pending", 10.0, failures=winners[0]), "all read the winner's"
        assert self.open_store(tmp_path).load(replace(app, client_id="another-app")).probe is None, "another app's"
        assert self.open_store(tmp_path).list_logins() == [], "a probe is not a login"


def _begin_at_once(stores: list[TokenStore], attempt: int) -> int:
    """Let every store ask for one attempt in the same moment; return how many got it."""
    start = Barrier(len(stores))

    def begin(number: int) -> bool:
        start.wait()
        return stores[number].apply(LOGIN, BeginRefresh(pending_refresh(1, attempt, sender=Sender("here", number))))

    with ThreadPoolExecutor(len(stores)) as pool:
        return sum(pool.map(begin, range(len(stores))))
