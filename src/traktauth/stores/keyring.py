"""Tokens in a sealed file whose key lies in the system's keyring.

The tokens are not in the keyring, because some keyrings take at most 2.5 kB an entry, and none can compare and swap.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey, Record
from traktauth.stores.encryption import AesGcmCipher, key_of, new_key
from traktauth.stores.errors import file_failures, missing
from traktauth.stores.file.atomic_file import make_folder
from traktauth.stores.file.file_lock import locked
from traktauth.stores.file.store import FileStore

T = TypeVar("T")

LIMIT = 3.0  # seconds for each call: a keyring may wait for a user who is not there
SERVICE, ENTRY = "traktauth", "seal-key"
_LOCK_TIMEOUT = 30.0  # seconds to wait for another program that makes the key
_INSTEAD = "or keep the key yourself: make one, and use the store sealed+file:"
_NONE = f"Install one and log in again (Debian: apt-get install gnome-keyring), {_INSTEAD}"
_OTHER = "The keyring holds another key: bring the old one back, or move the file away and sign in again"


class KeyringStore(FileStore):
    """A store in a sealed file.

    Args:
        path: the file; made on the first save, its folder too.

    Raises:
        StoreFailed: a library for it is not installed.
    """

    def __init__(self, path: str) -> None:
        self._key = KeyringCipher(f"{os.path.abspath(path)}.key.lock")
        super().__init__(path, cipher=self._key)

    @property
    def identity(self) -> Hashable:
        return ("keyring", os.path.realpath(self.path))

    @property
    def address(self) -> str:
        return "keyring:"

    def load(self, login: LoginKey) -> Record:
        record = super().load(login)
        if record.token is None:
            self._key.check()  # a missing keyring is reported before the user signs in
        return record


class KeyringCipher:
    """A seal with the key from the keyring; made there before it is first used.

    Args:
        lock: a file that is locked while the key is made, so that two programs do not make two.
    """

    takes_plain = False

    def __init__(self, lock: str) -> None:
        _library()
        self._none = AesGcmCipher([], hint=_OTHER)  # shows at once whether there is a library to seal with
        self._lock = lock
        self._known: AesGcmCipher | None = None

    def seal(self, content: bytes, bound: bytes) -> str:
        """Return the sealed content."""
        return (self._seal() or self._make_cipher()).seal(content, bound)

    def open(self, sealed: str, bound: bytes) -> bytes:
        """Return the content."""
        return (self._seal() or self._none).open(sealed, bound)

    def newest(self, sealed: str) -> bool:
        """Return whether this was sealed with the key."""
        seal = self._seal()
        return seal is not None and seal.newest(sealed)

    def check(self) -> None:
        """Show that there is a keyring.

        Raises:
            StoreFailed: it is missing, or does not answer.
        """
        self._seal()

    def _seal(self) -> AesGcmCipher | None:
        """Return the seal; None where the keyring holds no key yet."""
        if self._known is None:
            text: str | None = ask(lambda keyring: keyring.get_password(SERVICE, ENTRY))
            if text is not None:
                self._known = _seal_of(text)
        return self._known

    def _make_cipher(self) -> AesGcmCipher:
        with file_failures(self._lock, "locked"):
            make_folder(os.path.dirname(self._lock))
            with locked(self._lock, _LOCK_TIMEOUT):
                if self._seal() is None:
                    key = new_key()
                    ask(lambda keyring: keyring.set_password(SERVICE, ENTRY, key))
                seal = self._seal()
        if seal is None:
            raise StoreFailed("The keyring has not kept the key that was put into it", hint=_NONE)
        return seal


def _seal_of(text: str) -> AesGcmCipher:
    try:
        return AesGcmCipher([key_of("The keyring's entry", text)], hint=_OTHER)
    except ValueError as error:
        raise StoreFailed(f"The keyring's entry {SERVICE}/{ENTRY} holds no key of ours", hint=_OTHER) from error


def ask(question: Callable[[Any], T]) -> T:
    """Return the keyring's answer.

    Raises:
        StoreFailed: the keyring is missing, locked, or does not answer within 3 s.
    """
    keyring, errors = _library()
    answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put((question(keyring), None))
        except BaseException as error:  # noqa: BLE001 - handed over
            answers.put((None, error))

    threading.Thread(target=work, name="traktauth-keyring", daemon=True).start()
    try:
        answer, error = answers.get(timeout=LIMIT)
    except queue.Empty:
        hint = f"Unlock it, and answer what it asks on the screen, {_INSTEAD}"
        raise StoreFailed(f"The keyring did not answer within {LIMIT:.0f} s", hint=hint) from None
    if error is None:
        done: T = answer
        return done
    if isinstance(error, errors.NoKeyringError):
        raise StoreFailed("This machine has no keyring", hint=_NONE) from error
    if isinstance(error, errors.KeyringLocked):
        raise StoreFailed("The keyring is locked", hint=f"Unlock it, {_INSTEAD}") from error
    raise StoreFailed(f"The keyring failed: {type(error).__name__}", hint=_NONE) from error


def _library() -> tuple[Any, Any]:
    try:
        import keyring.errors  # noqa: PLC0415 - costs a tenth of a second
    except ImportError as error:
        raise missing("keyring", error) from error
    return keyring, keyring.errors
