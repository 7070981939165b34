"""Every store passes the contract, and the contract notices a store that does not."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import replace

import pytest

from traktauth.models import Login
from traktauth.stores.file import FileStore
from traktauth.stores.memory import MemoryStore
from traktauth.stores.threads import InThread
from traktauth.testing import StoreContract


class TestMemoryStore(StoreContract):
    places: dict = {}  # noqa: RUF012 - memory is shared by sharing the object

    def open_store(self, place):
        return self.places.setdefault(place, MemoryStore())


class TestFileStore(StoreContract):
    def open_store(self, place):
        return FileStore(str(place / "tokens.json"))


class TestFileStoreBehindALink(StoreContract):
    def open_store(self, place):
        link = place / "link.json"
        if not link.is_symlink():
            (place / "elsewhere").mkdir()
            link.symlink_to("elsewhere/tokens.json")
        return FileStore(str(link))


class AsBlocking(MemoryStore):
    """An async store, awaited in a loop of its own for each call, so that the same contract judges it."""

    def __init__(self, store):
        super().__init__()
        self.store = store

    def __getattribute__(self, name):
        if name in {"load", "begin", "cancel", "save", "mark", "forget", "logins", "check"}:
            verb = getattr(object.__getattribute__(self, "store"), name)
            return lambda *a, **k: asyncio.run(verb(*a, **k))
        if name in {"identity", "address", "peek"}:
            return getattr(object.__getattribute__(self, "store"), name)
        return object.__getattribute__(self, name)

    @contextmanager
    def exclusive(self, login, patience):
        with asyncio.Runner() as runner:
            lock = self.store.exclusive(login, patience)
            held = runner.run(lock.__aenter__())
            try:
                yield held
            finally:
                runner.run(lock.__aexit__(None, None, None))

    def close(self):
        asyncio.run(self.store.close())


class TestFileStoreInThreads(StoreContract):
    def open_store(self, place):
        return AsBlocking(InThread(FileStore(str(place / "tokens.json"))))


# ---------------------------------------------------------------- stores that break one promise each
class GivesTheRightToSendTwice(MemoryStore):
    def begin(self, login, renewal):
        return super().begin(login, renewal) or self.load(login).renewal is not None


class BeginsWithoutComparing(MemoryStore):
    def begin(self, login, renewal):
        record = self.load(login)
        return self._put(login, replace(record, renewal=renewal)) if record.token else False


class SavesLate(MemoryStore):
    def save(self, login, token, *, after, at):
        return super().save(login, token, after=min(after, self.load(login).generation), at=at) or self._put(
            login, replace(self.load(login), token=token)
        )


class RefusesALateHolder(MemoryStore):
    def save(self, login, token, *, after, at):
        renewal = self.load(login).renewal
        return (renewal is None or renewal.attempt == 1) and super().save(login, token, after=after, at=at)


class StartsAgainAtASignIn(MemoryStore):
    def forget(self, login, generation):
        del self._records[login]


class ForgetsTheOpenRenewal(MemoryStore):
    def cancel(self, login, renewal, before):
        super().cancel(login, renewal, None)


class CancelsWhateverIsOpen(MemoryStore):
    def cancel(self, login, renewal, before):
        self._put(login, replace(self.load(login), renewal=before))


class KeepsTheMark(MemoryStore):
    def save(self, login, token, *, after, at):
        old = self.load(login)
        saved = super().save(login, token, after=after, at=at)
        if saved:
            self._put(login, replace(self.load(login), renewable=old.renewable, why_not=old.why_not))
        return saved


class MarksAnyGeneration(MemoryStore):
    def mark(self, login, generation, why):
        super().mark(login, self.load(login).generation, why)


class ForgetsAnyGeneration(MemoryStore):
    def forget(self, login, generation):
        super().forget(login, self.load(login).generation)


class MixesAccounts(MemoryStore):
    def load(self, login):
        return super().load(Login(login.realm, login.client_id, "default"))

    def _put(self, login, record):
        return super()._put(Login(login.realm, login.client_id, "default"), record)


class FoldsCase(MemoryStore):
    def load(self, login):
        return super().load(replace(login, account=login.account.lower()))

    def _put(self, login, record):
        return super()._put(replace(login, account=login.account.lower()), record)


class ExcludesNobody(MemoryStore):
    @contextmanager
    def exclusive(self, login, patience):
        yield True


class HasNoPatience(MemoryStore):
    def exclusive(self, login, patience):
        return super().exclusive(login, 0.0)


class KeepsTheLockAfterAnError(MemoryStore):
    @contextmanager
    def exclusive(self, login, patience):
        lock = super().exclusive(login, patience)
        self.__dict__.setdefault("kept", []).append(lock)
        yield lock.__enter__()
        lock.__exit__(None, None, None)


class HasOneLockForAll(MemoryStore):
    def exclusive(self, login, patience):
        return super().exclusive(Login("", "", ""), patience)


class PeeksAtThePast(MemoryStore):
    def peek(self, login):
        return self.__dict__.setdefault("seen", {}).setdefault(login, self.load(login))


class ForgetsAtOnce(MemoryStore):
    """Each object has records of its own: nothing is durable."""


BROKEN = [
    GivesTheRightToSendTwice,
    BeginsWithoutComparing,
    SavesLate,
    RefusesALateHolder,
    StartsAgainAtASignIn,
    ForgetsTheOpenRenewal,
    CancelsWhateverIsOpen,
    KeepsTheMark,
    MarksAnyGeneration,
    ForgetsAnyGeneration,
    MixesAccounts,
    FoldsCase,
    ExcludesNobody,
    HasNoPatience,
    KeepsTheLockAfterAnError,
    HasOneLockForAll,
    PeeksAtThePast,
    ForgetsAtOnce,
]


def broken_promises(contract, tmp_path):
    """Run the contract and return the promises that were not kept."""
    broken = []
    for name in sorted(name for name in dir(contract) if name.startswith("test_")):
        place = tmp_path / name
        place.mkdir()
        try:
            getattr(contract, name)(place)
        except AssertionError:
            broken.append(name)
    return broken


@pytest.mark.parametrize("store", BROKEN, ids=lambda store: store.__name__)
def test_the_contract_notices_a_broken_promise(store, tmp_path):
    class Contract(StoreContract):
        places: dict = {}  # noqa: RUF012 - for this test alone

        def open_store(self, place):
            return store() if store is ForgetsAtOnce else self.places.setdefault(place, store())

    assert broken_promises(Contract(), tmp_path)


def test_a_contract_without_a_store_says_what_is_missing(tmp_path):
    with pytest.raises(NotImplementedError, match="StoreContract opens no store"):
        StoreContract().open_store(tmp_path)
