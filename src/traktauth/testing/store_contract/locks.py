"""The lock of a login."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event, Thread

from traktauth.testing.store_contract.base import LOGIN, OTHERS, Place, signed_in

# Seconds: a timeout that is over soon, and a limit for what never ends, which no busy machine reaches.
SOON = 0.1
IN_TIME = 60.0


class LockContract(Place):
    """`TokenStore.lock`."""

    def test_the_lock_excludes_another_store_over_the_same_place(self, tmp_path: Path) -> None:
        """One caller holds it, in this store object and any other."""
        one, two = self.open_store(tmp_path), self.open_store(tmp_path)
        with one.lock(LOGIN, 0.0) as held:
            assert held, "a free lock is given at once"
            for store in (one, two):
                with store.lock(LOGIN, 0.0) as again:
                    assert not again, "a held lock is not given again"
        with two.lock(LOGIN, 0.0) as held:
            assert held, "it is free again"

    def test_a_timeout_is_kept_and_ends(self, tmp_path: Path) -> None:
        """Who waits in vain waits as long as they said, and not for ever."""
        one, two = self.open_store(tmp_path), self.open_store(tmp_path)
        with one.lock(LOGIN, 0.0):
            began = time.monotonic()
            with two.lock(LOGIN, SOON) as held:
                waited = time.monotonic() - began
                assert not held, "the lock is held by another"
        assert SOON * 0.9 <= waited < IN_TIME, f"waited {waited:.2f} s for a timeout of {SOON} s"

    def test_who_waits_gets_the_lock_when_it_is_released(self, tmp_path: Path) -> None:
        """A waiter need not wait out its timeout."""
        one, two = self.open_store(tmp_path), self.open_store(tmp_path)
        waiting, got = Event(), list[bool]()

        def wait() -> None:
            waiting.set()
            with two.lock(LOGIN, 60.0) as held:
                got.append(held)

        thread = Thread(target=wait)
        with one.lock(LOGIN, 0.0):
            thread.start()
            waiting.wait(IN_TIME)
            time.sleep(SOON)
            assert not got, "a held lock is not given"
        thread.join(IN_TIME)
        assert got == [True], "the waiter has it now"

    def test_an_error_releases_the_lock(self, tmp_path: Path) -> None:
        """Also KeyboardInterrupt, and the error goes on."""
        store = self.open_store(tmp_path)
        for error in (ValueError("broken"), KeyboardInterrupt()):
            raised: BaseException | None = None
            try:
                with store.lock(LOGIN, 0.0):
                    raise error  # noqa: TRY301 - it must come from inside
            except BaseException as caught:  # noqa: BLE001 - looked at below
                raised = caught
            assert raised is error, "the error goes on"
            with store.lock(LOGIN, 0.0) as held:
                assert held, f"free after {type(error).__name__}"

    def test_other_logins_have_locks_of_their_own(self, tmp_path: Path) -> None:
        """Another account, app or realm is not kept waiting."""
        store = self.open_store(tmp_path)
        with store.lock(LOGIN, 0.0):
            for other in OTHERS:
                with store.lock(other, 0.0) as held:
                    assert held, f"{other} is free"

    def test_the_record_can_be_read_and_written_while_the_lock_is_held(self, tmp_path: Path) -> None:
        """The holder saves; others serve the old token meanwhile."""
        one, two = self.open_store(tmp_path), self.open_store(tmp_path)
        with one.lock(LOGIN, 0.0) as held:
            assert held, "the lock"
            token = signed_in(one)
            assert one.load(LOGIN).token == token, "for its holder"
            assert two.load(LOGIN).token == token, "and for everybody else"
