"""A person approves or denies a device code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.strings import as_typed

if TYPE_CHECKING:
    from traktauth.server.storage.records import App, Device
    from traktauth.server.storage.tables import Tables

ANSWERS = {"approve": "approved", "deny": "denied"}


def waiting_device(tables: Tables, typed: str, *, now: float) -> Device | None:
    """Give the device code that waits for an answer under a user code, however that was typed."""
    device = tables.devices.shown_as(as_typed(typed))
    return device if device is not None and device.status == "pending" and device.expires > now else None


def answer_device(tables: Tables, typed: str, *, person: int, decision: str, now: float) -> bool:
    """Approve or deny a waiting code; whether there was one."""
    device = waiting_device(tables, typed, now=now)
    return device is not None and tables.devices.answer(device.id, ANSWERS[decision], person=person)


def asking_app(tables: Tables, typed: str, *, now: float) -> App | None:
    """Give the app whose device waits for an answer; None where it has been switched off or deleted meanwhile."""
    device = waiting_device(tables, typed, now=now)
    return None if device is None else _living_app(tables, device)


def answer_on_page(tables: Tables, typed: str, *, person: int, decision: str, now: float) -> bool:
    """Take a person's answer to what the page has shown; the same answer once more is as good as the first."""
    waits = asking_app(tables, typed, now=now) is not None
    if waits and answer_device(tables, typed, person=person, decision=decision, now=now):
        return True
    device = tables.devices.shown_as(as_typed(typed))
    if device is None or device.person != person or device.expires <= now or _living_app(tables, device) is None:
        return False
    return ("denied" if device.status == "denied" else "approved") == ANSWERS[decision]


def _living_app(tables: Tables, device: Device) -> App | None:
    app = tables.apps.numbered(device.app)
    return None if app is None or app.disabled else app
