"""A record as a JSON object, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from traktauth.errors import StoreFailed
from traktauth.models import Login, Record, Renewal, Token, Trace
from traktauth.models.record import FORMAT
from traktauth.stores.unreadable import unreadable


def to_document(login: Login, record: Record) -> dict[str, Any]:
    """Return the record, with the login's key, as JSON takes it."""
    token, renewal = record.token, record.renewal
    return {
        "format": FORMAT,
        **members_of(login),
        **members_of(record),
        "token": None if token is None else members_of(token),
        "renewal": None if renewal is None else members_of(renewal),
        "trail": [members_of(trace) for trace in record.trail],
    }


def members_of(value: Login | Record | Token | Renewal | Trace) -> dict[str, Any]:
    """Return a value's members; `asdict` would copy each of them, at ten times the cost."""
    return {name: getattr(value, name) for name in value.__slots__}


def login_of(document: dict[str, Any]) -> Login:
    """Return whose record this is.

    Raises:
        StoreFailed: it is nobody's.
    """
    try:
        return Login(*(_is(document[name], str) for name in ("realm", "client_id", "account")))
    except (KeyError, TypeError):
        raise StoreFailed("The store holds an entry that names no login") from None


def to_record(document: dict[str, Any]) -> Record:
    """Return the record in a document.

    Raises:
        StoreFailed: it is damaged, or a later version of traktauth wrote it.
    """
    if document.get("format") != FORMAT:
        raise unreadable(
            f"A login has the format {document.get('format')!r}; this version of traktauth reads {FORMAT}",
            hint="Use the version of traktauth that wrote it, or a later one",
        )
    try:
        token, renewal = document["token"], document["renewal"]
        return Record(
            generation=_is(document["generation"], int),
            token=None if token is None else _token(token),
            renewable=_is(document["renewable"], bool),
            why_not=_is(document["why_not"], str, type(None)),
            renewal=None if renewal is None else _renewal(renewal),
            saved_at=_number(document.get("saved_at", 0.0)),
            moved=_is(document.get("moved"), str, type(None)),
            trail=tuple(_trace(members) for members in document.get("trail", ())),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
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


def _renewal(members: dict[str, Any]) -> Renewal:
    renewal = Renewal(**members)
    for whole in (renewal.generation, renewal.attempt):
        _is(whole, int)
    _is(renewal.by, str)
    return replace(renewal, at=_number(renewal.at))


def _trace(members: dict[str, Any]) -> Trace:
    return Trace(
        generation=_is(members["generation"], int),
        fingerprint=_is(members["fingerprint"], str),
        at=_number(members["at"]),
        by=_is(members["by"], str),
        ended=_is(members["ended"], str, type(None)),
    )


def _is(value: Any, *kinds: type) -> Any:  # noqa: ANN401 - whatever stood in the JSON
    if type(value) not in kinds:  # a bool is an int, but no number
        raise TypeError("another kind of value")
    return value


def _number(value: Any) -> float:  # noqa: ANN401 - the same
    number = float(_is(value, int, float))
    if number - number != 0:  # not finite
        raise ValueError("no number that could be reckoned with")
    return number
