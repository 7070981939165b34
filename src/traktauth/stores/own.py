"""A store of your own: give it a place for texts, and it keeps every promise of a store."""

from __future__ import annotations

import json
from abc import abstractmethod
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar

from traktauth.errors import StoreFailed
from traktauth.models.record import EMPTY
from traktauth.stores.documents import login_of, to_document, to_record
from traktauth.stores.stepping import SteppingStore
from traktauth.stores.unreadable import problems_of, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Iterable
    from contextlib import AbstractContextManager

    from traktauth.models import Login, Record

TRIES = 1000  # a change is tried again only when another has got through, so this is no waiting for nothing
_TRIAL = "trial"


class TextStore(SteppingStore):
    """A store whose records are texts under keys.

    A subclass has the four methods below; `traktauth.testing.StoreContract` tries whether they do what they must.

    Args:
        address: what a person reads in `status` and in errors; two stores over one place have the same.

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
        """Return the text under a key of 64 hexadecimal digits (or the key `trial`); None where there is none."""

    @abstractmethod
    def swap(self, key: str, old: str | None, new: str) -> bool:
        """Put a text in the place of `old`, and return True when it will outlast a crash.

        False, and nothing is changed, where another text lies there. Nobody else may come between the look and the
        write: every promise rests on this.
        """

    @abstractmethod
    def keys(self) -> Iterable[str]:
        """Return every key under which a text lies."""

    @abstractmethod
    def locked(self, key: str, patience: float) -> AbstractContextManager[bool]:
        """Hold a lock of this name; the value is False where somebody else held it for `patience` seconds.

        It is let go when its holder dies, and it is another's than what `swap` may use: swaps go on while it is held.
        """

    def load(self, login: Login) -> Record:
        with self._worded():
            text = self.read(_key(login))
        return EMPTY if text is None else to_record(self._document(text))

    @contextmanager
    def exclusive(self, login: Login, patience: float) -> Generator[bool]:
        lock = self.locked(_key(login), patience)
        with self._worded():
            held = lock.__enter__()
        try:
            yield held
        finally:
            lock.__exit__(None, None, None)

    def logins(self) -> list[Login]:
        return sorted(login for login in self._named() if login is not None)

    def problems(self) -> list[str]:
        return problems_of(self._named().count(None))

    def check(self) -> None:
        with self._worded():
            before = self.read(_TRIAL)
            after = "1" if before == "0" else "0"
            self.swap(_TRIAL, before, after)  # False where another checks too, which shows as much

    def _change(self, login: Login, step: Callable[[Record], Record | None]) -> bool:
        key = _key(login)
        for _ in range(TRIES):
            with self._worded():
                text = self.read(key)
            record = step(EMPTY if text is None else to_record(self._document(text)))
            if record is None:
                return False
            with self._worded():
                if self.swap(key, text, json.dumps(to_document(login, record))):
                    return True
        raise StoreFailed("Others changed this login without end, so it could not be changed")

    def _named(self) -> list[Login | None]:
        """Return whose each text is; None for one that does not say."""
        with self._worded():
            texts = [self.read(key) for key in self.keys() if key != _TRIAL]
        found: list[Login | None] = []
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
    def _worded(self) -> Generator[None]:
        try:
            yield
        except self.failures as error:
            raise StoreFailed(f"{self.address} cannot be used: {getattr(error, 'strerror', None) or error}") from error


def _key(login: Login) -> str:
    name = json.dumps([login.realm, login.client_id, login.account])  # any name, as letters that every place takes
    return sha256(name.encode()).hexdigest()
