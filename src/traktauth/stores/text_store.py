"""A store of your own: give it a place for texts, and it keeps every promise of a store."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Generator, Hashable, Iterable
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from typing import Any, ClassVar, TypeVar

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey, Record
from traktauth.models.changes import Change, Erase, Reencrypt
from traktauth.models.record import EMPTY, erased_entry
from traktauth.stores.base import TokenStore
from traktauth.stores.errors import stray_record_warnings, unreadable
from traktauth.stores.record_json import login_of, to_document, to_record

Entry = TypeVar("Entry")

MAX_ATTEMPTS = 1000  # each failed one means that another writer succeeded


def compare_and_swap(
    step: Callable[[Entry | None], Entry | None],
    read: Callable[[], Entry | None],
    swap: Callable[[Entry | None, Entry], bool],
    *,
    revision: Callable[[Entry], int] | None = None,
) -> bool:
    """Take a step on the newest entry of a login; repeat it if another writer came before.

    Args:
        step: returns the new entry; None if there is nothing to change.
        read: returns the entry; None if there is none.
        swap: replaces the entry if it is still the given one, and returns whether it did.
        revision: returns what is new with every write of an entry, so that a write whose response was lost is not
            repeated; None if entries have no such thing.

    Returns:
        False if there was nothing to change.

    Raises:
        StoreFailed: other writers always came first.
    """
    written: int | None = None  # a revision
    for _ in range(MAX_ATTEMPTS):
        seen = read()
        if seen is not None and revision is not None and revision(seen) == written:
            return True
        new = step(seen)
        if new is None:
            return False
        if revision is not None:
            written = revision(new)
        if swap(seen, new):
            return True
    raise StoreFailed("Other programs kept changing this login, so it could not be changed")


_TRIAL = "trial"


class TextStore(TokenStore):
    """A store whose records are texts under keys.

    A subclass has the four methods `read`, `swap`, `keys` and `locked`; `traktauth.testing.StoreContract` tries whether
    they do what they must, also between processes.

    Args:
        address: what a user reads in `status` and in errors; two stores over one place have the same.

    Attributes:
        failures: what the four methods raise where the place cannot be used; told as StoreFailed.
    """

    failures: ClassVar[tuple[type[Exception], ...]] = (OSError,)

    def __init__(self, address: str) -> None:
        self._address = address

    @property
    def identity(self) -> Hashable:
        return type(self), self._address

    @property
    def address(self) -> str:
        return self._address

    @abstractmethod
    def read(self, key: str) -> str | None:
        """Return the text under a key of 64 hexadecimal digits (or the key `trial`); None if it is missing."""

    @abstractmethod
    def swap(self, key: str, old: str | None, new: str) -> bool:
        """Put a text in the place of `old`, and return True when it will outlast a crash.

        False, and nothing is changed, if another text is there. Comparing and writing must be one atomic step: every
        promise rests on this.
        """

    @abstractmethod
    def keys(self) -> Iterable[str]:
        """Return every key under which a text lies."""

    @abstractmethod
    def locked(self, key: str, timeout: float) -> AbstractContextManager[bool]:
        """Hold a lock of this name; the value is False if another caller held it for `timeout` seconds.

        It is released when its holder dies, and must not block `swap`.
        """

    def load(self, login: LoginKey) -> Record:
        with self._reword_errors():
            text = self.read(_key(login))
        return EMPTY if text is None else to_record(self._document(text))

    @contextmanager
    def lock(self, login: LoginKey, timeout: float) -> Generator[bool]:
        lock = self.locked(_key(login), timeout)
        with self._reword_errors():
            held = lock.__enter__()
        try:
            yield held
        finally:
            lock.__exit__(None, None, None)

    def list_logins(self) -> list[LoginKey]:
        return sorted(login for login in self._list_names() if login is not None and login.account)

    def durability_warnings(self) -> list[str]:
        return stray_record_warnings(self._list_names().count(None))

    def check_writable(self) -> None:
        with self._reword_errors():
            before = self.read(_TRIAL)
            after = "1" if before == "0" else "0"
            self.swap(_TRIAL, before, after)  # False where another checks too, which shows as much

    def apply(self, login: LoginKey, change: Change) -> bool:
        key = _key(login)

        def step(text: str | None) -> str | None:
            document = None if text is None else self._document(text)
            owner = login
            if isinstance(change, Erase):
                if document is None or login_of(document) != login:
                    return None  # the record is missing, or only what is left of one is there
                owner = erased_entry(login)
            record = change.apply(EMPTY if document is None else to_record(document))
            return None if record is None else json.dumps(to_document(owner, record))

        def read() -> str | None:
            with self._reword_errors():
                return self.read(key)

        def swap(old: str | None, new: str) -> bool:
            with self._reword_errors():
                return self.swap(key, old, new)

        if isinstance(change, Reencrypt):
            return False  # nothing is encrypted
        return compare_and_swap(step, read, swap)

    def _list_names(self) -> list[LoginKey | None]:
        """Return whose each text is; None for one that does not say."""
        with self._reword_errors():
            texts = [self.read(key) for key in self.keys() if key != _TRIAL]
        found: list[LoginKey | None] = []
        for text in texts:
            if text is not None:
                try:
                    found.append(login_of(self._document(text)))
                except StoreFailed:
                    found.append(None)
        return found

    def _document(self, text: str) -> dict[str, Any]:
        try:
            document: dict[str, Any] | None = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise unreadable(f"{self.address} holds a damaged record; it is left as it is")
        return document

    @contextmanager
    def _reword_errors(self) -> Generator[None]:
        try:
            yield
        except self.failures as error:
            raise StoreFailed(f"{self.address} cannot be used: {getattr(error, 'strerror', None) or error}") from error


def _key(login: LoginKey) -> str:
    name = json.dumps([login.realm, login.client_id, login.account])  # any name, as letters that every place takes
    return sha256(name.encode()).hexdigest()
