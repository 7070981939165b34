"""Tokens in one JSON file, the default: for this user alone, replaced as a whole, safe between processes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator, Hashable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, cast

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey
from traktauth.models.changes import BeginRefresh, CancelRefresh, Change, Erase, Reencrypt
from traktauth.models.record import EMPTY, FORMAT, Record, erased_entry
from traktauth.private_files import CLOEXEC, NOFOLLOW, check_private, resolve_own
from traktauth.stores.base import TokenStore
from traktauth.stores.encryption import Cipher, is_sealed_newest, key_of_seal, seal, unseal
from traktauth.stores.errors import (
    MOVE_AWAY,
    Hidden,
    file_failures,
    move_away_hint,
    stray_record_warnings,
    unreadable,
    without_frames,
)
from traktauth.stores.file import atomic_file
from traktauth.stores.file.atomic_file import find_warnings
from traktauth.stores.file.file_lock import locked, write_lock
from traktauth.stores.record_json import login_of, to_document, to_record

MAX_SIZE = 64 * 1024 * 1024  # bytes of a file that is read

Signature = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the file held when its signature was this one; `strays` are entries that name no login."""

    signature: Signature | None
    documents: dict[LoginKey, dict[str, Any]] = field(repr=False)
    strays: list[Any] = field(repr=False)
    records: dict[LoginKey, Record] = field(repr=False)

    def record(self, login: LoginKey, cipher: Cipher | None) -> Record:
        """Return a login's record, and know it from now on."""
        if login not in self.documents and self.strays:
            raise unreadable("The store holds a damaged entry that may be this login's; it is left as it is")
        key = login if login in self.documents or not login.account else erased_entry(login)
        record = without_frames(lambda: _to_record(self.documents.get(key), cipher))
        if key != login:  # an erased login's entry is not encrypted, so only its generation counts
            record = Record(generation=record.generation)
        self.records[login] = record
        return record

    def content(
        self,
        login: LoginKey | None = None,
        entry: LoginKey | None = None,
        document: Hidden[dict[str, Any]] | None = None,
    ) -> Hidden[bytes]:
        """Return the content of a file that holds what this one did; with a document as `entry` instead of `login`."""
        documents = self.documents
        if login is not None and entry is not None and document is not None:
            documents = {key: value for key, value in documents.items() if key != login or key == entry}
            documents[entry] = document.value
        return _content(Hidden([*documents.values(), *self.strays]))


NOTHING = Snapshot(None, {}, [], {})


def _content(entries: Hidden[list[Any]]) -> Hidden[bytes]:
    return Hidden(json.dumps({"format": FORMAT, "logins": entries.value}, indent=1).encode())


