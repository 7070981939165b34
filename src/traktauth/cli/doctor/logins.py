"""Check the logins: which of them need a sign-in, why, and what their histories show."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from traktauth.cli.doctor.findings import Finding, Level, good, warning
from traktauth.cli.doctor.history import check_machines, end_lines, explain_end, history_lines
from traktauth.cli.doctor.store import split_address
from traktauth.cli.exit_codes import LOGIN
from traktauth.cli.inventory import REJECTED_HINT, describe_refresh, describe_token
from traktauth.cli.status import sign_in_hint, verify_all
from traktauth.flow.login_status import LoginState
from traktauth.flow.moved_login import describe_target, finishing_command
from traktauth.hints import LOGIN_COMMAND, STATUS_COMMAND, Hint, ShellCommand
from traktauth.models import LoginKey
from traktauth.stores.processes import host_name

if TYPE_CHECKING:
    from traktauth.cli.common_options import CommonOptions
    from traktauth.cli.inventory import Inventory, StoredLogin
    from traktauth.client.settings import Settings
    from traktauth.flow.login_status import LoginStatus

_MOST = 20  # logins that are well and are shown one by one; a fleet's are counted


def check_logins(
    found: Inventory, address: str, options: CommonOptions, settings: Settings, *, offline: bool
) -> list[Finding]:
    """Look at logins; of those that are well, and of those that cannot be read, only the first are named.

    Args:
        found: the logins.
        address: the store's address.
        options: the shared options.
        settings: the settings.
        offline: do not ask Trakt whether it accepts the tokens of the first logins.
    """
    on_one_machine = split_address(address)[0] in {"file", "sqlite", "keyring"}
    findings = _check_app(found, settings)
    rejected = set[LoginKey]() if offline else _rejected(found, settings)
    well = 0
    for each in found.readable:
        traces = check_machines(each, found.now, on_one_machine=on_one_machine, host=host_name())
        about = options.for_login(each.login, settings)
        mine = [finding.with_flags(about) for finding in (_login(each, settings, found.now, rejected), *traces)]
        well += all(finding.level is Level.GOOD for finding in mine)
        findings += mine if well <= _MOST or mine[0].level is not Level.GOOD else mine[1:]
    if well > _MOST:
        findings.append(good("login", f"{well - _MOST} more are well; one of them: --account NAME"))
    return findings + _unreadable(found.unreadable, options)


def _rejected(found: Inventory, settings: Settings) -> set[LoginKey]:
    """Return which of the first logins of this app have a token that is valid here and that Trakt rejects."""
    mine = [each for each in found.readable if each.is_ours and each.status.is_valid][:_MOST]
    return {login for login, verdict in verify_all(mine, settings).items() if verdict.is_rejected}


def _check_app(found: Inventory, settings: Settings) -> list[Finding]:
    """Find settings that name another app or service than the logins in the store."""
    others = [each for each in found.readable if not each.is_ours and each.status.fingerprint is not None]
    has_ours = any(each.is_ours and each.status.state is not LoginState.NEVER for each in found.logins)
    if has_ours or not others or not settings.client_id:
        return []
    others.sort(key=lambda each: len(_settings_of(each.login, settings)))  # the fewest settings to change first
    first = others[0].login
    which = "that" if len(others) == 1 else f"{first.account} at {first.realm}"
    names = ", ".join(f"{each.login.account} at {each.login.realm} (app {each.login.client_id})" for each in others[:3])
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""  # noqa: PLR2004 - those that are named
    return [
        warning(
            "login",
            f"The store has no login of this app at this service; it has {names}{more}",
            Hint(
                f"If {which} is the login that you want: ",
                ShellCommand(f"export {shlex.join(_settings_of(first, settings))}"),
            ),
        )
    ]


def _settings_of(login: LoginKey, settings: Settings) -> list[str]:
    """Return the variables of a login's app and service, with their values, as far as they differ from the settings."""
    wanted = {"TRAKTAUTH_CLIENT_ID": login.client_id, "TRAKTAUTH_SERVICE": login.realm}
    if login.client_id == settings.client_id:
        del wanted["TRAKTAUTH_CLIENT_ID"]
    if login.realm == settings.find_service().realm:
        del wanted["TRAKTAUTH_SERVICE"]
    return [f"{name}={value}" for name, value in wanted.items()]


def _unreadable(logins: list[StoredLogin], options: CommonOptions) -> list[Finding]:
    """Return a finding for each login that cannot be read."""
    findings = [
        Finding("login", Level.WRONG, f"{each.login.account} at {each.login.realm}: {each.status.message}", each.hint)
        for each in logins[:_MOST]
    ]
    if len(logins) > _MOST:
        more = f"{len(logins) - _MOST} more cannot be read"
        findings.append(Finding("login", Level.WRONG, more, options.with_flags(Hint("See which: ", STATUS_COMMAND))))
    return findings


def _login(found: StoredLogin, settings: Settings, now: float, rejected: set[LoginKey]) -> Finding:
    status = found.status
    name = f"{found.login.account} at {found.login.realm}"
    if found.login.client_id != settings.client_id:
        name += f" (app {found.login.client_id[:8]}…)"
    details = (*end_lines(found), *history_lines(found))
    why = explain_end(found, now)
    if status.moved_to is not None:
        return warning("login", f"{name}: {why}", describe_target(status.moved_to)[1], details)
    if status.state in {LoginState.NEVER, LoginState.SIGNED_OUT}:
        what = f"{name} was never signed in" if status.state is LoginState.NEVER else f"{name}: {why}"
        return warning("login", what, sign_in_hint(settings, found), details)
    if status.needs_login:
        level = Level.WRONG if found.is_ours else Level.DOUBTFUL
        what = f"{name} needs a new sign-in: {why}"
        return Finding("login", level, what, sign_in_hint(settings, found), LOGIN, details)
    if found.login in rejected:
        what = f"{name}: Trakt rejects its token (401): it was revoked, or it has expired there"
        hint = REJECTED_HINT if status.refreshable else sign_in_hint(settings, found)
        return Finding("login", Level.WRONG, what, hint, LOGIN, details)
    unsettled = status.pending is not None and not status.pending.in_progress
    if unsettled or not status.refreshable:
        what = Hint(f"{name}: ", why or describe_refresh(found, now))
        return warning("login", what, _unsettled_hint(status), details)
    user = f", user {status.username}" if status.username else ""
    return good("login", f"{name}{user}: token {describe_token(status, now)}, refreshable", details)


def _unsettled_hint(status: LoginStatus) -> str:
    """Return what to do about a login that is not refreshed as usual, and needs no sign-in yet."""
    if status.pending is not None and status.pending.moving_to is not None:
        return Hint("Finish the move: ", finishing_command(status.pending.moving_to))
    if not status.refreshable:
        return Hint("When the token expires: ", LOGIN_COMMAND)
    if status.is_valid:
        return "Nothing has to be done: the token is used while it is valid"
    return Hint("Try it now, which needs no sign-in: ", ShellCommand("traktauth token", options="login"))
