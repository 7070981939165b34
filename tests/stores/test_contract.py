"""Every store passes the contract, and the contract notices a store that does not."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import replace

import pytest

from support.async_store import OwnAsyncStore
from support.stores import Closing
from traktauth.models import LoginKey
from traktauth.models.changes import BeginRefresh, CancelRefresh, DeleteToken, SaveToken, SetRefreshable
from traktauth.stores import TextStore
from traktauth.stores.database import store as database_store
from traktauth.stores.encryption import AesGcmCipher
from traktauth.stores.file.file_lock import locked
from traktauth.stores.file.store import FileStore
from traktauth.stores.memory import MemoryStore
from traktauth.stores.open import open_store
from traktauth.stores.sqlite.store import SqliteStore
from traktauth.testing import AsyncStoreContract, StoreContract
from traktauth.testing.store_contract import processes


class ShortLease:
    """A base for contracts of stores whose lock is a lease: a killed holder's ends soon."""

    def test_the_lock_of_a_killed_process_is_free_again(self, tmp_path, monkeypatch):
        monkeypatch.setattr(database_store, "LEASE", 1.0)
        super().test_the_lock_of_a_killed_process_is_free_again(tmp_path)


class TestMemoryStore(StoreContract):
    shared_by_processes = False
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


class TestAnAsyncStoreOfTheApplication(AsyncStoreContract):
    def open_async_store(self, place):
        return OwnAsyncStore(FileStore(str(place / "tokens.json")))


class TestSqlite(ShortLease, Closing, StoreContract):
    def open_store(self, place):
        return self.opened(open_store(f"sqlite:{place}/logins.db"))


class TestSealedSqlite(ShortLease, Closing, StoreContract):
    def open_store(self, place):
        return self.opened(SqliteStore(f"{place}/logins.db", cipher=AesGcmCipher([b"k" * 32])))


@pytest.mark.slow
class TestRedis(ShortLease, Closing, StoreContract):
    @pytest.fixture(autouse=True)
    def _server(self, redis_server):
        self.address = lambda place: f"{redis_server.url}?prefix={place.parent.name}-{place.name}"

    def open_store(self, place):
        return self.opened(open_store(self.address(place)))


@pytest.mark.slow
class TestPostgres(ShortLease, Closing, StoreContract):
    @pytest.fixture(autouse=True)
    def _server(self, postgres_schema):
        self.address = lambda place: postgres_schema(f"{place.parent.name}-{place.name}"[-60:])

    def open_store(self, place):
        return self.opened(open_store(self.address(place)))


# ---------------------------------------------------------------- stores that break one promise each
def apply(store, login, change):
    return MemoryStore.apply(store, login, change)


def put(store, login, **changes):
    store._records[login] = replace(store.load(login), **changes)
    return True


def gives_the_right_to_send_twice(store, login, change):
    return apply(store, login, change) or store.load(login).pending_refresh is not None


def begins_without_comparing(store, login, change):
    return store.load(login).token is not None and put(store, login, pending_refresh=change.pending_refresh)


def saves_late(store, login, change):
    early = replace(change, after=min(change.after, store.load(login).generation))
    return apply(store, login, early) or put(store, login, token=change.token)


def refuses_a_late_holder(store, login, change):
    pending_refresh = store.load(login).pending_refresh
    return (pending_refresh is None or pending_refresh.sending == 1) and apply(store, login, change)


def starts_again_at_a_sign_in(store, login, change):
    return store._records.pop(login, None) is not None


def forgets_the_pending_refresh(store, login, change):
    return apply(store, login, replace(change, before=None))


def cancels_whatever_is_open(store, login, change):
    return put(store, login, pending_refresh=change.before)


def keeps_the_mark(store, login, change):
    old = store.load(login)
    saved = apply(store, login, change)
    return saved and put(store, login, refreshable=old.refreshable, not_refreshable_reason=old.not_refreshable_reason)


def changes_any_generation(store, login, change):
    return apply(store, login, replace(change, generation=store.load(login).generation))


