"""A store of your own: a folder with a file for each login, kept by a few lines of code.

What may follow what is decided by `traktauth.stores.transitions`, pure steps from record to record. A store only has
to take one step at a time, keep what came of it before it answers, and give a login's lock to one holder at a time.
`tests/examples/test_own_store.py` shows with `StoreContract` that this one does.

    with Trakt(app, store=FolderStore("/var/lib/app/logins")) as trakt: ...
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed
from traktauth.models.record import EMPTY
from traktauth.stores import transitions
from traktauth.stores.base import TokenStore
from traktauth.stores.documents import login_of, to_document, to_record

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable

    from traktauth.models import Login, Record, Renewal, Token


class FolderStore(TokenStore):
    """A folder of JSON files, on Linux and macOS."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder).resolve()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def identity(self) -> Hashable:
        """Return what is equal for two stores over one folder."""
        return ("folder", str(self._folder))

    @property
    def address(self) -> str:
        """Return what a person reads in `status` and in errors."""
        return f"folder:{self._folder}"

    def load(self, login: Login) -> Record:
        """Return the record, or the empty one."""
        with self._worded(), suppress(FileNotFoundError):
            return to_record(json.loads(self._path(login).read_text()))
        return EMPTY

    def begin(self, login: Login, renewal: Renewal) -> bool:
        """Give the right to send, once an attempt."""
        return self._change(login, lambda record: transitions.begun(record, renewal))

    def cancel(self, login: Login, renewal: Renewal, before: Renewal | None) -> None:
        """Take an open renewal back."""
        self._change(login, lambda record: transitions.cancelled(record, renewal, before))

    def save(self, login: Login, token: Token, *, after: int, at: float) -> bool:
        """Save the pair that follows a generation, and no other."""
        return self._change(login, lambda record: transitions.saved(record, token, after, at))

    def mark(self, login: Login, generation: int, why: str | None) -> None:
        """Note why a generation must not be renewed."""
        self._change(login, lambda record: transitions.marked(record, generation, why))

    def forget(self, login: Login, generation: int) -> None:
        """Forget a pair, but not its number."""
        self._change(login, lambda record: transitions.forgotten(record, generation))

    def logins(self) -> list[Login]:
        """Return every login that has a file."""
        return sorted(login_of(json.loads(path.read_text())) for path in self._folder.glob("*.json"))

    def check(self) -> None:
        """Show that a record could be saved."""
        with self._worded():
            self._write(self._folder / "trial", "{}")
            (self._folder / "trial").unlink(missing_ok=True)

    @contextmanager
    def exclusive(self, login: Login, patience: float) -> Generator[bool]:
        """Hold the login's lock, which the system frees if its holder dies."""
        with self._locked(self._path(login).with_suffix(".lock"), patience) as held:
            yield held

    def _change(self, login: Login, step: Callable[[Record], Record | None]) -> bool:
        # One step at a time, whoever takes it.
        with self._worded(), self._locked(self._folder / "writing", patience=60.0) as held:
            if not held:
                raise TimeoutError(None, "another program has been writing for a minute")
            record = step(self.load(login))
            if record is not None:
                self._write(self._path(login), json.dumps(to_document(login, record)))
            return record is not None

    def _write(self, path: Path, text: str) -> None:
        """Replace a file so that a crash leaves the old one or the new one, and the new one is on disk."""
        new = path.with_suffix(f".{os.getpid()}.new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        folder = os.open(self._folder, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    @contextmanager
    def _worded(self) -> Generator[None]:
        """Say what went wrong in the one word for stores, so that nobody takes it for anything else."""
        try:
            yield
        except (OSError, ValueError) as error:
            raise StoreFailed(f"{self.address} cannot be used: {getattr(error, 'strerror', None) or error}") from error

    @contextmanager
    def _locked(self, path: Path, patience: float) -> Generator[bool]:
        until = time.monotonic() + patience
        with path.open("w") as file:
            while not (held := _taken(file.fileno())) and time.monotonic() < until:
                time.sleep(0.01)
            yield held  # closing the file frees it

    def _path(self, login: Login) -> Path:
        name = json.dumps([login.realm, login.client_id, login.account])  # any name, in plain letters
        return self._folder / f"{sha256(name.encode()).hexdigest()}.json"


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
