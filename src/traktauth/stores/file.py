"""Tokens in one JSON file, the default: for this user alone, replaced as a whole, safe between processes."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed
from traktauth.models.record import FORMAT
from traktauth.stores import replacing, transitions
from traktauth.stores.documents import to_document
from traktauth.stores.locks import locked
from traktauth.stores.sealing import is_sealed_newest, key_of_seal, sealed
from traktauth.stores.snapshots import LARGEST, Snapshot, parse, signature_of
from traktauth.stores.stepping import SteppingStore
from traktauth.stores.unreadable import problems_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable

    from traktauth.models import Login, Record, Renewal
    from traktauth.stores.sealing import Sealer

_WRITE_PATIENCE = 10.0  # seconds; a write takes milliseconds
_ROOM = 16384  # bytes that a record may grow by between two writes
_SETTLED_AFTER = 50_000_000  # nanoseconds
_HINT = "See what is wrong with it: traktauth doctor"


class FileStore(SteppingStore):
    """A store in a JSON file.

    Args:
        path: the file; made on the first save, its folder too.
        sealer: encrypts what is kept; None keeps it in clear.
    """

    def __init__(self, path: str, *, sealer: Sealer | None = None) -> None:
        self.path = os.path.abspath(path)
        self._sealer = sealer
        self._snapshot = Snapshot(None, {}, [], {})

    @property
    def identity(self) -> Hashable:
        return ("file", os.path.realpath(self.path))

    @property
    def address(self) -> str:
        return f"sealed+file:{self.path}" if self._sealer else f"file:{self.path}"

    def load(self, login: Login) -> Record:
        record = self.peek(login)
        if record is None:
            with _failures(self.path, "read"):
                record = self._read().record(login, self._sealer)
        return record

    def peek(self, login: Login) -> Record | None:
        snapshot = self._snapshot
        try:
            known = signature_of(os.stat(self.path)) == snapshot.signature
        except OSError:
            return None
        return snapshot.records.get(login) if known else None

    def begin(self, login: Login, renewal: Renewal) -> bool:
        def reserve_room() -> None:
            replacing.reserve(self._beside(login, "spare"), self._size() + _ROOM)

        return self._change(login, lambda record: transitions.begun(record, renewal), before=reserve_room)

    def cancel(self, login: Login, renewal: Renewal, before: Renewal | None) -> None:
        if self._change(login, lambda record: transitions.cancelled(record, renewal, before)):
            with suppress(OSError):
                os.unlink(self._beside(login, "spare"))

    def reseal(self, login: Login) -> bool:
        with _failures(self.path, "read"):
            document = self._read().documents.get(login)
        if document is None or self._sealer is None or is_sealed_newest(document, self._sealer):
            return False
        return self._change(login, lambda record: record)

    def sealed_with(self, login: Login) -> str | None:
        with _failures(self.path, "read"):
            return key_of_seal(self._read().documents.get(login))

    @contextmanager
    def exclusive(self, login: Login, patience: float) -> Generator[bool]:
        with _failures(self.path, "locked"):
            path = self._beside(login, "lock")
            replacing.make_folder(os.path.dirname(path))
            lock = locked(path, patience)
            held = lock.__enter__()
        try:
            yield held
        finally:
            lock.__exit__(None, None, None)

    def logins(self) -> list[Login]:
        with _failures(self.path, "read"):
            return sorted(self._read().documents)

    def problems(self) -> list[str]:
        with _failures(self.path, "read"):
            return problems_of(len(self._read().strays))

    def check(self) -> None:
        if self._sealer is not None:
            self._sealer.seal(b"", b"")
        with _failures(self.path, "written"), self._writing():
            trial = f"{replacing.resolve(self.path)}.trial"
            replacing.reserve(trial, self._size() + _ROOM)
            os.unlink(trial)

    # ------------------------------------------------------------ the file
    def _change(
        self, login: Login, step: Callable[[Record], Record | None], *, before: Callable[[], None] | None = None
    ) -> bool:
        """Take one step from record to record, alone among all processes; False where there is none to take."""
        with _failures(self.path, "written"), self._writing():
            snapshot = self._read()
            record = step(snapshot.record(login, self._sealer))
            if record is None:
                return False
            if before is not None:
                before()
            documents = {**snapshot.documents, login: sealed(to_document(login, record), self._sealer)}
            entries = [*documents.values(), *snapshot.strays]
            content = json.dumps({"format": FORMAT, "logins": entries}, indent=1).encode()
            self._put(login, content, spare=before is None)
        return True

    def _put(self, login: Login, content: bytes, *, spare: bool) -> None:
        """Replace the file, in the room that was reserved for this login where there is some."""
        reserved = self._beside(login, "spare") if spare else None
        replacing.replace(replacing.resolve(self.path), content, reserved=reserved)

    @contextmanager
    def _writing(self) -> Generator[None]:
        path = replacing.resolve(self.path)
        replacing.make_folder(os.path.dirname(path))
        with locked(f"{path}.lock", _WRITE_PATIENCE) as held:
            if not held:
                raise StoreFailed(f"{self.path} is being written by another program", hint=_HINT)
            yield

    def _read(self) -> Snapshot:
        """Read the file where it has changed.

        Raises:
            StoreFailed: it is damaged, another program's, or a later version's; it is left as it is.
        """
        path = replacing.resolve(self.path)
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0))
        except FileNotFoundError:
            return Snapshot(None, {}, [], {})
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if signature_of(status) != self._snapshot.signature:
                documents, strays = parse(file.read(LARGEST + 1), self.path)
                # A file that has just been written may be written again within one tick of the file system's clock,
                # and look the same: it is not taken for known before it has settled.
                settled = time.time_ns() - status.st_mtime_ns > _SETTLED_AFTER
                snapshot = Snapshot(signature_of(status) if settled else None, documents, strays, {})
                self._snapshot = snapshot  # in one step, as other threads look at it
                return snapshot
        return self._snapshot

    def _size(self) -> int:
        try:
            return os.stat(self.path).st_size
        except FileNotFoundError:
            return 0

    def _beside(self, login: Login, kind: str) -> str:
        """Return the path of a neighbour file that belongs to one login."""
        from hashlib import sha256  # noqa: PLC0415 - costs milliseconds, and only a renewal needs it

        name = f"{login.realm}\0{login.client_id}\0{login.account}".encode("utf-8", "surrogatepass")
        key = sha256(name).hexdigest()[:16]
        return f"{replacing.resolve(self.path)}.{key}.{kind}"


@contextmanager
def _failures(path: str, what: str) -> Generator[None]:
    """Turn what the system says into StoreFailed."""
    try:
        yield
    except OSError as error:
        raise StoreFailed(f"{path} cannot be {what}: {error.strerror or error}", hint=_HINT) from error
