"""The store's two promises as pure steps from record to record, for every store that holds whole records."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from traktauth.models import Record, Trace

if TYPE_CHECKING:
    from traktauth.models import Renewal, Token

TRAIL = 20  # generations


def begun(record: Record, renewal: Renewal) -> Record | None:
    """Return the record with the renewal open, or None where the right to send is not to be had."""
    last = record.renewal.attempt if record.renewal else 0
    free = record.token is not None and record.renewable and renewal.generation == record.generation
    if not free or renewal.attempt != last + 1:
        return None
    return replace(
        record, renewal=renewal, trail=ended(record.trail, f"sent by {renewal.by}, attempt {renewal.attempt}")
    )


def cancelled(record: Record, renewal: Renewal, before: Renewal | None) -> Record | None:
    """Return the record with the renewal taken back, or None where it is not open any more."""
    mine = record.renewal is not None and (record.renewal.generation, record.renewal.attempt) == (
        renewal.generation,
        renewal.attempt,
    )
    how = None if before is None else f"sent by {before.by}, attempt {before.attempt}"
    return replace(record, renewal=before, trail=ended(record.trail, how)) if mine else None


def saved(record: Record, token: Token, after: int, at: float) -> Record | None:
    """Return the record of the new pair, or None where it does not follow the stored one."""
    if record.generation != after or token.generation <= after:
        return None
    by = record.renewal.by if record.renewal else ""
    how = "renewed" if by else "replaced by a new sign-in" if record.token else _last(record.trail)
    trace = Trace(token.generation, token.fingerprint, at, by)
    trail = (*ended(record.trail, how), trace)[-TRAIL:]
    return Record(generation=token.generation, token=token, saved_at=at, trail=trail)


def marked(record: Record, generation: int, why: str | None) -> Record | None:
    """Return the record with the mark, or None where another generation is stored."""
    if record.generation != generation or record.token is None:
        return None
    return replace(record, renewable=why is None, why_not=why, trail=ended(record.trail, why))


def forgotten(record: Record, generation: int) -> Record | None:
    """Return the record without its pair, or None where another generation is stored.

    The generation stays, unless a renewal of it is open: one that comes late must not bring back what was forgotten.
    """
    if record.generation != generation:
        return None
    passed = generation + (record.renewal is not None)
    return Record(generation=passed, trail=ended(record.trail, "signed out"))


def handed_over(record: Record, generation: int, to: str) -> Record | None:
    """Return the record without its pair, which lies in another store now, or None where another generation is."""
    if record.generation != generation or record.token is None:
        return None
    return Record(generation=generation, moved=to, trail=ended(record.trail, f"moved to {to}"))


def taken_over(record: Record, given: Record) -> Record | None:
    """Return another store's record with its history, or None where this one knows a generation that is as new."""
    if given.token is None or given.generation <= record.generation:
        return None
    before = ended(record.trail, "replaced by one from another store") if record.token else record.trail
    trail = (*before, *ended(given.trail, given.why_not))[-TRAIL:]
    return replace(given, renewal=None, moved=None, trail=trail)


def ended(trail: tuple[Trace, ...], how: str | None) -> tuple[Trace, ...]:
    """Return the trail with what became of its last generation."""
    if not trail:
        return ()
    last = trail[-1]
    return (*trail[:-1], Trace(last.generation, last.fingerprint, last.at, last.by, how))


def _last(trail: tuple[Trace, ...]) -> str | None:
    return trail[-1].ended if trail else None