def signature_of(status: os.stat_result) -> Signature:
    """Return what changes whenever the file, its owner or its mode does."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode, status.st_uid


def parse(content: Hidden[bytes], path: str) -> tuple[dict[LoginKey, dict[str, Any]], list[Any]]:
    """Return the entries by login, and those that name none: they are kept as they are, and hide no other."""
    version, entries = _read(content)
    if version is None:
        raise StoreFailed(
            f"{path} cannot be read: it is damaged, or another program's; it is left as it is",
            hint=MOVE_AWAY,
            hint_command=move_away_hint(path),
        )
    if version != FORMAT:
        raise StoreFailed(
            f"{path} has the format {version}; this version of traktauth reads format {FORMAT}; it is left as it is",
            hint="Use the version of traktauth that wrote it, or choose another store and sign in again",
        )
    return _by_login(entries)


def _read(content: Hidden[bytes]) -> tuple[int | None, Hidden[list[Any]]]:
    """Return the format and the entries; None for the format of a file that is not ours."""
    nothing: Hidden[list[Any]] = Hidden([])
    try:
        document: Any = json.loads(content.value)
        version, entries = document["format"], Hidden[Any](document.get("logins"))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None, nothing
    if type(version) is not int:
        return None, nothing
    if version != FORMAT:
        return version, nothing
    return (version, entries) if type(entries.value) is list else (None, nothing)


def _by_login(entries: Hidden[list[Any]]) -> tuple[dict[LoginKey, dict[str, Any]], list[Any]]:
    logins: dict[LoginKey, dict[str, Any]] = {}
    strays: list[Any] = []
    for entry in entries.value:
        try:
            logins[login_of(entry)] = cast("dict[str, Any]", entry)
        except StoreFailed:
            strays.append(entry)
    return logins, strays


def _to_record(document: dict[str, Any] | None, cipher: Cipher | None) -> Record:
    try:
        return EMPTY if document is None else to_record(unseal(document, cipher))
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise unreadable("A login's record is damaged; it is left as it is") from None


_ROOM = 16384  # bytes that a record may grow by between two writes
_SETTLED_AFTER = 50_000_000  # nanoseconds
_OPEN = os.O_RDONLY | NOFOLLOW | CLOEXEC


class FileStore(TokenStore):
    """A store in a JSON file.

    Args:
        path: the file; made on the first save, its folder too.
        cipher: encrypts what is kept; None keeps it in clear.
    """

    lock_expires = False

    def __init__(self, path: str, *, cipher: Cipher | None = None) -> None:
        self.path = os.path.abspath(path)
        self._cipher = cipher
        self._snapshot = Snapshot(None, {}, [], {})

    @property
    def identity(self) -> Hashable:
        return ("file", os.path.realpath(self.path))

    @property
    def address(self) -> str:
        return f"sealed+file:{self.path}" if self._cipher else f"file:{self.path}"

    def load(self, login: LoginKey) -> Record:
        record = self.peek(login)
        if record is None:
            with file_failures(self.path, "read"):
                record = self._read().record(login, self._cipher)
        return record

    def peek(self, login: LoginKey) -> Record | None:
        snapshot = self._snapshot
        try:
            known = signature_of(os.stat(self.path)) == snapshot.signature
        except OSError:
            return None
        return snapshot.records.get(login) if known else None

    def apply(self, login: LoginKey, change: Change) -> bool:
        """Apply a change to the login's record, alone among all processes.

        `BeginRefresh` first reserves space on the disk for the record that ends the refresh; it is undone if it may not
        be on the disk. Any other change may be applied again, and a new token is kept.
        """
        with file_failures(self.path, "written"), self._writing():
            path = self._resolve()
            snapshot = self._read()
            if not self._is_applicable(snapshot, login, change):
                return False
            record = change.apply(snapshot.record(login, self._cipher))
            if record is None:
                return False
            self._remove_leftovers(path, login)
            entry = erased_entry(login) if isinstance(change, Erase) else login
            content = without_frames(lambda: self._content(snapshot, login, entry, record))
            spare = self._beside(login, "spare")
            if isinstance(change, BeginRefresh):
                atomic_file.reserve(spare, self._size() + _ROOM)
                _begin(path, content, snapshot, spare)
            else:
                atomic_file.replace(path, content, reserved=None if isinstance(change, Erase) else spare)
            if isinstance(change, CancelRefresh | Erase):
                _remove(spare)
        return True

    def _is_applicable(self, snapshot: Snapshot, login: LoginKey, change: Change) -> bool:
        """Return whether the file has what a change needs beside the record: an entry to erase, or to encrypt anew."""
        if isinstance(change, Erase):
            return login in snapshot.documents
        if isinstance(change, Reencrypt):
            document = snapshot.documents.get(login)
            return document is not None and self._cipher is not None and not is_sealed_newest(document, self._cipher)
        return True

    def encryption_key_id(self, login: LoginKey) -> str | None:
        with file_failures(self.path, "read"):
            return key_of_seal(self._read().documents.get(login))

    @contextmanager
    def lock(self, login: LoginKey, timeout: float) -> Generator[bool]:
        with file_failures(self.path, "locked"):
            path = self._beside(login, "lock")
            atomic_file.make_folder(os.path.dirname(path))
            lock = locked(path, timeout)
            held = lock.__enter__()
        try:
            yield held
        finally:
            lock.__exit__(None, None, None)

    def list_logins(self) -> list[LoginKey]:
        with file_failures(self.path, "read"):
            return sorted(login for login in self._read().documents if login.account)

    def durability_warnings(self) -> list[str]:
        with file_failures(self.path, "read"):
            strays = len(self._read().strays)
            return stray_record_warnings(strays) + find_warnings(os.path.dirname(self._resolve()))

    def check_writable(self) -> None:
        if self._cipher is not None:
            self._cipher.seal(b"", b"")
        with file_failures(self.path, "written"), self._writing():
            path = self._resolve()
            self._read()  # a damaged file is never written
            reserved = f"{path}.trial"
            atomic_file.reserve(reserved, self._size() + _ROOM)
            try:
                self._try_replacing(path, reserved)
            finally:
                _remove(reserved)

    def _try_replacing(self, path: str, reserved: str) -> None:
        """Replace the file by itself; if it is missing, replace a trial file beside it."""
        content, trial = _read_content(path), None
        if content is None:
            content, trial = NOTHING.content(), f"{path}.check"
        try:
            atomic_file.replace(trial or path, content, reserved=reserved)
            status = os.stat(trial or path)
            check_private(path, status, lambda _: None)
        finally:
            if trial is not None:
                _remove(trial)

    # ------------------------------------------------------------ the file
    def _resolve(self) -> str:
        return resolve_own(self.path, "Name a file: --store file:/PATH.json, or TRAKTAUTH_STORE")

    def _content(self, snapshot: Snapshot, login: LoginKey, entry: LoginKey, record: Record) -> Hidden[bytes]:
        return snapshot.content(login, entry, Hidden(seal(to_document(entry, record), self._cipher)))

    @contextmanager
    def _writing(self) -> Generator[None]:
        path = self._resolve()
        atomic_file.make_folder(os.path.dirname(path))
        with write_lock(path, self.path):
            yield

    def _read(self) -> Snapshot:
        """Read the file where it has changed.

        Raises:
            StoreFailed: it is damaged, another program's, or a later version's, or another user may have written it;
                it is left as it is.
        """
        path = self._resolve()
        try:
            descriptor = os.open(path, _OPEN)
        except FileNotFoundError:
            return Snapshot(None, {}, [], {})
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            check_private(path, status, lambda mode: os.fchmod(descriptor, mode))
            if signature_of(status) != self._snapshot.signature:
                documents, strays = parse(Hidden(file.read(MAX_SIZE + 1)), self.path)
                # A file that has just been written may be written again within one tick of the file system's clock,
                # and look the same: it is not taken for known before it has settled.
                settled = time.time_ns() - status.st_mtime_ns > _SETTLED_AFTER
                snapshot = Snapshot(signature_of(status) if settled else None, documents, strays, {})
                self._snapshot = snapshot  # in one step, as other threads look at it
                return snapshot
        return self._snapshot

    def _remove_leftovers(self, path: str, login: LoginKey) -> None:
        """Remove what a crash has left of other logins' refreshes: it may hold the tokens of every account.

        A reserved file belongs to the holder of its login's lock.
        """
        folder, name = os.path.split(path)
        mine = os.path.basename(self._beside(login, "spare"))
        try:
            others = os.listdir(folder)
        except OSError:  # the folder cannot be read, and so not synced either: syncing it reports that
            return
        for other in others:
            if other == mine or not (other.startswith(f"{name}.") and other.endswith(".spare")):
                continue
            lock = os.path.join(folder, f"{other.removesuffix('.spare')}.lock")
            with suppress(OSError, StoreFailed), locked(lock, 0.0) as is_free:
                if is_free:
                    os.unlink(os.path.join(folder, other))
        for trial in (f"{path}.new", f"{path}.trial", f"{path}.check"):  # only the holder of the write lock has one
            _remove(trial)

    def _size(self) -> int:
        try:
            return os.stat(self.path).st_size
        except FileNotFoundError:
            return 0

    def _beside(self, login: LoginKey, kind: str) -> str:
        """Return the path of a neighbour file that belongs to one login."""
        name = f"{login.realm}\0{login.client_id}\0{login.account}".encode("utf-8", "surrogatepass")
        key = sha256(name).hexdigest()[:16]
        return f"{self._resolve()}.{key}.{kind}"


def _begin(path: str, content: Hidden[bytes], before: Snapshot, spare: str) -> None:
    """Replace the file, or leave all as it was: a refresh that was begun is one that may have been sent."""
    try:
        atomic_file.replace(path, content)
    except BaseException as error:
        _remove(spare)
        if isinstance(error, atomic_file.NotDurable):
            with suppress(StoreFailed, OSError):
                atomic_file.replace(path, before.content(), durable=False)
        raise


def _read_content(path: str) -> Hidden[bytes] | None:
    """Return the content of a file; None if it is missing."""
    try:
        descriptor = os.open(path, _OPEN)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return Hidden(file.read())


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
