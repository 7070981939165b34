"""Earlier formats of a stored record: which of its members lay unsealed, and how it becomes one of the next format.

A store reads every format up to `FORMAT` and writes that one: a record is migrated when it is read, and saved in the
new format with its next change.
"""

from __future__ import annotations

from typing import Any

from traktauth.models.record import FORMAT, HistoryOutcome

_KEY = ("format", "realm", "client_id", "account", "generation")
# By format: the members that compare-and-swap, the keeper and the doctor need to see. Everything else is sealed, and
# bound to these: it opens beside them alone.
CLEAR = {
    1: (*_KEY, "renewable", "renewal", "moved"),
    2: (*_KEY, "refreshable", "pending_refresh", "moved_to"),
}

_MOVER = "store move to "
_LONGEST_PID = 20  # digits
_OUTCOMES = {
    "renewed": HistoryOutcome.REFRESHED,
    "replaced by a new sign-in": HistoryOutcome.SIGNED_IN,
    "replaced by one from another store": HistoryOutcome.IMPORTED,
    "signed out": HistoryOutcome.SIGNED_OUT,
    "lost, as the store went back": HistoryOutcome.ROLLED_BACK,
}


def clear_members(format_number: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever stood in the JSON
    """Return the unsealed members of a record of this format; those of the present one if it is not known."""
    return CLEAR.get(format_number if type(format_number) is int else FORMAT, CLEAR[FORMAT])


def migrate(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of the present format; one of a format that is not known as it is.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is damaged.
    """
    return _from_1(document) if document.get("format") == 1 else document


def _from_1(document: dict[str, Any]) -> dict[str, Any]:
    new = {name: value for name, value in document.items() if name not in {"why_not", "trail", *CLEAR[1]}}
    pending = document["renewal"]
    return {
        **new,
        **{name: document[name] for name in _KEY},
        "format": 2,
        "refreshable": document["renewable"],
        "not_refreshable_reason": document["why_not"],
        "pending_refresh": None if pending is None else _pending_from_1(pending),
        "moved_to": document.get("moved"),
        "history": [_entry_from_1(members) for members in document.get("trail", ())],
    }


def _pending_from_1(members: dict[str, Any]) -> dict[str, Any]:
    new = {"sending": members["attempt"], "started_at": members["at"], "generation": members["generation"]}
    if "sender" in members:
        more = {name: members[name] for name in ("sender", "moving_to", "unconfirmed") if name in members}
        return new | more
    host, pid, moving_to = _sender_from_1(members["by"])
    return {**new, "sender": {"host": host, "pid": pid}, "moving_to": moving_to}


def _entry_from_1(members: dict[str, Any]) -> dict[str, Any]:
    host, pid, _ = _sender_from_1(members["by"])
    outcome, detail = _outcome_from_1(members["ended"])
    return {
        "generation": members["generation"],
        "fingerprint": members["fingerprint"],
        "saved_at": members["at"],
        "host": host or None,
        "pid": pid,
        "outcome": outcome,
        "detail": detail,
        "rolled_back_to": members.get("store_was_at"),
    }


def _sender_from_1(name: str) -> tuple[str, int, str | None]:
    """Return host, process id and where a login was being moved to: all one text once."""
    moving_to = None
    if name.startswith(_MOVER):
        moving_to, _, name = name.removeprefix(_MOVER).rpartition(", ")
    host, _, pid = name.rpartition(":")
    is_known = pid.isascii() and pid.isdecimal() and len(pid) < _LONGEST_PID
    return (host, int(pid), moving_to) if is_known else (name, 0, moving_to)


def _outcome_from_1(text: str | None) -> tuple[HistoryOutcome | None, str | None]:
    if text is None or text in _OUTCOMES:
        return _OUTCOMES.get(text or ""), None
    if text.startswith("sent by "):
        return HistoryOutcome.SENT, None
    if text.startswith("moved to "):
        return HistoryOutcome.MOVED, text.removeprefix("moved to ")
    return HistoryOutcome.NOT_REFRESHABLE, text
