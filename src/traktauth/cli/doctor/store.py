"""The doctor's look at the store: can it be read and written, by whom else, and does it last."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from traktauth.cli.doctor.findings import Finding, doubtful, good, wrong
from traktauth.cli.doctor.layers import in_container_layer
from traktauth.cli.doctor.permissions import others_can_read, others_can_write, quoted
from traktauth.errors import StoreFailed
from traktauth.stores.addresses import open_store

if TYPE_CHECKING:
    from traktauth.client.settings import Settings
    from traktauth.stores.base import TokenStore

_ELSEWHERE = "Mend it, or keep logins elsewhere: --store file:/PATH.json, or TRAKTAUTH_STORE"
_VOLUME = "Keep it on a volume, or in a store elsewhere: traktauth store move FROM TO"


def check_store(settings: Settings) -> tuple[list[Finding], TokenStore | None]:
    """Look at the store; None in its place where it cannot be read."""
    try:
        store = open_store(settings.store)
        store.logins()
    except (StoreFailed, ValueError) as error:
        return [unusable(error)], None
    findings = [good("store", store.address)]
    try:
        store.check()
        problems = store.problems()
    except StoreFailed as error:
        findings.append(unusable(error))
    else:
        findings.append(good("store", "a trial write succeeded"))
        findings += [_problem(each) for each in problems]
    kind, path = kind_and_path(store.address)
    return findings + (_file(path) if path else _no_file(kind)), store


def kind_and_path(address: str) -> tuple[str, str]:
    """Return what kind of store has an address, and the path of its file; an empty path where it has none."""
    kind, _, rest = address.removeprefix("sealed+").partition(":")
    return kind, os.path.realpath(rest) if kind in {"file", "sqlite"} else ""


def _problem(text: str) -> Finding:
    """Return what a store says may lose a login: the fact, then after a colon the setting that mends it."""
    what, colon, mend = text.rpartition(": ")
    return doubtful("store", what, mend[:1].upper() + mend[1:]) if colon else doubtful("store", text, _ELSEWHERE)


def unusable(error: StoreFailed | ValueError) -> Finding:
    """Return what an error says of the store, with its own advice, unless that is to ask the doctor."""
    hint = error.hint if isinstance(error, StoreFailed) else ""
    return wrong("store", error, _ELSEWHERE if not hint or "traktauth doctor" in hint else hint)


def _file(path: str) -> list[Finding]:
    """Look at who else can read the file or replace it, and whether it outlives a container."""
    folder = os.path.dirname(path)  # noqa: PTH120 - a path as text, as stores have it
    findings: list[Finding] = []
    if others_can_read(path) or others_can_write(path):
        findings.append(doubtful("store", f"Others can read or write {path}", f"chmod 600 {quoted(path)}"))
    if others_can_write(folder):
        what = f"Others can write in {folder}, and so put another file in the store's place"
        findings.append(doubtful("store", what, f"chmod go-w {quoted(folder)}"))
    if not findings:
        findings.append(good("store", "nobody else can read or replace it"))
    if in_container_layer(path):
        what = f"{path} lies in a container's own layer: when the container goes, every login in it goes"
        findings.append(doubtful("store", what, _VOLUME))
    return findings


def _no_file(kind: str) -> list[Finding]:
    if kind != "memory":
        return []
    return [doubtful("store", "memory: forgets every login when the program ends", _ELSEWHERE)]
