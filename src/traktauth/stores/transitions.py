"""The store's two promises as pure steps from record to record, for every store that holds whole records."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from traktauth.models import Record

if TYPE_CHECKING:
    from traktauth.models import Renewal, Token


def begun(record: Record, renewal: Renewal) -> Record | None:
    """Return the record with the renewal open, or None where the right to send is not to be had."""
    last = record.renewal.attempt if record.renewal else 0
    free = record.token is not None and record.renewable and renewal.generation == record.generation
    return replace(record, renewal=renewal) if free and renewal.attempt == last + 1 else None


def cancelled(record: Record, renewal: Renewal, before: Renewal | None) -> Record | None:
    """Return the record with the renewal taken back, or None where it is not open any more."""
    mine = record.renewal is not None and (record.renewal.generation, record.renewal.attempt) == (
        renewal.generation,
        renewal.attempt,
    )
    return replace(record, renewal=before) if mine else None


def saved(record: Record, token: Token, after: int, at: float) -> Record | None:
    """Return the record of the new pair, or None where it does not follow the stored one."""
    if record.generation != after or token.generation <= after:
        return None
    return Record(generation=token.generation, token=token, saved_at=at)


def marked(record: Record, generation: int, why: str | None) -> Record | None:
    """Return the record with the mark, or None where another generation is stored."""
    if record.generation != generation or record.token is None:
        return None
    return replace(record, renewable=why is None, why_not=why)


def forgotten(record: Record, generation: int) -> Record | None:
    """Return the record without its pair, or None where another generation is stored."""
    return Record(generation=generation) if record.generation == generation else None


def handed_over(record: Record, generation: int, to: str) -> Record | None:
    """Return the record without its pair, which lies in another store now, or None where another generation is."""
    return Record(generation=generation, moved=to) if record.generation == generation and record.token else None
