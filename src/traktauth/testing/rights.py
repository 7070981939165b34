# ruff: noqa: S101 - a contract is made of assertions
"""The right to send and the right to save."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TYPE_CHECKING

from traktauth.testing.places import LOGIN, Place, pair, renewal, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from traktauth.stores.base import TokenStore

CALLERS = 20


class RightsContract(Place):
    """The two promises of `TokenStore`."""

    # ------------------------------------------------------------ the right to send
    def test_the_right_to_send_is_given_once_among_twenty_threads(self, tmp_path: Path) -> None:
        """Exactly one of twenty callers, each with a store of its own, gets each attempt."""
        signed_in(self.open_store(tmp_path))
        stores = [self.open_store(tmp_path) for _ in range(CALLERS)]
        for attempt in (1, 2):
            assert _begun_by(stores, attempt) == 1, f"attempt {attempt} is given to exactly one caller"
        for store in stores:
            store.close()

    def test_an_attempt_is_given_only_after_the_one_before(self, tmp_path: Path) -> None:
        """No attempt is left out, and none is given twice."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert not store.begin(LOGIN, renewal(1, attempt=2)), "the second attempt before the first"
        assert not store.begin(LOGIN, renewal(1, attempt=0)), "an attempt before the first"
        assert store.begin(LOGIN, renewal(1, attempt=1)), "the first attempt"
        assert not store.begin(LOGIN, renewal(1, attempt=1)), "the first attempt again"
        assert not store.begin(LOGIN, renewal(1, attempt=3)), "the third attempt before the second"
        assert store.begin(LOGIN, renewal(1, attempt=2, by="there:2")), "the second attempt"
        assert store.load(LOGIN).renewal == renewal(1, attempt=2, by="there:2"), "the last one stands open"

    def test_the_right_to_send_is_given_for_the_stored_generation_alone(self, tmp_path: Path) -> None:
        """Neither a passed pair nor one that is not there yet may be sent."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert store.save(LOGIN, pair(2), after=1, at=1.0), "the second pair"
        assert not store.begin(LOGIN, renewal(1)), "a passed generation"
        assert not store.begin(LOGIN, renewal(3)), "a generation that is not there yet"
        assert store.load(LOGIN).renewal is None, "nothing stands open"

    def test_nothing_may_be_sent_where_there_is_nothing_to_send(self, tmp_path: Path) -> None:
        """Nobody signed in, signed out, or marked as not renewable."""
        store = self.open_store(tmp_path)
        assert not store.begin(LOGIN, renewal(0)), "nobody is signed in"
        signed_in(store)
        store.mark(LOGIN, 1, "Trakt refused it")
        assert not store.begin(LOGIN, renewal(1)), "not renewable"
        store.forget(LOGIN, 1)
        assert not store.begin(LOGIN, renewal(1)), "signed out"

    def test_a_cancelled_renewal_leaves_what_stood_before(self, tmp_path: Path) -> None:
        """A first attempt leaves nothing open, a second leaves the first; both can be had again."""
        store = self.open_store(tmp_path)
        token = signed_in(store)
        before = store.load(LOGIN)
        assert store.begin(LOGIN, renewal(1)), "the first attempt"
        store.cancel(LOGIN, renewal(1), None)
        assert store.load(LOGIN) == before, "as if it had not begun"
        assert store.begin(LOGIN, renewal(1, by="there:2")), "the first attempt can be had again"
        assert store.begin(LOGIN, renewal(1, attempt=2)), "the second attempt"
        store.cancel(LOGIN, renewal(1, attempt=2), renewal(1, by="there:2"))
        assert store.load(LOGIN) == replace(before, renewal=renewal(1, by="there:2")), "the first stands open"
        assert store.load(LOGIN).token == token, "the pair is untouched"
        assert store.begin(LOGIN, renewal(1, attempt=2)), "the second attempt can be had again"

    def test_a_late_cancel_takes_nothing_back(self, tmp_path: Path) -> None:
        """Who was overtaken by another attempt, or by a new pair, cancels neither."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert store.begin(LOGIN, renewal(1)), "the first attempt"
        assert store.begin(LOGIN, renewal(1, attempt=2)), "the second attempt"
        store.cancel(LOGIN, renewal(1), None)
        assert store.load(LOGIN).renewal == renewal(1, attempt=2), "the second stands open"
        assert store.save(LOGIN, pair(2), after=1, at=1.0), "the second pair"
        store.cancel(LOGIN, renewal(1, attempt=2), renewal(1))
        assert store.load(LOGIN).renewal is None, "the new pair has no open renewal"

    # ------------------------------------------------------------ the right to save
    def test_one_of_twenty_saves_after_one_generation_counts(self, tmp_path: Path) -> None:
        """Compare-and-swap: the pair that is stored is the one whose save said so."""
        signed_in(self.open_store(tmp_path))
        stores = [self.open_store(tmp_path) for _ in range(CALLERS)]
        start = Barrier(CALLERS)

        def save(number: int) -> bool:
            start.wait()
            token = replace(pair(2), access_token=f"of-{number}")
            return stores[number].save(LOGIN, token, after=1, at=1.0)

        with ThreadPoolExecutor(CALLERS) as pool:
            winners = [number for number, saved in enumerate(pool.map(save, range(CALLERS))) if saved]
        assert len(winners) == 1, "exactly one save counts"
        token = self.open_store(tmp_path).load(LOGIN).token
        assert token is not None, "a pair is stored"
        assert token.access_token == f"of-{winners[0]}", "and it is the winner's"

    def test_a_save_closes_the_renewal_and_lifts_the_mark(self, tmp_path: Path) -> None:
        """The new pair starts with a clean record."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert store.begin(LOGIN, renewal(1)), "a renewal"
        store.mark(LOGIN, 1, "Trakt refused it")
        assert store.save(LOGIN, pair(2), after=1, at=1_700_000_500.5), "the pair of the renewal"
        record = store.load(LOGIN)
        assert (record.generation, record.token) == (2, pair(2)), "the new pair"
        assert (record.renewal, record.renewable, record.why_not) == (None, True, None), "nothing open, no mark"
        assert record.saved_at == 1_700_000_500.5, "and when it was saved"  # noqa: PLR2004 - as given above

    def test_a_late_save_is_refused_once_its_generation_is_passed(self, tmp_path: Path) -> None:
        """An older pair never replaces a newer one."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert store.begin(LOGIN, renewal(1)), "a renewal whose holder is stopped"
        newer = replace(pair(2), access_token="newer")
        assert store.save(LOGIN, newer, after=1, at=1.0), "somebody else's pair"
        assert not store.save(LOGIN, pair(2), after=1, at=2.0), "the late pair"
        assert not store.save(LOGIN, pair(9), after=1, at=2.0), "the late pair, whatever its number"
        assert store.load(LOGIN).token == newer, "the newer pair stays"

    def test_a_late_holder_saves_while_its_generation_is_the_stored_one(self, tmp_path: Path) -> None:
        """The right to save is decided by the generation alone, whoever has begun another attempt since."""
        store = self.open_store(tmp_path)
        signed_in(store)
        assert store.begin(LOGIN, renewal(1)), "a renewal whose holder is stopped"
        assert store.begin(LOGIN, renewal(1, attempt=2, by="there:2")), "another attempt"
        assert store.save(LOGIN, pair(2), after=1, at=1.0), "the first holder's pair"
        assert store.load(LOGIN).token == pair(2), "is stored"

    def test_a_pair_that_is_no_successor_is_refused(self, tmp_path: Path) -> None:
        """The generation only grows."""
        store = self.open_store(tmp_path)
        signed_in(store, generation=1)
        assert not store.save(LOGIN, pair(1), after=1, at=1.0), "the same generation"
        assert not store.save(LOGIN, pair(0), after=1, at=1.0), "an older generation"
        assert not store.save(LOGIN, pair(9), after=8, at=1.0), "after a generation that was never there"
        assert store.load(LOGIN).token == pair(1), "nothing was changed"


def _begun_by(stores: list[TokenStore], attempt: int) -> int:
    """Let every store ask for one attempt in the same moment; return how many got it."""
    start = Barrier(len(stores))

    def begin(number: int) -> bool:
        start.wait()
        return stores[number].begin(LOGIN, renewal(1, attempt, by=f"here:{number}"))

    with ThreadPoolExecutor(len(stores)) as pool:
        return sum(pool.map(begin, range(len(stores))))
