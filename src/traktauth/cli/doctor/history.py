"""Why a login ended: the answer from the history that a store keeps with each login."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from traktauth.cli.login_status_text import describe_refresh
from traktauth.cli.times import format_time
from traktauth.explain import explain
from traktauth.flow.login_status import LoginState
from traktauth.flow.moved_login import describe_target
from traktauth.models.record import HistoryOutcome

if TYPE_CHECKING:
    from traktauth.cli.inventory import StoredLogin
    from traktauth.models import HistoryEntry

_FEW = 3  # generations that are shown of a login that is well
_OUTCOMES = {
    HistoryOutcome.SIGNED_IN: "replaced by a new sign-in",
    HistoryOutcome.SIGNED_OUT: "signed out",
    HistoryOutcome.IMPORTED: "replaced by one from another store",
    HistoryOutcome.ROLLED_BACK: "lost, as the store went back",
}


def history_lines(found: StoredLogin) -> tuple[str, ...]:
    """Return a title and a line for each remembered generation, oldest first; for a valid login the last few."""
    history = found.record.history
    is_well = found.status.state is LoginState.VALID and found.status.pending is None
    shown = history[-_FEW:] if is_well else history
    before = len(history) - len(shown)
    if not shown:
        return ()
    earlier = f" ({before} earlier left out)" if before else ""
    return f"History{earlier}: time, generation, token, event", *(_line(entry, found) for entry in shown)


def _line(entry: HistoryEntry, found: StoredLogin) -> str:
    came = f"refreshed by {entry.process}" if entry.process else "signed in"
    if entry.rolled_back_to is not None:
        came += f"; the store had gone back to generation {entry.rolled_back_to}"
    outcome = _describe_outcome(entry, found)
    ended = f", then {outcome}" if outcome else ""
    return f"{format_time(entry.saved_at, exact=True)}  {entry.generation:>3}  {entry.fingerprint}  {came}{ended}"


def _describe_outcome(entry: HistoryEntry, found: StoredLogin) -> str:
    pending = found.record.pending_refresh
    match entry.outcome:
        case None | HistoryOutcome.REFRESHED:
            return ""  # the next line says so
        case HistoryOutcome.SENT:
            return f"sent by {pending.sender}, sending {pending.sending}" if pending else "sent"
        case HistoryOutcome.MOVED:
            return f"moved to {entry.detail}"
        case HistoryOutcome.NOT_REFRESHABLE:
            return entry.detail or "marked as not refreshable"
        case _:
            return _OUTCOMES[entry.outcome]


def explain_end(found: StoredLogin, now: float) -> str:
    """Return in a sentence why a login has ended or will end; an empty text for one that is well or never was."""
    record, status = found.record, found.status
    match status.reason:
        case "moved" if status.moved_to is not None:
            return f"It was moved to {describe_target(status.moved_to)[0]}"
        case "signed-out":
            return f"It was signed out here; {_last(record.history)}" if record.history else "It was signed out here"
        case "revoked" | "reply-lost" | "expired" if not record.refreshable:
            return f"{_sentence(record.not_refreshable_reason)}; {_last(record.history)}"
        case "expired":  # and no keeper has noted it
            return "Trakt gave no refresh token with its last token, so it ends with that"
        case "reply-lost" if record.pending_refresh is not None and not status.is_valid:
            sent = f"{format_time(record.pending_refresh.started_at)} by {record.pending_refresh.sender}"
            return f"Its refresh was sent ({sent}), no response came, and its token has expired since"
        case _ if status.pending is not None:
            return describe_refresh(found, now)
        case _:
            return ""


def end_lines(found: StoredLogin) -> tuple[str, ...]:
    """Return when a login ended, in Trakt's words if it sent any, the likely causes and what to do."""
    record, reason = found.record, found.status.reason
    entries = explain(f"login-{reason}")
    if not found.status.needs_login or not entries:
        return ()
    when = f"Refused at {format_time(record.ended_at, exact=True)}" if record.ended_at else ""
    words = f'Trakt said: "{record.ended_with}"' if record.ended_with else ""
    seen = "; ".join(filter(None, (when, words)))
    return (*filter(None, (seen,)), f"Why: {entries[0].cause}", f"Fix: {entries[0].fix}")


def _last(history: tuple[HistoryEntry, ...]) -> str:
    if not history:
        return "nothing is known of what came before"
    last = history[-1]
    came = f"was refreshed by {last.process}" if last.process else "came with a sign-in"
    return f"the last token, {last.fingerprint}, {came} at {format_time(last.saved_at)}"


def _sentence(words: str | None) -> str:
    text = words or "it is marked as not refreshable"
    return text[:1].upper() + text[1:]


def to_json(found: StoredLogin, now: float) -> dict[str, Any]:
    """Return a login's history as a program reads it."""
    return {
        **asdict(found.status),
        "ended_at": found.record.ended_at,
        "ended_with": found.record.ended_with,
        "answer": explain_end(found, now) if found.is_readable else found.status.message,
        "history": [asdict(entry) for entry in found.record.history],
    }
