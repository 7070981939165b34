"""Check the logins: which of them need a sign-in, why, and what their histories show."""

from __future__ import annotations

from collections.abc import Iterator

from traktauth.cli.command_hints import describe_other_apps
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.doctor.findings import Finding, good, warning
from traktauth.cli.doctor.history import check_history, end_lines, explain_end, history_lines
from traktauth.cli.doctor.store import split_address
from traktauth.cli.exit_codes import LOGIN
from traktauth.cli.inventory import (
    REJECTED_HINT,
    Inventory,
    StoredLogin,
    describe_refresh,
    describe_token,
    sign_in_hint,
    verify_all,
)
from traktauth.client.settings import Settings
from traktauth.flow.login_status import LoginState, LoginStatus
from traktauth.flow.moved_login import describe_target, finishing_command
from traktauth.hints import LOGIN_COMMAND, STATUS_COMMAND, Hint, ShellCommand
from traktauth.models import LoginKey
from traktauth.stores.processes import host_name

_MAX_SHOWN = 20  # logins that are well and are shown one by one; a fleet's are counted


def check_logins(
    found: Inventory, address: str, options: CommonOptions, settings: Settings, *, offline: bool
) -> Iterator[Finding]:
    """Look at logins; of those that are well, and of those that cannot be read, only the first are named.

    Unless *offline*, Trakt is asked whether it accepts the tokens of the first ones.
    """
    yield from _check_app(found, settings)
    on_one_machine = split_address(address)[0] in {"file", "sqlite", "keyring"}
    if not offline:
        found = verify_all(found, settings, most=_MAX_SHOWN)
    well = 0
    for each in found.readable:
        traces = check_history(each, found.now, on_one_machine=on_one_machine, host=host_name())
        about = options.for_login(each.login, settings)
        first, *more = (finding.with_flags(about) for finding in (_check(each, settings, found.now), *traces))
        well += all(finding.level == "good" for finding in (first, *more))
        if well <= _MAX_SHOWN or first.level != "good":
            yield first
        yield from more
    if well > _MAX_SHOWN:
        yield good("login", f"{well - _MAX_SHOWN} more are well; one of them: --account NAME")
    for each in found.unreadable[:_MAX_SHOWN]:
        name = f"{each.login.account} at {each.login.realm}"
        yield Finding("login", "wrong", f"{name}: {each.status.message}", each.hint)
    if len(found.unreadable) > _MAX_SHOWN:
        more_unreadable = f"{len(found.unreadable) - _MAX_SHOWN} more cannot be read"
        yield Finding("login", "wrong", more_unreadable, options.with_flags(Hint("See which: ", STATUS_COMMAND)))


def _check_app(found: Inventory, settings: Settings) -> Iterator[Finding]:
    """Find settings that name another app or service than the logins in the store."""
    others = [each.login for each in found.readable if not each.is_ours and each.status.fingerprint is not None]
    has_ours = any(each.is_ours and each.status.state is not LoginState.NEVER for each in found.logins)
    if has_ours or not others or not settings.client_id:
        return
    own = LoginKey(settings.find_service().realm, settings.client_id, settings.account)
    has, hint = describe_other_apps(others, own)
    yield warning("login", f"The store has no login of this app at this service; it has {has}", hint)


def _check(found: StoredLogin, settings: Settings, now: float) -> Finding:
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
        what = f"{name} needs a new sign-in: {why}"
        return Finding(
            "login", "wrong" if found.is_ours else "doubtful", what, sign_in_hint(settings, found), LOGIN, details
        )
    if found.is_rejected:
        what = f"{name}: Trakt rejects its token (401): it was revoked, or it has expired there"
        hint = REJECTED_HINT if status.refreshable else sign_in_hint(settings, found)
        return Finding("login", "wrong", what, hint, LOGIN, details)
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
