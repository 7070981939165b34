"""The doctor's look at the store: can it be read and written, and by whom else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from traktauth.cli.doctor.findings import Finding, doubtful, good, wrong
from traktauth.cli.doctor.permissions import others_can_read, others_can_write, quoted
from traktauth.errors import StoreFailed
from traktauth.stores.addresses import open_store

if TYPE_CHECKING:
    from traktauth.client.settings import Settings
    from traktauth.stores.base import TokenStore

_ELSEWHERE = "Mend it, or keep logins elsewhere: --store file:/PATH.json, or TRAKTAUTH_STORE"


def check_store(settings: Settings) -> tuple[list[Finding], TokenStore | None]:
    """Look at the store; None in its place where it cannot be read."""
    try:
        store = open_store(settings.store)
        for login in store.logins():
            store.load(login)
    except (StoreFailed, ValueError) as error:
        return [wrong("store", error, _mend(error))], None
    findings = [good("store", store.address)]
    try:
        store.check()
    except StoreFailed as error:
        findings.append(wrong("store", error, _mend(error)))
    else:
        findings.append(good("store", "a trial write succeeded"))
    scheme, _, path = store.address.partition(":")
    return findings + (_permissions(path) if scheme == "file" else _no_file(scheme)), store


def _mend(error: StoreFailed | ValueError) -> str:
    """Return the error's own advice, unless that is to ask the doctor."""
    hint = error.hint if isinstance(error, StoreFailed) else ""
    return _ELSEWHERE if not hint or "traktauth doctor" in hint else hint


def _permissions(path: str) -> list[Finding]:
    """Look at who else can read the file or replace it."""
    path = os.path.realpath(path)
    folder = os.path.dirname(path)  # noqa: PTH120 - a path as text, as stores have it
    findings: list[Finding] = []
    if others_can_read(path) or others_can_write(path):
        findings.append(doubtful("store", f"Others can read or write {path}", f"chmod 600 {quoted(path)}"))
    if others_can_write(folder):
        what = f"Others can write in {folder}, and so put another file in the store's place"
        findings.append(doubtful("store", what, f"chmod go-w {quoted(folder)}"))
    return findings or [good("store", "nobody else can read or replace it")]


def _no_file(scheme: str) -> list[Finding]:
    if scheme != "memory":
        return []
    return [doubtful("store", "memory: forgets every login when the program ends", _ELSEWHERE)]
