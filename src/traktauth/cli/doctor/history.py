"""What the history of a login shows: why it ended, and machines that share a file, or a store that went back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby, pairwise
from typing import Any

from traktauth.cli.doctor.findings import Finding, warning
from traktauth.cli.doctor.service import SET_CLOCK
from traktauth.cli.inventory import StoredLogin, describe_refresh
from traktauth.cli.times import format_duration, format_time
from traktauth.client.api_address import is_on_this_machine
from traktauth.explain import explain
from traktauth.flow.login_status import LoginState
from traktauth.flow.moved_login import describe_target
from traktauth.hints import MOVE_COMMAND, Hint
from traktauth.models import HistoryEntry, Record
from traktauth.models.record import HistoryOutcome
from traktauth.models.refresh_window import IMPLAUSIBLE

_FEW = 3  # generations that are shown of a login that is well
_TOLERANCE = 120.0  # seconds that two machines' clocks may differ by
_OUTCOMES = {
    HistoryOutcome.SIGNED_IN: "replaced by a new sign-in",
    HistoryOutcome.SIGNED_OUT: "signed out",
    HistoryOutcome.IMPORTED: "replaced by one from another store",
    HistoryOutcome.ROLLED_BACK: "lost, as the store went back",
}
_SHARE = Hint(
    "Let machines share a store that is made for it (",
    MOVE_COMMAND.with_arguments("redis://… or postgresql://…"),
    "), or let each sign in under an account of its own",
)


def history_lines(found: StoredLogin) -> tuple[str, ...]:
    """Return a title and a line for each remembered generation, oldest first; for a valid login the last few."""
    history = found.record.history
    is_well = found.status.state is LoginState.VALID and found.status.pending is None
    shown = history[-_FEW:] if is_well else history
    if not shown:
        return ()
    before = len(history) - len(shown)
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
    pending = record.pending_refresh
    match status.reason:
        case "moved" if status.moved_to is not None:
            return f"It was moved to {describe_target(status.moved_to)[0]}"
        case "signed-out":
            return f"It was signed out here; {_last(record.history)}" if record.history else "It was signed out here"
        case "revoked" | "reply-lost" | "expired" if not record.refreshable:
            reason = record.not_refreshable_reason or "it is marked as not refreshable"
            return f"{reason[:1].upper()}{reason[1:]}; {_last(record.history)}"
        case "expired":  # and no keeper has noted it
            return "Trakt gave no refresh token with its last token, so it ends with that"
        case "reply-lost" if pending is not None and not status.is_valid:
            sent = f"{format_time(pending.started_at)} by {pending.sender}"
            return f"Its refresh was sent ({sent}), no response came, and its token has expired since"
        case _:
            return "" if status.pending is None else describe_refresh(found, now)


def end_lines(found: StoredLogin) -> tuple[str, ...]:
    """Return when a login ended, in Trakt's words if it sent any, the likely causes and what to do.

    A login whose refresh was refused has ended, also while its access token is valid by its expiry.
    """
    record = found.record
    entries = explain(f"login-{found.status.reason}")
    if not entries or not (found.status.needs_login or record.ended_at):
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


def to_json(found: StoredLogin, now: float) -> dict[str, Any]:
    """Return a login's history as a program reads it."""
    return {
        **asdict(found.status),
        "ended_at": found.record.ended_at,
        "ended_with": found.record.ended_with,
        "answer": explain_end(found, now) if found.is_readable else found.status.message,
        "history": [asdict(entry) for entry in found.record.history],
    }


def check_history(found: StoredLogin, now: float, *, on_one_machine: bool, host: str) -> Iterator[Finding]:
    """Look at who wrote a login, and when."""
    name = f"{found.login.account} at {found.login.realm}"
    yield from _check_clocks(found.record, now, found.login.realm)
    yield from _check_restores(name, found.record)
    if on_one_machine:
        yield from _check_writers(name, found.record, host)


def _check_clocks(record: Record, now: float, realm: str) -> Iterator[Finding]:
    """Find clocks that were wrong.

    The clock of a local Trakt can be moved, so that it differs from this machine's says nothing about the latter.
    """
    for earlier, later in pairwise(record.history):
        if earlier.saved_at - later.saved_at > _TOLERANCE:
            gap = format_duration(earlier.saved_at - later.saved_at)
            what = f"Generation {later.generation} was saved {gap} before generation {earlier.generation}: a clock was "
            yield warning("clock", f"{what}set back, or the clocks of two machines differ", SET_CLOCK)
            break
    token = record.token
    if token is None:
        return
    issued_at = token.expires_at - token.expires_in
    if issued_at - now > IMPLAUSIBLE and issued_at > record.saved_at + IMPLAUSIBLE:  # a token that was adopted
        behind = f"{format_duration(issued_at - now)} behind the time of the token, {format_time(issued_at)}"
        yield warning("clock", f"This machine's clock is {behind}", SET_CLOCK)
    elif record.saved_at - now > _TOLERANCE or issued_at - now > IMPLAUSIBLE:
        ahead = format_duration(max(record.saved_at, issued_at) - now)
        behind = f"{ahead} behind the one that saved the login ({format_time(record.saved_at)})"
        yield warning("clock", f"This machine's clock is {behind}", SET_CLOCK)
    skew = 0.0 if token.created_at is None else issued_at - token.created_at
    if abs(skew) > _TOLERANCE and not is_on_this_machine(realm):
        host = record.history[-1].host if record.history else None
        side, end = ("ahead of", "late") if skew > 0 else ("behind", "early")
        what = f"The clock of {host or 'the machine that signed in'} was {format_duration(abs(skew))} {side} Trakt's"
        yield warning("clock", f"{what} when the token came, so it is taken to end that much too {end}", SET_CLOCK)


def _check_restores(name: str, record: Record) -> Iterator[Finding]:
    """Find that the store has lost what it had confirmed, as after a restored backup or a failover."""
    for last in [entry for entry in record.history if entry.rolled_back_to is not None][-1:]:
        lost = last.generation - 1 - (last.rolled_back_to or 0)
        yield warning(
            "store",
            f"{name}: the store went back by {lost} generation{'s' if lost > 1 else ''} before "
            f"{format_time(last.saved_at)}, as after a restored backup, an emptied database, or a failover to a "
            "replica that lagged behind",
            "Keep a store that holds logins out of restores; with replicas, let writes wait for them",
        )


def _check_writers(name: str, record: Record, host: str) -> Iterator[Finding]:
    """Find machines that share a file, or use copies of it."""
    hosts = [entry.host for entry in record.history if entry.host]
    if record.pending_refresh is not None:
        hosts.append(record.pending_refresh.sender.host)
    turns = [each for each, _ in groupby(hosts)]
    machines = sorted(set(turns))
    if machines in ([], [host]):
        return
    if len(turns) > len(machines):
        what = (
            f"is refreshed by several machines by turns ({', '.join(machines)}), but a file has no lock that reaches "
            "over machines: two that refresh at once end the login"
        )
    elif turns[-1] != host:
        what = (
            f"was last refreshed by {turns[-1]}, and this is {host}: the store was copied from there, or the machine's "
            "name has changed. A copy that is used in both places ends the login in both"
        )
    else:
        others = ", ".join(each for each in machines if each != host)
        what = f"was refreshed by {others} before; if the store is still used there, both end the login"
    yield warning("login", f"{name} {what}", _SHARE)
