# ruff: noqa: S101 - a contract is made of assertions
"""The lock of a login."""

from __future__ import annotations

import time
from threading import Event, Thread
from typing import TYPE_CHECKING

from traktauth.testing.places import LOGIN, OTHERS, Place, signed_in

if TYPE_CHECKING:
    from pathlib import Path

# Seconds: a patience that is over soon, and how late "in time" may be on a busy machine.
SOON = 0.1
LATE = 5.0


class LockContract(Place):
    """`TokenStore.exclusive`."""

    def test_the_lock_excludes_another_store_over_the_same_place(self, tmp_path: Path) -> None:
        """Whoever holds it holds it alone, in this store object and any other."""
        one, two = self.open_store(tmp_path), self.open_store(tmp_path)
        with one.exclusive(LOGIN, 0.0) as held:
            assert held, "a free lock is given at once"
            for store in (one, two):
                with store.exclusive(LOGIN, 0.0) as again:
                    assert not again, "a held lock is given to nobody"
        with two.exclusive(LOGIN, 0.0) as held:
            assert held, "it is free again"

    def test_patience_is_kept_and_ends(self, tmp_path: Path) -> None:
        """Who waits in vain waits as long as they said, and not for ever."""
        one, two = self.open_store(tmp_path), self.open_store(tmp_path)
        with one.exclusive(LOGIN, 0.0):
            began = time.monotonic()
            with two.exclusive(LOGIN, SOON) as held:
                waited = time.monotonic() - began
                assert not held, "the lock is held by another"
        assert SOON * 0.9 <= waited < LATE, f"waited {waited:.2f} s for a patience of {SOON} s"

    def test_who_waits_gets_the_lock_when_it_is_released(self, tmp_path: Path) -> None:
        """A waiter need not wait out its patience."""
        one, two = self.open_store(tmp_path), self.open_store(tmp_path)
        waiting, got = Event(), list[bool]()

        def wait() -> None:
            waiting.set()
            with two.exclusive(LOGIN, 60.0) as held:
                got.append(held)

        thread = Thread(target=wait)
        with one.exclusive(LOGIN, 0.0):
            thread.start()
            waiting.wait(LATE)
            time.sleep(SOON)
            assert not got, "nobody gets a held lock"
        thread.join(LATE)
        assert got == [True], "the waiter has it now"

    def test_an_error_releases_the_lock(self, tmp_path: Path) -> None:
        """Also KeyboardInterrupt, and the error goes on."""
        store = self.open_store(tmp_path)
        for error in (ValueError("broken"), KeyboardInterrupt()):
            raised: BaseException | None = None
            try:
                with store.exclusive(LOGIN, 0.0):
                    raise error  # noqa: TRY301 - it must come from inside
            except BaseException as caught:  # noqa: BLE001 - looked at below
                raised = caught
            assert raised is error, "the error goes on"
            with store.exclusive(LOGIN, 0.0) as held:
                assert held, f"free after {type(error).__name__}"

    def test_other_logins_have_locks_of_their_own(self, tmp_path: Path) -> None:
        """Another account, app or realm is not kept waiting."""
        store = self.open_store(tmp_path)
        with store.exclusive(LOGIN, 0.0):
            for other in OTHERS:
                with store.exclusive(other, 0.0) as held:
                    assert held, f"{other} is free"

    def test_the_record_can_be_read_and_written_while_the_lock_is_held(self, tmp_path: Path) -> None:
        """The holder saves; others serve the old pair meanwhile."""
        one, two = self.open_store(tmp_path), self.open_store(tmp_path)
        with one.exclusive(LOGIN, 0.0) as held:
            assert held, "the lock"
            token = signed_in(one)
            assert one.load(LOGIN).token == token, "for its holder"
            assert two.load(LOGIN).token == token, "and for everybody else"
