"""What a login's history shows: two machines at one file, a copy, a store that went back."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from traktauth.cli.doctor.clock import check_history_clock
from traktauth.cli.doctor.findings import Finding, warning
from traktauth.cli.times import format_time
from traktauth.hints import MOVE_COMMAND, Hint

if TYPE_CHECKING:
    from traktauth.cli.inventory import StoredLogin
    from traktauth.models import Record

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
