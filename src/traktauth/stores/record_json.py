"""A record as a JSON object, and back."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import Any, TypeVar, cast, get_args

from traktauth.errors import LoginRequiredReason, StoreFailed
from traktauth.models import App, HistoryEntry, LoginKey, PendingRefresh, Probe, Record, Sender, Token, User
from traktauth.models.record import FORMAT, HistoryOutcome, ProbeOutcome
from traktauth.models.token_digests import TokenDigests
from traktauth.stores.errors import unreadable

T = TypeVar("T")


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
        "digests": members_of(record.digests),
        "app": None if record.app is None else {name: getattr(record.app, name) for name in _APP_MEMBERS},
    }
    if probe is None:  # in all but a few entries
        del document["probe"]
    return document


def members_of(
    value: LoginKey | Record | Token | PendingRefresh | Sender | HistoryEntry | Probe | User | TokenDigests,
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
            not_refreshable_reason=_optional(document["not_refreshable_reason"], str),
            pending_refresh=None if pending is None else _pending_refresh(pending),
            saved_at=_number(document.get("saved_at", 0.0)),
            moved_to=_optional(document["moved_to"], str),
            history=tuple(_entry(members) for members in document["history"]),
            rejected_at=_time(document.get("rejected_at")),
            replaced_rejected_at=_time(document.get("replaced_rejected_at")),
            user=_user(document.get("user")),
            probe=_probe(document.get("probe")),
            login_required_reason=_reason(document.get("login_required_reason")),
            ended_at=_time(document.get("ended_at")),
            ended_with=_optional(document.get("ended_with"), str),
            digests=_digests(document["digests"]),
            app=_app(_is(document["client_id"], str), document.get("app")),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise unreadable("A login's record is damaged; it is left as it is") from None


def _token(members: dict[str, Any]) -> Token:
    token = Token(**members)
    for text in (token.access_token, token.token_type, token.scope):
        _is(text, str)
    _optional(token.refresh_token, str)
    _optional(token.created_at, int)
    for whole in (token.generation, token.expires_in):
        _is(whole, int)
    return replace(token, expires_at=_number(token.expires_at))


def _pending_refresh(members: dict[str, Any]) -> PendingRefresh:
    return PendingRefresh(
        generation=_is(members["generation"], int),
        sending=_is(members["sending"], int),
        started_at=_number(members["started_at"]),
        sender=_sender(members["sender"]),
        moving_to=_optional(members.get("moving_to"), str),
        unconfirmed=_is(members.get("unconfirmed", False), bool),
    )


def _sender(members: dict[str, Any]) -> Sender:
    return Sender(
        host=_is(members["host"], str),
        pid=_is(members["pid"], int),
        started=_optional(members.get("started"), int),
        boot_id=_optional(members.get("boot_id"), str),
        pid_namespace=_optional(members.get("pid_namespace"), str),
    )


def _entry(members: dict[str, Any]) -> HistoryEntry:
    outcome = members.get("outcome")
    return HistoryEntry(
        generation=_is(members["generation"], int),
        fingerprint=_is(members["fingerprint"], str),
        saved_at=_number(members["saved_at"]),
        host=_optional(members.get("host"), str),
        pid=_is(members.get("pid", 0), int),
        outcome=None if outcome is None else HistoryOutcome(outcome),
        detail=_optional(members.get("detail"), str),
        rolled_back_to=_optional(members.get("rolled_back_to"), int),
        ended_at=_time(members.get("ended_at")),
    )


def _reason(word: object) -> LoginRequiredReason | None:
    return cast("LoginRequiredReason", word) if _optional(word, str) in get_args(LoginRequiredReason) else None


def _user(members: dict[str, Any] | None) -> User | None:
    """Read the user; one that cannot be read counts as unknown, as nothing depends on it."""
    try:
        return None if members is None else User(_is(members["username"], str), _optional(members["uuid"], str))
    except (KeyError, TypeError):
        return None


def _digests(members: dict[str, Any]) -> TokenDigests:
    def read(name: str) -> tuple[str, ...]:
        each_one: list[object] = members[name]
        return tuple(_is(each, str) for each in each_one)

    user = _optional(members["user"], str)
    return TokenDigests(read("placeholders"), read("access_tokens"), read("refresh_tokens"), user)


_APP_MEMBERS = ("client_secret", "redirect_uri")  # its id is in the login's key


def _app(client_id: str, members: dict[str, Any] | None) -> App | None:
    return None if members is None else App(client_id, **{name: members[name] for name in _APP_MEMBERS})


def _probe(members: dict[str, Any] | None) -> Probe | None:
    """Read a probe; one that cannot be read counts as none, as nothing depends on it but the time of the next."""
    if members is None:
        return None
    try:
        outcome = _is(members["outcome"], str)
        return Probe(
            at=_number(members["at"]),
            outcome=cast("ProbeOutcome", outcome) if outcome in get_args(ProbeOutcome) else "failed",
            wait=_number(members["wait"]),
            failures=_is(members["failures"], int),
            reason=_is(members["reason"], str),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _time(value: object) -> float | None:
    return None if value is None else _number(value)


_MAX_INT = 2**63 - 1


def _is(value: object, kind: type[T]) -> T:
    if type(value) is not kind:  # a bool is an int, but no number
        raise TypeError("another kind of value")
    if isinstance(value, int) and not -_MAX_INT <= value <= _MAX_INT:
        raise OverflowError("an integer that no database takes")
    return value


def _optional(value: object, kind: type[T]) -> T | None:
    return None if value is None else _is(value, kind)


def _number(value: object) -> float:
    number = float(_is(value, int) if type(value) is int else _is(value, float))
    if not isfinite(number):
        raise ValueError("not a finite number")
    return number
