"""A person approves or denies a device code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.strings import as_typed

if TYPE_CHECKING:
    from traktauth.server.storage.records import Device
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
