"""Check the configuration file and the store: whether they can be read and written, by whom, and whether they last."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from traktauth.cli.common_options import CommonOptions
from traktauth.cli.doctor.findings import Finding, error_finding, good, warning
from traktauth.client.settings import Settings, read_file
from traktauth.errors import StoreFailed
from traktauth.hints import DOCTOR_COMMAND, MOVE_COMMAND, Hint
from traktauth.private_files import OTHERS_WRITE, is_own, user_name
from traktauth.stores.base import TokenStore
from traktauth.stores.errors import DurabilityWarning
from traktauth.stores.file.atomic_file import MOUNTS, mounts
from traktauth.stores.open import open_store
from traktauth.stores.user_folders import config_path, default_config_path

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


_OTHERS_READ = stat.S_IRGRP | stat.S_IROTH


def check_settings(options: CommonOptions) -> tuple[list[Finding], Settings | None]:
    """Read the settings; None where they cannot be read."""
    try:
        settings = options.settings()
    except ValueError as error:
        return [error_finding("settings", error, Hint("Fix it, then: ", DOCTOR_COMMAND))], None
    names = {name for name in os.environ if name.startswith("TRAKTAUTH_")} - {"TRAKTAUTH_CONFIG"}
    variables = ", ".join(sorted(names))
    path, default = config_path(os.environ), default_config_path()
    if path is not None:
        override = f"; {variables} of the environment go before it" if variables else ""
        return [good("settings", f"from {path}{override}"), *check_permissions(path)], settings
    absent = f"; the configuration file {default} does not exist" if default else ""
    return [good("settings", f"from {variables or 'the defaults'}{absent}")], settings


def check_permissions(path: str) -> list[Finding]:
    """Look at who else can read or change the configuration file, which may hold the app's secret."""
    findings: list[Finding] = []
    chmod = f"chmod 600 {shlex.quote(path)}"
    if others_can_write(path):
        findings.append(warning("settings", f"Others can change {path}", chmod))
    elif others_can_read(path) and "client_secret" in read_file(path):
        findings.append(warning("settings", f"Others can read {path}, and it contains the app's secret", chmod))
    status = _status(path)
    if status is not None and not is_own(status, or_roots=True):
        what = f"{path} belongs to another user ({user_name(status.st_uid)}), who can change it"
        findings.append(warning("settings", what, f"chown {os.getuid()} {shlex.quote(path)}"))
    return findings


def others_can_read(path: str) -> bool:
    """Return whether another user may read a file."""
    status = _status(path)
    return status is not None and bool(status.st_mode & _OTHERS_READ)


def others_can_write(path: str, *, sticky: bool = False) -> bool:
    """Return whether another user may write a file, or put another file in the place of one in a folder.

    Args:
        path: of a file or folder.
        sticky: count a folder with the sticky bit, such as /tmp. A user cannot replace another user's file
            there, but can create one first.
    """
    status = _status(path)
    if status is None:
        return False
    is_safe = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX and not sticky
    return bool(status.st_mode & OTHERS_WRITE) and not is_safe


def _status(path: str) -> os.stat_result | None:
    """Return a file's status; None if it does not exist, or if its mode means nothing (Windows has access lists)."""
    try:
        return None if os.name == "nt" else Path(path).stat()
    except OSError:
        return None
