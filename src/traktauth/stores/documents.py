"""A record as a JSON object, and back."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from traktauth.errors import StoreFailed
from traktauth.models import Login, Record, Renewal, Token
from traktauth.models.record import FORMAT


def to_document(login: Login, record: Record) -> dict[str, Any]:
    """Return the record, with the login's key, as JSON takes it."""
    return {"format": FORMAT, **asdict(login), **asdict(record)}


def login_of(document: dict[str, Any]) -> Login:
    """Return whose record this is.

    Raises:
        StoreFailed: it is nobody's.
    """
    try:
        return Login(*(_text(document[name]) for name in ("realm", "client_id", "account")))
    except (KeyError, TypeError):
        raise StoreFailed("The store holds an entry that names no login") from None


def to_record(document: dict[str, Any]) -> Record:
    """Return the record in a document.

    Raises:
        StoreFailed: it is damaged, or a later version of traktauth wrote it.
    """
    if document.get("format") != FORMAT:
        raise StoreFailed(
            f"A login has the format {document.get('format')!r}; this version of traktauth reads {FORMAT}",
            hint="Use the version of traktauth that wrote it, or a later one",
        )
    try:
        token, renewal = document["token"], document["renewal"]
        return Record(
            generation=_whole(document["generation"]),
            token=None if token is None else _token(token),
            renewable=bool(document["renewable"]),
            why_not=document["why_not"],
            renewal=None if renewal is None else Renewal(**renewal),
            saved_at=float(document.get("saved_at", 0.0)),
        )
    except (KeyError, TypeError, ValueError):
        raise StoreFailed(
            "A login's record is damaged", hint="Restore the store from a backup, or sign in again: traktauth login"
        ) from None


def _token(members: dict[str, Any]) -> Token:
    token = Token(**members)
    _text(token.access_token)
    _whole(token.generation)
    return replace(token, expires_at=float(token.expires_at))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("not a whole number")
    return value
