"""A record as a JSON object, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast, get_args

from traktauth.errors import LoginRequiredReason, StoreFailed
from traktauth.models import HistoryEntry, LoginKey, PendingRefresh, Probe, Record, Sender, Token, User
from traktauth.models.probe import ProbeOutcome
from traktauth.models.record import FORMAT, HistoryOutcome
from traktauth.stores.errors import unreadable


def to_document(login: LoginKey, record: Record) -> dict[str, Any]:
    """Return the record, with the login's key, as JSON takes it."""
    token, pending, probe = record.token, record.pending_refresh, record.probe
    document = {
        "format": FORMAT,
        **members_of(login),
        **members_of(record),
        "token": None if token is None else members_of(token),
        "pending_refresh": None if pending is None else {**members_of(pending), "sender": members_of(pending.sender)},
        "history": [_entry_to_json(entry) for entry in record.history],
        "user": None if record.user is None else members_of(record.user),
        "probe": None if probe is None else members_of(probe),
    }
    if probe is None:  # in all but a few entries
        del document["probe"]
    return document


def members_of(
    value: LoginKey | Record | Token | PendingRefresh | Sender | HistoryEntry | Probe | User,
) -> dict[str, Any]:
    """Return a value's members; `asdict` would copy each of them, at ten times the cost."""
    return {name: getattr(value, name) for name in cast("Any", value).__slots__}


def _entry_to_json(entry: HistoryEntry) -> dict[str, Any]:
    """Return a history entry's members, without those that say nothing."""
    return {name: member for name, member in members_of(entry).items() if member is not None}


def login_of(document: dict[str, Any]) -> LoginKey:
    """Return whose record this is.

    Raises:
        StoreFailed: it names no login.
    """
    try:
        return LoginKey(*(_is(document[name], str) for name in ("realm", "client_id", "account")))
    except (KeyError, TypeError):
        raise StoreFailed("The store holds an entry that names no login") from None


def to_record(document: dict[str, Any]) -> Record:
    """Return the record in a document.

    Raises:
        StoreFailed: it is damaged, or a later version of traktauth wrote it.
    """
    found = document.get("format")
    if type(found) is not int or found != FORMAT:
        raise unreadable(
            f"A login has the format {found!r}; this version of traktauth reads format {FORMAT}; it is left as it is",
            hint="Use the version of traktauth that wrote it, or move the store away and sign in again",
        )
    try:
        token, pending = document["token"], document["pending_refresh"]
        return Record(
            generation=_is(document["generation"], int),
            token=None if token is None else _token(token),
            refreshable=_is(document["refreshable"], bool),
            not_refreshable_reason=_is(document["not_refreshable_reason"], str, type(None)),
            pending_refresh=None if pending is None else _pending_refresh(pending),
            saved_at=_number(document.get("saved_at", 0.0)),
            moved_to=_is(document["moved_to"], str, type(None)),
            history=tuple(_entry(members) for members in document["history"]),
            rejected_at=_time(document.get("rejected_at")),
            replaced_rejected_at=_time(document.get("replaced_rejected_at")),
            user=_user(document.get("user")),
            probe=_probe(document.get("probe")),
            login_required_reason=_reason(document.get("login_required_reason")),
            ended_at=_time(document.get("ended_at")),
            ended_with=_is(document.get("ended_with"), str, type(None)),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise unreadable("A login's record is damaged; it is left as it is") from None


def _token(members: dict[str, Any]) -> Token:
    token = Token(**members)
    for text in (token.access_token, token.token_type, token.scope):
        _is(text, str)
    _is(token.refresh_token, str, type(None))
    _is(token.created_at, int, type(None))
    for whole in (token.generation, token.expires_in):
        _is(whole, int)
    return replace(token, expires_at=_number(token.expires_at))


def _pending_refresh(members: dict[str, Any]) -> PendingRefresh:
    return PendingRefresh(
        generation=_is(members["generation"], int),
        sending=_is(members["sending"], int),
        started_at=_number(members["started_at"]),
        sender=_sender(members["sender"]),
        moving_to=_is(members.get("moving_to"), str, type(None)),
        unconfirmed=_is(members.get("unconfirmed", False), bool),
    )


def _sender(members: dict[str, Any]) -> Sender:
    return Sender(
        host=_is(members["host"], str),
        pid=_is(members["pid"], int),
        started=_is(members.get("started"), int, type(None)),
        boot_id=_is(members.get("boot_id"), str, type(None)),
        pid_namespace=_is(members.get("pid_namespace"), str, type(None)),
    )


def _entry(members: dict[str, Any]) -> HistoryEntry:
    outcome = members.get("outcome")
    return HistoryEntry(
        generation=_is(members["generation"], int),
        fingerprint=_is(members["fingerprint"], str),
        saved_at=_number(members["saved_at"]),
        host=_is(members.get("host"), str, type(None)),
        pid=_is(members.get("pid", 0), int),
        outcome=None if outcome is None else HistoryOutcome(outcome),
        detail=_is(members.get("detail"), str, type(None)),
        rolled_back_to=_is(members.get("rolled_back_to"), int, type(None)),
        ended_at=_time(members.get("ended_at")),
    )


def _reason(word: Any) -> LoginRequiredReason | None:  # noqa: ANN401 - whatever stood in the JSON
    reason: LoginRequiredReason | None = _is(word, str, type(None))
    return reason if reason in get_args(LoginRequiredReason) else None


def _user(members: Any) -> User | None:  # noqa: ANN401 - whatever stood in the JSON
    """Read the user; one that cannot be read counts as unknown, as nothing depends on it."""
    try:
        return User(_is(members["username"], str), _is(members["uuid"], str, type(None)))
    except (KeyError, TypeError):
        return None


def _probe(members: Any) -> Probe | None:  # noqa: ANN401 - whatever stood in the JSON
    """Read a probe; one that cannot be read counts as none, as nothing depends on it but the time of the next."""
    try:
        outcome: ProbeOutcome = _is(members["outcome"], str)
        return Probe(
            at=_number(members["at"]),
            outcome=outcome if outcome in get_args(ProbeOutcome) else "failed",
            wait=_number(members["wait"]),
            failures=_is(members["failures"], int),
            reason=_is(members["reason"], str),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _time(value: Any) -> float | None:  # noqa: ANN401 - the same
    return None if value is None else _number(value)


_MAX_INT = 2**63 - 1


def _is(value: Any, *kinds: type) -> Any:  # noqa: ANN401 - whatever stood in the JSON
    if type(value) not in kinds:  # a bool is an int, but no number
        raise TypeError("another kind of value")
    if type(value) is int and not -_MAX_INT <= value <= _MAX_INT:
        raise OverflowError("an integer that no database takes")
    return value


def _number(value: Any) -> float:  # noqa: ANN401 - the same
    number = float(_is(value, int, float))
    if number - number != 0:  # not finite
        raise ValueError("no number that could be reckoned with")
    return number
