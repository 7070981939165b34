"""What the history of a login shows: why it ended, and machines that share a file, or a store that went back."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from traktauth.cli.doctor.findings import Finding, warning
from traktauth.cli.doctor.service import check_history_clock
from traktauth.cli.inventory import describe_refresh
from traktauth.cli.times import format_time
from traktauth.explain import explain
from traktauth.flow.login_status import LoginState
from traktauth.flow.moved_login import describe_target
from traktauth.hints import MOVE_COMMAND, Hint
from traktauth.models.record import HistoryOutcome

if TYPE_CHECKING:
    from traktauth.cli.inventory import StoredLogin
    from traktauth.models import HistoryEntry, Record


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


_SHARE = Hint(
    "Let machines share a store that is made for it (",
    MOVE_COMMAND.with_arguments("redis://… or postgresql://…"),
    "), or let each sign in under an account of its own",
)


def check_machines(found: StoredLogin, now: float, *, on_one_machine: bool, host: str) -> list[Finding]:
    """Look at who wrote a login, and when.

    Args:
        found: the login.
        now: Unix seconds.
        on_one_machine: whether the store is a file, which no lock shares between machines.
        host: the name of this machine.
    """
    name = f"{found.login.account} at {found.login.realm}"
    findings = check_history_clock(found.record, now, found.login.realm) + _restores(name, found.record)
    if on_one_machine:
        findings += _writers(name, found.record, host)
    return findings


def _restores(name: str, record: Record) -> list[Finding]:
    """Find that the store has lost what it had confirmed, as after a restored backup or a failover."""
    went_back = [entry for entry in record.history if entry.rolled_back_to is not None]
    if not went_back:
        return []
    last = went_back[-1]
    lost = last.generation - 1 - (last.rolled_back_to or 0)
    count = f"{lost} generation{'s' if lost > 1 else ''}"
    return [
        warning(
            "store",
            f"{name}: the store went back by {count} before {format_time(last.saved_at)}, "
            "as after a restored backup, an emptied database, or a failover to a replica that lagged behind",
            "Keep a store that holds logins out of restores; with replicas, let writes wait for them",
        )
    ]


def _writers(name: str, record: Record, host: str) -> list[Finding]:
    hosts = list_writers(record)
    others = sorted(set(hosts) - {host})
    if not others:
        return []
    if len(hosts) > len(set(hosts)):
        found = (
            f"{name} is refreshed by several machines by turns ({', '.join(sorted(set(hosts)))}), but a file has no "
        )
        return [
            warning("login", f"{found}lock that reaches over machines: two that refresh at once end the login", _SHARE)
        ]
    if hosts[-1] != host:
        found = (
            f"{name} was last refreshed by {hosts[-1]}, and this is {host}: the store was copied from there, or the "
        )
        found += "machine's name has changed. A copy that is used in both places ends the login in both"
    else:
        found = (
            f"{name} was refreshed by {', '.join(others)} before; if the store is still used there, both end the login"
        )
    return [warning("login", found, _SHARE)]


def list_writers(record: Record) -> list[str]:
    """Return the machines that refreshed a login, in order; one that stays at it stands once."""
    hosts = [entry.host for entry in record.history if entry.host]
    if record.pending_refresh is not None:
        hosts.append(record.pending_refresh.sender.host)
    return [host for host, _ in groupby(hosts)]
