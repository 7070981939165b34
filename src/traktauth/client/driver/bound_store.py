"""Store effects for one login, the newest record of each login seen, and the stores that logins were moved to."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

from traktauth.client.driver import unsaved_tokens
from traktauth.client.driver.unsaved_tokens import Unsaved
from traktauth.errors import LoginMoved, StoreFailed, TraktAuthError
from traktauth.flow.effects import Apply, CheckWritable, Effect, HoldUnsaved, Load, LoadAccounts, LoadProbe
from traktauth.flow.moved_login import moved_error
from traktauth.models import LoginKey, Probe, Record, Token, app_entry
from traktauth.models.changes import Change, DeleteToken, SaveToken, SwapProbe
from traktauth.models.refresh_window import RefreshWindow, refresh_window
from traktauth.models.store_address import SEALED, SERVER_STORES
from traktauth.stores.base import TokenStore
from traktauth.stores.errors import call_store
from traktauth.stores.import_copy import remove_copy
from traktauth.stores.open import open_store, parse_store_url

_MAX_FOUND = 1024  # logins whose store is remembered
_NAME_IT = "name it as this program's store (TRAKTAUTH_STORE)"
_PASSWORD = "if it has a password, an environment variable of this program may hold its whole address"


class MovedStores:
    """The stores that logins of a client were moved to; shared by all accounts of the client.

    Attributes:
        found: the store in which a moved login was found.
    """

    def __init__(self) -> None:
        self.found: dict[LoginKey, TokenStore] = {}
        self._opened: dict[str, TokenStore] = {}

    def remember(self, login: LoginKey, store: TokenStore) -> None:
        """Remember where a login was found, so that the next object for this account begins there."""
        if len(self.found) >= _MAX_FOUND:
            self.found.clear()
        self.found[login] = store

    def open(self, moved: LoginMoved) -> TokenStore:
        """Open the store that a record names.

        Raises:
            LoginMoved: it cannot be opened here.
        """
        if not moved.store or not moved.is_finished:
            raise moved
        opened = self._opened.get(moved.store)
        if opened is not None:
            return opened
        try:
            store = open_store(with_own_password(moved.store, os.environ))
        except (TraktAuthError, ValueError) as error:
            raise cannot_follow(moved, str(error)) from error
        return self._opened.setdefault(moved.store, store)

    def close(self) -> None:
        """Close the stores that were opened."""
        opened = list(self._opened.values())
        self._opened.clear()
        self.found.clear()
        for store in opened:
            store.close()


def cannot_follow(moved: LoginMoved, reason: str) -> LoginMoved:
    """Return the error for a login whose store this program cannot use."""
    return LoginMoved(
        f"{moved.message}, which this program cannot use: {reason}",
        store=moved.store,
        generation=moved.generation,
        hint=f"Open it, or {_NAME_IT}; {_PASSWORD}",
    )


def with_own_password(address: str, environment: Mapping[str, str]) -> str:
    """Return a store's address with the password that an environment variable of this program has for it.

    A record holds no password. A variable such as TRAKTAUTH_STORE or DATABASE_URL counts if it names the same place
    apart from the password, so that a record can lead no password to another place. libpq itself takes passwords from
    its password and service files, by the host or the service: what could send them to another host is refused.

    Raises:
        ValueError: the address has a setting that no store of ours writes into a record, or a host beside a service.
    """
    start = SEALED if address.startswith(SEALED) else ""
    place = address.removeprefix(SEALED)
    if place.partition(":")[0] not in SERVER_STORES:
        return address
    own_names = ("cache", "connections", "prefix")
    for text in environment.values():
        own = text.removeprefix(SEALED)
        if own.partition(":")[0] not in SERVER_STORES:
            continue
        with suppress(ValueError):
            if parse_store_url(own, *own_names).address == place:
                return f"{start}{own}"
    found = parse_store_url(place)
    if found.address != place or found.names_service_and_host:
        raise ValueError("its address has settings that lead a password of this program to another host")
    return address


def check_found(moved: LoginMoved, generation: int) -> None:
    """Check what the other store has of a login: an empty place is another one than the login was moved to.

    Raises:
        LoginMoved: it has no such login.
    """
    if generation < moved.generation:
        raise cannot_follow(moved, "what can be reached there does not have the login")


def check_failure(moved: LoginMoved, error: StoreFailed) -> StoreFailed:
    """Return what is raised for a store that failed at its first use: LoginMoved if it will not work later either."""
    return error if error.temporary or error.of_one else cannot_follow(moved, error.message)


_MAX_REMEMBERED = 1024  # logins; a keeper's million must not be


class _NewestRecords:
    """The newest record of each login that this process has seen.

    After a restored backup or a failover, a store shows a token whose refresh token is spent. A process that has seen
    the token after it does not send it again.

    Attributes:
        changes: another number after each record that was remembered: while it stays the same, so does the result of
            `compare`.
    """

    def __init__(self) -> None:
        self._seen: dict[Hashable, Record] = {}
        self._numbers = count(1)  # and no lock: a child that was forked while a thread holds it could not refresh
        self.changes = 0

    def compare(self, place: Hashable, record: Record) -> Record | None:
        """Return the newer record that was seen, if the store went back; else None, and remember this one.

        A record without a token, or of another sign-in than those that were seen, does not count as older.
        """
        seen = self._seen.get(place)
        if seen is record:  # nearly always: this is done for each request
            return None
        if (
            seen is not None
            and seen.token is not None
            and record.token is not None
            and record.generation < seen.generation
            and (record.token.generation, record.token.fingerprint)
            in [(entry.generation, entry.fingerprint) for entry in seen.history]
        ):
            return seen
        self._remember(place, record)
        return None

    def find(self, place: Hashable) -> Record | None:
        """Return the newest record of a login that this process has seen."""
        return self._seen.get(place)

    def remember_saved(self, place: Hashable, change: SaveToken) -> None:
        """Remember a token that was just saved."""
        seen = self._seen.get(place)
        record = None if seen is None else change.apply(seen)
        if record is not None:
            self._remember(place, record)

    def _remember(self, place: Hashable, record: Record) -> None:
        if len(self._seen) >= _MAX_REMEMBERED:
            self._seen.clear()
        self._seen[place] = record
        self.changes = next(self._numbers)


_newest = _NewestRecords()


class BoundStore:
    """One login in one store, and the token that could not be saved there yet, if any.

    Args:
        store: the store.
        login: the login.
        clock: returns Unix seconds.
        moved_stores: the stores that logins were moved to; default: of its own.
    """

    def __init__(
        self, store: TokenStore, login: LoginKey, clock: Callable[[], float], moved_stores: MovedStores | None = None
    ) -> None:
        self.store = store
        self.login = login
        self.moved_stores = MovedStores() if moved_stores is None else moved_stores
        self._clock = clock
        self._compared: Record | None = None  # the last record that was the newest, and the count of changes then
        self._changes = 0

    def with_account(self, account: str) -> BoundStore:
        """Return another account of the app, in the same store or where it was moved to from there."""
        login = replace(self.login, account=account)
        return BoundStore(self.moved_stores.found.get(login, self.store), login, self._clock, self.moved_stores)

    def follow(self, moved: LoginMoved) -> BoundStore:
        """Return the login in the store that it was moved to, and from there on.

        Raises:
            LoginMoved: that store cannot be used here.
            StoreFailed: it fails at the moment.
        """
        store, seen = self.store, {self.store.identity}
        while True:
            store = self.moved_stores.open(moved)
            try:
                record = call_store(partial(store.load, self.login), store)
            except StoreFailed as error:
                raise check_failure(moved, error) from error
            check_found(moved, record.generation)
            onward = moved_error(record)
            if not isinstance(onward, LoginMoved):
                self.moved_stores.remember(self.login, store)
                return BoundStore(store, self.login, self._clock, self.moved_stores)
            if store.identity in seen:
                raise cannot_follow(onward, "the stores name each other")
            seen.add(store.identity)
            moved = onward

    def call(self, effect: Effect[Any]) -> Callable[[], Any] | None:
        """Return what performs a store effect; None for another kind of effect."""
        match effect:
            case Load():
                return self.load
            case Apply(change):
                return lambda: self._apply(change)
            case LoadProbe():
                return self._load_probe
            case LoadAccounts():
                return self._load_accounts
            case CheckWritable():
                return self._check_writable
            case _:
                return None

    def perform(self, call: Callable[[], Any]) -> object:
        """Perform what `call` returned; what the store raises is raised as StoreFailed."""
        return call_store(call, self.store)

    def peek(self) -> Record | None:
        """Return the record where that takes microseconds."""
        if self._find_unsaved():
            return None
        try:
            return self.store.peek(self.login)
        except Exception:  # noqa: BLE001 - `load` tells what is wrong
            return None

    def peek_fresh(self, now: float) -> Token | None:
        """Return the token if it is fresh and the store shows it in microseconds; else None: a flow decides.

        An API request needs it: a flow, its driver and the store's checks cost more than a fast HTTP client does.
        """
        record = self.peek()
        if record is None or record.token is None or record.rejected_at is not None:
            return None
        if refresh_window(record.token, now) is not RefreshWindow.FRESH or self._newer(record) is not None:
            return None
        return record.token

    def load(self) -> Record:
        """Return the record; a token that could not be saved is saved now, or at least served."""
        held = self._find_unsaved()
        if held is not None:
            with suppress(StoreFailed):
                self._save(held)
                self._drop(held)
        try:
            record: Record | StoreFailed = call_store(self._read, self.store)
        except StoreFailed as error:
            record = error
        overlaid = self._overlaid(record)
        newer = self._newer(overlaid)
        if newer is None or newer.token is None:
            return overlaid
        self._save(HoldUnsaved(newer.token, newer.generation - 1))
        return newer

    @property
    def holds_unsaved(self) -> bool:
        """Return whether a token waits to be saved."""
        return self._find_unsaved() is not None

    def keep(self, effect: HoldUnsaved) -> None:
        """Hold a token that could not be saved, and save it in the background as soon as the store works."""
        unsaved_tokens.hold(
            self._place(), Unsaved(effect.token, effect.after, self._saving(effect), is_sign_in=effect.is_sign_in)
        )

    def _saving(self, effect: HoldUnsaved) -> Callable[[], None] | None:
        """Return what saves a token in another thread; None if only the next call can."""
        return lambda: self._save(effect)

    def _apply(self, change: Change) -> bool:
        login, change = self._target(change)
        is_applied = self._write(login, change)
        if is_applied:
            self._note_applied(change)
        return is_applied

    def _save(self, held: Unsaved | HoldUnsaved) -> None:
        change = SaveToken(held.token, held.after, self._clock(), is_sign_in=held.is_sign_in)
        call_store(lambda: self._write(self.login, change), self.store)

    def _read(self) -> Record:
        return self.store.load(self.login)

    def _write(self, login: LoginKey, change: Change) -> bool:
        return self.store.apply(login, change)

    def _target(self, change: Change) -> tuple[LoginKey, Change]:
        """Return what a change is applied to, and the change; the store knows only the token before an unsaved one."""
        if isinstance(change, SwapProbe):
            return app_entry(self.login), change
        held = self._find_unsaved() if isinstance(change, DeleteToken) else None
        if held is not None:
            self._drop(held)
            return self.login, DeleteToken(held.after)
        return self.login, change

    def _note_applied(self, change: Change) -> None:
        if isinstance(change, SaveToken) and not change.is_sign_in:
            self._remove_import_copy(change.after)
        elif isinstance(change, DeleteToken):
            self._remove_import_copy(change.generation)
        if isinstance(change, SaveToken):
            _newest.remember_saved(self._place(), change)

    def _remove_import_copy(self, generation: int) -> None:
        """Remove the copy that an import has kept, if its refresh token was of this generation, which is spent."""
        seen = _newest.find(self._place())
        if seen is not None and seen.token is not None and seen.generation == generation:
            remove_copy(self.store.address, self.login, seen.token.fingerprint)

    def _check_writable(self) -> None:
        self.store.load(self.login)  # a damaged record shows now, not when the sign-in is over
        self.store.check_writable()

    def _load_accounts(self) -> list[tuple[LoginKey, Record | StoreFailed]]:
        found: list[tuple[LoginKey, Record | StoreFailed]] = []
        for login in filter(self._is_sibling, self.store.list_logins()):
            try:
                found.append((login, self.store.load(login)))
            except StoreFailed as error:
                if not error.of_one:
                    raise
                found.append((login, error))
        return found

    def _load_probe(self) -> Probe | None:
        return self.store.load(app_entry(self.login)).probe

    def _is_sibling(self, login: LoginKey) -> bool:
        """Return whether a login is of the same app and service."""
        return (login.realm, login.client_id) == (self.login.realm, self.login.client_id)

    def _place(self) -> Hashable:
        return self.store.identity, self.login

    def _find_unsaved(self) -> Unsaved | None:
        return unsaved_tokens.find(self._place()) if unsaved_tokens.held else None

    def _drop(self, held: Unsaved) -> None:
        """Let go of a token that was saved, or that a newer one has passed."""
        unsaved_tokens.drop(self._place(), held)

    def _overlaid(self, record: Record | StoreFailed) -> Record:
        """Return the record with the token that could not be saved, while the store shows nothing newer.

        Raises:
            StoreFailed: it shows nothing at all, and no token is held.
        """
        held = self._find_unsaved()
        if held is not None and (isinstance(record, StoreFailed) or record.generation <= held.after):
            return Record(generation=held.token.generation, token=held.token)
        if isinstance(record, StoreFailed):
            raise record
        return record

    def _newer(self, record: Record) -> Record | None:
        """Return the newer record that this process has seen, if the store went back to `record`."""
        count = _newest.changes
        if record is self._compared and count == self._changes:  # computing the store's identity reads the disk
            return None
        newer = _newest.compare(self._place(), record)
        if newer is None:
            self._compared, self._changes = record, count
        return newer