def breaking(kind, broken):
    """Return a store that does something else for one kind of change."""

    def apply_or_break(store, login, change):
        return (broken if isinstance(change, kind) else apply)(store, login, change)

    return type(f"{broken.__name__}_{kind.__name__}", (MemoryStore,), {"apply": apply_or_break})


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
    breaking(BeginRefresh, gives_the_right_to_send_twice),
    breaking(BeginRefresh, begins_without_comparing),
    breaking(SaveToken, saves_late),
    breaking(SaveToken, refuses_a_late_holder),
    breaking(SaveToken, keeps_the_mark),
    breaking(DeleteToken, starts_again_at_a_sign_in),
    breaking(DeleteToken, changes_any_generation),
    breaking(CancelRefresh, forgets_the_pending_refresh),
    breaking(CancelRefresh, cancels_whatever_is_open),
    breaking(SetRefreshable, changes_any_generation),
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
        shared_by_processes = False
        places: dict = {}  # noqa: RUF012 - for this test alone

        def open_store(self, place):
            return store() if store is ForgetsAtOnce else self.places.setdefault(place, store())

    assert broken_promises(Contract(), tmp_path)


def test_a_contract_without_a_store_says_what_is_missing(tmp_path):
    with pytest.raises(NotImplementedError, match="StoreContract opens no store"):
        StoreContract().open_store(tmp_path)


# ---------------------------------------------------------------- stores that are broken for several processes
class Folder(TextStore):
    """Texts in files: a place that is right; its lock is one of the system."""

    def __init__(self, folder):
        super().__init__(f"folder:{folder}")
        self.folder = folder

    def read(self, key):
        path = self.folder / key
        return path.read_text() if path.exists() else None

    def swap(self, key, old, new):
        with locked(str(self.folder / "swap.lock"), 60.0):
            if self.read(key) != old:
                return False
            (self.folder / "new.lock").write_text(new)
            (self.folder / "new.lock").replace(self.folder / key)
            return True

    def keys(self):
        return [path.name for path in self.folder.iterdir() if not path.name.endswith(".lock")]

    def locked(self, key, timeout):
        return locked(str(self.folder / f"{key}.lock"), timeout)


class LocksInOneProcess(Folder):
    locks = defaultdict(threading.Lock)  # noqa: RUF012 - of the whole process

    @contextmanager
    def locked(self, key, timeout):
        lock = self.locks[self.folder, key]
        held = lock.acquire(timeout=timeout)
        try:
            yield held
        finally:
            if held:
                lock.release()


class LockOutlivesItsHolder(Folder):
    @contextmanager
    def locked(self, key, timeout):
        path, until = self.folder / f"{key}.lock", time.monotonic() + timeout
        while True:
            try:
                path.touch(exist_ok=False)
                break
            except FileExistsError:
                if time.monotonic() >= until:
                    yield False
                    return
                time.sleep(0.01)
        try:
            yield True
        finally:
            path.unlink()


class DictInOneProcess(LocksInOneProcess):
    texts = defaultdict(dict)  # noqa: RUF012 - of the whole process

    def read(self, key):
        return self.texts[self.folder].get(key)

    def swap(self, key, old, new):
        with locked(str(self.folder / "swap.lock"), 60.0):
            if self.read(key) != old:
                return False
            self.texts[self.folder][key] = new
            return True

    def keys(self):
        return list(self.texts[self.folder])


class TestFolder(StoreContract):
    def open_store(self, place):
        return Folder(place)


@pytest.mark.parametrize(
    ("store", "promise", "missing"),
    [
        (LocksInOneProcess, "the_lock_excludes_another_process", "and not only threads of one"),
        (LockOutlivesItsHolder, "the_lock_of_a_killed_process_is_free_again", "must end with its holder"),
        (DictInOneProcess, "what_one_process_saves_another_one_reads", "must be kept outside of the process"),
    ],
)
def test_the_contract_says_what_a_store_lacks_for_several_processes(store, promise, missing, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "LEASE", 0.1)
    monkeypatch.setattr(processes, "_MORE", 0.1)

    class Contract(StoreContract):
        def open_store(self, place):
            return store(place)

    with pytest.raises(AssertionError, match=missing):
        getattr(Contract(), f"test_{promise}")(tmp_path)


def test_a_store_that_another_process_cannot_open_is_reported(tmp_path, capfd):
    class Contract(StoreContract):
        def open_store(self, place):
            raise OSError(f"cannot open {place.name}")

    with pytest.raises(AssertionError, match="another process could not use the store"):
        Contract().test_what_one_process_saves_another_one_reads(tmp_path)
