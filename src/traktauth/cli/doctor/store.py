"""Check the store: whether it can be read and written, by which other users, and whether it is durable."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from traktauth.cli.doctor.findings import Finding, error_finding, good, warning
from traktauth.cli.doctor.settings import others_can_read, others_can_write, quote_path
from traktauth.errors import StoreFailed
from traktauth.hints import MOVE_COMMAND, Hint
from traktauth.stores.errors import DurabilityWarning
from traktauth.stores.mounts import MOUNTS, mounts
from traktauth.stores.open import open_store

if TYPE_CHECKING:
    from traktauth.client.settings import Settings
    from traktauth.stores.base import TokenStore


_ELSEWHERE = "Fix it, or keep logins elsewhere: --store file:/PATH.json, or TRAKTAUTH_STORE"
_VOLUME = Hint("Keep it on a volume, or in a store elsewhere: ", MOVE_COMMAND)


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
    findings = [good("store", store.address)]
    try:
        store.check_writable()
        problems = store.durability_warnings()
    except StoreFailed as error:
        findings.append(store_error_finding(error))
    else:
        findings.append(good("store", "a test write succeeded"))
        findings += [_problem(each) for each in problems]
    return findings + (_file(kind, path, was_readable=was_readable) if path else _no_file(kind)), store


def split_address(address: str) -> tuple[str, str]:
    """Return what kind of store has an address, and the path of its file; an empty path where it has none."""
    kind, _, rest = address.removeprefix("sealed+").partition(":")
    return kind, os.path.realpath(rest) if kind in {"file", "sqlite"} else ""


def _problem(text: str) -> Finding:
    """Return what a store says may lose a login; a store of the user's own may name no fix."""
    if isinstance(text, DurabilityWarning):
        return warning("store", text.fact, text.fix[:1].upper() + text.fix[1:])
    return warning("store", text, _ELSEWHERE)


def store_error_finding(error: StoreFailed | ValueError) -> Finding:
    """Return what an error says of the store, with its own advice, unless that is to ask the doctor."""
    hint = error.hint_from({error.code: _ELSEWHERE}) if isinstance(error, StoreFailed) else _ELSEWHERE
    return error_finding("store", error, hint)


def _file(kind: str, path: str, *, was_readable: bool) -> list[Finding]:
    """Look at who else can read the file or replace it, and whether it outlives a container."""
    folder = os.path.dirname(path)  # noqa: PTH120 - a path as text, as stores have it
    findings: list[Finding] = []
    if was_readable:
        findings.append(warning("store", f"Others could read {path} until now", f"chmod 600 {quote_path(path)}"))
    if others_can_write(path):
        findings.append(warning("store", f"Others can write {path}", f"chmod 600 {quote_path(path)}"))
    # SQLite creates its log beside the database, where another user may have put one before.
    if others_can_write(folder, sticky=kind == "sqlite"):
        what = f"Others can write in {folder}, and so put another file in the store's place"
        findings.append(warning("store", what, f"chmod go-w {quote_path(folder)}"))
    if not findings:
        findings.append(good("store", "only this user can read or replace it"))
    if is_in_container_layer(path):
        what = f"{path} lies in a container's own layer: when the container goes, every login in it goes"
        findings.append(warning("store", what, _VOLUME))
    return findings


def _no_file(kind: str) -> list[Finding]:
    if kind != "memory":
        return []
    return [warning("store", "memory: loses every login when the program ends", _ELSEWHERE)]


_LAYERED = {"overlay", "aufs", "fuse-overlayfs", "fuse.fuse-overlayfs"}


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
