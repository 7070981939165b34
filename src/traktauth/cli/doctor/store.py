"""Check the store: whether it can be read and written, by which other users, and whether it is durable."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

from traktauth.cli.doctor.findings import Finding, error_finding, good, warning
from traktauth.cli.doctor.settings import others_can_read, others_can_write
from traktauth.client.settings import Settings
from traktauth.errors import StoreFailed
from traktauth.hints import MOVE_COMMAND, Hint
from traktauth.stores.base import TokenStore
from traktauth.stores.errors import DurabilityWarning
from traktauth.stores.mounts import MOUNTS, mounts
from traktauth.stores.open import open_store

_ELSEWHERE = "Fix it, or keep logins elsewhere: --store file:/PATH.json, or TRAKTAUTH_STORE"
_LAYERED = {"overlay", "aufs", "fuse-overlayfs", "fuse.fuse-overlayfs"}


def check_store(settings: Settings) -> tuple[list[Finding], TokenStore | None]:
    """Look at the store; None in its place where it cannot be read."""
    try:
        store = open_store(settings.store)
    except (StoreFailed, ValueError) as error:
        return [store_error_finding(error)], None
    kind, path = split_address(store.address)
    was_readable = bool(path) and others_can_read(path)  # before it is read, which takes that right from them
    try:
        store.list_logins()
    except (StoreFailed, ValueError) as error:
        store.close()
        return [store_error_finding(error)], None
    return [good("store", store.address), *_check(store, kind, path, was_readable=was_readable)], store


def split_address(address: str) -> tuple[str, str]:
    """Return what kind of store has an address, and the path of its file; an empty path where it has none."""
    kind, _, rest = address.removeprefix("sealed+").partition(":")
    return kind, os.path.realpath(rest) if kind in {"file", "sqlite"} else ""


def store_error_finding(error: StoreFailed | ValueError) -> Finding:
    """Return what an error says of the store, with its own advice, unless that is to ask the doctor."""
    hint = error.hint_from({error.code: _ELSEWHERE}) if isinstance(error, StoreFailed) else _ELSEWHERE
    return error_finding("store", error, hint)


def _check(store: TokenStore, kind: str, path: str, *, was_readable: bool) -> Iterator[Finding]:
    """Try to write, and look at who else can read or replace the store's file, and whether it lasts."""
    try:
        store.check_writable()
        problems = store.durability_warnings()
    except StoreFailed as error:
        yield store_error_finding(error)
    else:
        yield good("store", "a test write succeeded")
        for each in problems:  # a store of the user's own may name no fix
            what, fix = (each.fact, each.fix) if isinstance(each, DurabilityWarning) else (each, _ELSEWHERE)
            yield warning("store", what, fix[:1].upper() + fix[1:])
    if path:
        access = list(_check_access(kind, path, was_readable=was_readable))
        yield from access or [good("store", "only this user can read or replace it")]
        if is_in_container_layer(path):
            what = f"{path} lies in a container's own layer: when the container goes, every login in it goes"
            yield warning("store", what, Hint("Keep it on a volume, or in a store elsewhere: ", MOVE_COMMAND))
    elif kind == "memory":
        yield warning("store", "memory: loses every login when the program ends", _ELSEWHERE)


def _check_access(kind: str, path: str, *, was_readable: bool) -> Iterator[Finding]:
    folder, chmod = os.path.split(path)[0], f"chmod 600 {shlex.quote(path)}"
    if was_readable:
        yield warning("store", f"Others could read {path} until now", chmod)
    if others_can_write(path):
        yield warning("store", f"Others can write {path}", chmod)
    # SQLite creates its log beside the database, where another user may have put one before.
    if others_can_write(folder, sticky=kind == "sqlite"):
        what = f"Others can write in {folder}, and so put another file in the store's place"
        yield warning("store", what, f"chmod go-w {shlex.quote(folder)}")


def is_in_container_layer(path: str, mountinfo: str = MOUNTS) -> bool:
    """Tell whether a file is, or would be, on a layered file system and on no volume; False if it is not known."""
    return find_filesystem(path, mounts(mountinfo)) in _LAYERED


def find_filesystem(path: str, mounted: list[tuple[str, str]]) -> str:
    """Return the type of the file system that a real path is on; an empty text if none of `mounted` has it."""
    longest, kind = "", ""
    for point, what in mounted:
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(longest):  # of two at one point the later hides the earlier
            longest, kind = point, what
    return kind
