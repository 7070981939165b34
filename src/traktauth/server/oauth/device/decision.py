"""The user approves or denies a device code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.oauth.device.user_code import normalize_user_code

if TYPE_CHECKING:
    from traktauth.server.storage.models import Client, DeviceCode
    from traktauth.server.storage.repositories import Repositories

STATUSES = {"approve": "approved", "deny": "denied"}


def pending_device(db: Repositories, typed: str, *, now: float) -> DeviceCode | None:
    """Return the pending device code with a user code, however that was typed."""
    device = db.device_codes.by_user_code(normalize_user_code(typed))
    return device if device is not None and device.status == "pending" and device.expires > now else None


def decide(db: Repositories, typed: str, *, user: int, decision: str, now: float) -> bool:
    """Approve or deny a pending code; return whether there was one."""
    device = pending_device(db, typed, now=now)
    return device is not None and db.device_codes.decide(device.id, STATUSES[decision], user=user)


def pending_client(db: Repositories, typed: str, *, now: float) -> Client | None:
    """Return the client whose device waits for a decision; None if it was disabled or deleted in the meantime."""
    device = pending_device(db, typed, now=now)
    return None if device is None else _find_enabled_client(db, device)


def decide_on_page(db: Repositories, typed: str, *, user: int, decision: str, now: float) -> bool:
    """Take a user's decision on a page; the same decision sent again counts as the first."""
    is_pending = pending_client(db, typed, now=now) is not None
    if is_pending and decide(db, typed, user=user, decision=decision, now=now):
        return True
    device = db.device_codes.by_user_code(normalize_user_code(typed))
    if device is None or device.user_id != user or device.expires <= now or _find_enabled_client(db, device) is None:
        return False
    return ("denied" if device.status == "denied" else "approved") == STATUSES[decision]


def _find_enabled_client(db: Repositories, device: DeviceCode) -> Client | None:
    client = db.clients.get(device.client)
    return None if client is None or client.disabled else client
