"""Every store passes the contract, and the contract notices a store that does not."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest

from support.stores import Closing
from traktauth.models import LoginKey
from traktauth.models.changes import BeginRefresh, CancelRefresh, Change, DeleteToken, SaveToken, SetRefreshable
from traktauth.stores.adapters.threaded_store import ThreadedStore
from traktauth.stores.database.store import DatabaseStore
from traktauth.stores.encryption.aes_gcm import AesGcmCipher
from traktauth.stores.file.store import FileStore
from traktauth.stores.memory import MemoryStore
from traktauth.stores.open import open_async_store, open_store
from traktauth.stores.sqlite.database import SqliteDatabase
from traktauth.testing import AsyncStoreContract, StoreContract


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


class TestFileStoreInThreads(AsyncStoreContract):
    def open_async_store(self, place):
        return ThreadedStore(FileStore(str(place / "tokens.json")))


class TestSqlite(Closing, StoreContract):
    def open_store(self, place):
        return self.opened(open_store(f"sqlite:{place}/logins.db"))


class TestSqliteForAsyncio(Closing, AsyncStoreContract):
    def open_store(self, place):
        return self.opened(super().open_store(place))

    def open_async_store(self, place):
        return open_async_store(f"sqlite:{place}/logins.db")


class TestSealedSqlite(Closing, StoreContract):
    def open_store(self, place):
        return self.opened(DatabaseStore(SqliteDatabase(f"{place}/logins.db"), cipher=AesGcmCipher([b"k" * 32])))


class OnRedis(Closing):
    @pytest.fixture(autouse=True)
    def _server(self, redis_server):
        self.address = lambda place: f"{redis_server.url}?prefix={place.parent.name}-{place.name}"


class OnPostgres(Closing):
    @pytest.fixture(autouse=True)
    def _server(self, postgres_schema):
        self.address = lambda place: postgres_schema(f"{place.parent.name}-{place.name}"[-60:])


class ByTheBlockingDriver(StoreContract):
    def open_store(self, place):
        return self.opened(open_store(self.address(place)))


class ByTheAsyncDriver(AsyncStoreContract):
    def open_store(self, place):
        return self.opened(super().open_store(place))

    def open_async_store(self, place):
        return open_async_store(self.address(place))


@pytest.mark.slow
class TestRedis(OnRedis, ByTheBlockingDriver):
    pass


@pytest.mark.slow
class TestRedisForAsyncio(OnRedis, ByTheAsyncDriver):
    pass


@pytest.mark.slow
class TestPostgres(OnPostgres, ByTheBlockingDriver):
    pass


@pytest.mark.slow
class TestPostgresForAsyncio(OnPostgres, ByTheAsyncDriver):
    pass


# ---------------------------------------------------------------- stores that break one promise each
class Breaks(MemoryStore):
    """A store whose `broken` replaces what one kind of change does."""

    kind = Change

    def apply(self, login, change):
        return self.broken(login, change) if isinstance(change, self.kind) else super().apply(login, change)

    def put(self, login, **changes):
        self._records[login] = replace(self.load(login), **changes)
        return True


class GivesTheRightToSendTwice(Breaks):
    kind = BeginRefresh

    def broken(self, login, change):
        return MemoryStore.apply(self, login, change) or self.load(login).pending_refresh is not None


class BeginsWithoutComparing(Breaks):
    kind = BeginRefresh

    def broken(self, login, change):
        return self.load(login).token is not None and self.put(login, pending_refresh=change.pending_refresh)


class SavesLate(Breaks):
    kind = SaveToken

    def broken(self, login, change):
        early = replace(change, after=min(change.after, self.load(login).generation))
        return MemoryStore.apply(self, login, early) or self.put(login, token=change.token)


class RefusesALateHolder(Breaks):
    kind = SaveToken

    def broken(self, login, change):
        pending_refresh = self.load(login).pending_refresh
        return (pending_refresh is None or pending_refresh.sending == 1) and MemoryStore.apply(self, login, change)


class StartsAgainAtASignIn(Breaks):
    kind = DeleteToken

    def broken(self, login, change):
        return self._records.pop(login, None) is not None


class ForgetsThePendingRefresh(Breaks):
    kind = CancelRefresh

    def broken(self, login, change):
        return MemoryStore.apply(self, login, replace(change, before=None))


class CancelsWhateverIsOpen(Breaks):
    kind = CancelRefresh

    def broken(self, login, change):
        return self.put(login, pending_refresh=change.before)


class KeepsTheMark(Breaks):
    kind = SaveToken

    def broken(self, login, change):
        old = self.load(login)
        saved = MemoryStore.apply(self, login, change)
        return saved and self.put(login, refreshable=old.refreshable, not_refreshable_reason=old.not_refreshable_reason)


class MarksAnyGeneration(Breaks):
    kind = SetRefreshable

    def broken(self, login, change):
        return MemoryStore.apply(self, login, replace(change, generation=self.load(login).generation))


class ForgetsAnyGeneration(Breaks):
    kind = DeleteToken

    def broken(self, login, change):
        return MemoryStore.apply(self, login, replace(change, generation=self.load(login).generation))


class MixesAccounts(MemoryStore):
    def load(self, login):
        return super().load(LoginKey(login.realm, login.client_id, "default"))

    def apply(self, login, change):
        return super().apply(LoginKey(login.realm, login.client_id, "default"), change)


class FoldsCase(MemoryStore):
    def load(self, login):
        return super().load(replace(login, account=login.account.lower()))

    def apply(self, login, change):
        return super().apply(replace(login, account=login.account.lower()), change)


class ExcludesNobody(MemoryStore):
    @contextmanager
    def lock(self, login, timeout):
        yield True


class HasNoTimeout(MemoryStore):
    def lock(self, login, timeout):
        return super().lock(login, 0.0)


class KeepsTheLockAfterAnError(MemoryStore):
    @contextmanager
    def lock(self, login, timeout):
        lock = super().lock(login, timeout)
        self.__dict__.setdefault("kept", []).append(lock)
        yield lock.__enter__()
        lock.__exit__(None, None, None)


class HasOneLockForAll(MemoryStore):
    def lock(self, login, timeout):
        return super().lock(LoginKey("", "", ""), timeout)


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
    ForgetsThePendingRefresh,
    CancelsWhateverIsOpen,
    KeepsTheMark,
    MarksAnyGeneration,
    ForgetsAnyGeneration,
    MixesAccounts,
    FoldsCase,
    ExcludesNobody,
    HasNoTimeout,
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
