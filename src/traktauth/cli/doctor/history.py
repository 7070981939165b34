"""Why was I logged out? The answer, and the story behind it, from the trail that a store keeps with each login."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from traktauth.cli.durations import moment
from traktauth.cli.standing import State

if TYPE_CHECKING:
    from traktauth.cli.looking import Unread
    from traktauth.cli.standing import Standing
    from traktauth.models.record import Trace

_FEW = 3  # generations that a login that is well shows


def story(standing: Standing) -> tuple[str, ...]:
    """Return a line for each generation that is remembered, oldest first; for a login that is well the last few."""
    trail = standing.record.trail
    shown = trail[-_FEW:] if standing.state is State.GOOD and not standing.in_doubt else trail
    before = len(trail) - len(shown)
    return ((f"({before} before)",) if before else ()) + tuple(_line(trace) for trace in shown)


def _line(trace: Trace) -> str:
    came = f"renewed by {trace.by}" if trace.by else "signed in"
    # That it was renewed is what the next line tells.
    ended = "" if trace.ended in {None, "renewed"} else f", then {trace.ended}"
    return f"{moment(trace.at, exact=True)}  {trace.generation:>3}  {trace.fingerprint}  {came}{ended}"


def answer(standing: Standing) -> str:
    """Return in a sentence why a login is no more, or will not be; an empty text where it is well or never was."""
    record = standing.record
    match standing.state:
        case State.MOVED:
            return f"It was moved to {record.moved}"
        case State.SIGNED_OUT:
            return f"Somebody signed out here; {_last(record.trail)}" if record.trail else "Somebody signed out here"
        case State.LOST if record.renewal is not None:
            sent = f"{moment(record.renewal.at)} by {record.renewal.by}"
            return f"Its renewal was sent ({sent}), no answer came, and its token has ended since"
        case State.LOST | State.ENDING if record.token is not None and record.token.refresh_token is None:
            return "Trakt gave no refresh token with its last pair, so it ends with that"
        case State.LOST | State.ENDING if not record.renewable:
            return f"{_sentence(record.why_not)}; {_last(record.trail)}"
        case State.GOOD | State.ENDING if record.renewal is not None:
            return standing.renewal_line()
        case _:
            return ""


def _last(trail: tuple[Trace, ...]) -> str:
    if not trail:
        return "nothing is known of what came before"
    last = trail[-1]
    came = f"was renewed by {last.by}" if last.by else "came with a sign-in"
    return f"the last pair, {last.fingerprint}, {came} at {moment(last.at)}"


def _sentence(words: str | None) -> str:
    text = words or "it is marked as not renewable"
    return text[:1].upper() + text[1:]


def document(standing: Standing) -> dict[str, Any]:
    """Return a login's history as a program reads it."""
    return {
        **asdict(standing.login),
        "state": standing.state.value,
        "answer": answer(standing),
        "trail": [asdict(trace) for trace in standing.record.trail],
    }


def unread(login: Unread) -> dict[str, Any]:
    """Return the same of a login that cannot be read."""
    return {**asdict(login.login), "state": "unreadable", "answer": login.why, "trail": []}
