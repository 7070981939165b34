"""`traktauth status`: read the logins of a store and print them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Any

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.command_hints import SIGN_IN
from traktauth.cli.common_options import CommonOptions, naming_settings
from traktauth.cli.exit_codes import DONE, FAILED, LATER, LOGIN
from traktauth.cli.inventory import (
    REJECTED_HINT,
    Inventory,
    StoredLogin,
    describe_refresh,
    describe_token,
    read_inventory,
    sign_in_hint,
    verify_all,
)
from traktauth.cli.options import common_options
from traktauth.cli.output import (
    BAD,
    GOOD,
    NEXT,
    WARNING,
    print_data,
    print_hint,
    print_json,
    print_message,
)
from traktauth.client.settings import Settings
from traktauth.display import shorten
from traktauth.flow.login_status import LoginState
from traktauth.flow.moved_login import describe_target
from traktauth.hints import SETUP_COMMAND, Hint
from traktauth.stores.open import open_store

FORMAT = 1


@click.command("status", cls=Command)
@common_options()
@click.option("--verify", is_flag=True, help="Also check each valid token at Trakt.")
def command(options: CommonOptions, *, verify: bool) -> int:
    """Show every login in the store, or only --account: account, user, service, expiry, refresh.

    Without --verify nothing is sent. "current" marks the login that the settings name. The exit status covers the
    logins of the app and service in the settings: 1 if one cannot be read, else 4 if one needs a sign-in, or if the
    current one or all were moved to another store or program. Other logins are only shown.

    Examples:
        traktauth status
        # check one account at Trakt
        traktauth status --verify --account tv
        traktauth status --json  # for a script
    """
    settings = options.settings()
    with naming_settings(), options.adding_flags(), closing(open_store(settings.store)) as store:
        found = read_inventory(store, settings, options)
    if verify:
        found = verify_all(found, settings)
    hints = [_hint(options, settings, each) for each in found.logins]
    if options.json:
        logins = [_to_json(each, hint, verify=verify) for each, hint in zip(found.logins, hints, strict=True)]
        print_json({"format": FORMAT, "store": store.address, "logins": logins})
        return _exit_code(found, settings)
    print_data(f"Store {store.address}")
    for each in found.logins:
        _print_login(options.for_login(each.login, settings), each, found.now)
    if not found.logins:
        print_data("No account is signed in.", indent=2)
        print_message(
            NEXT, options.with_flags(SIGN_IN if settings.client_id else Hint("Set up an app: ", SETUP_COMMAND))
        )
    if len(found.logins) > 1 and any(hints):
        print_data()  # the hints are of several logins, not of the last one
    for each, hint in zip(found.logins, hints, strict=True):
        if hint:
            print_message(NEXT, Hint(f"{each.login.account}: ", hint) if each.hint else hint)
    return _exit_code(found, settings)


def _to_json(found: StoredLogin, hint: str, *, verify: bool) -> dict[str, Any]:
    document = {**asdict(found.status), "current": found.is_current} | ({"hint": hint} if hint else {})
    return document | ({"trakt": found.verdict and found.verdict.to_json()} if verify else {})


def _exit_code(found: Inventory, settings: Settings) -> int:
    """Return the exit code; logins of other apps and services do not count.

    A login that was moved counts if it is the one of the settings, or if all were moved.
    """
    ours = [each for each in found.logins if each.is_ours or not settings.client_id]
    counted = [each for each in ours if each.status.moved_to is None or each.is_current]
    if found.unreadable:
        return FAILED
    if not counted or any(each.status.needs_login or each.status.moved_to or each.is_rejected for each in counted):
        return LOGIN
    return LATER if any(each.verdict and each.verdict.accepted is None for each in found.logins) else DONE


def _hint(options: CommonOptions, settings: Settings, found: StoredLogin) -> str:
    """Return the command that helps a login which cannot be used; an empty text for the others."""
    if found.hint:
        return found.hint
    if not found.status.needs_login and not found.is_rejected:
        return ""
    can_refresh = not found.status.needs_login and found.is_ours and found.status.refreshable
    hint = REJECTED_HINT if can_refresh else sign_in_hint(settings, found)
    return options.for_login(found.login, settings).with_flags(hint)


def _print_login(options: CommonOptions, found: StoredLogin, now: float) -> None:
    status = found.status
    if status.needs_login or not found.is_readable or found.is_rejected:
        mark = BAD
    elif status.moved_to is not None or (status.pending is not None and not status.pending.in_progress):
        mark = WARNING
    else:
        mark = GOOD
    current = ", current" if found.is_current else ""
    where = f"{shorten(found.login.account)} at {shorten(found.login.realm)}"
    print_data()
    print_data(mark, f"{where} (app {found.login.client_id[:8]}…{current})")
    if not found.is_readable:
        print_data(f"cannot be read: {status.message}", indent=4, hanging=4)
        return
    if status.moved_to is not None:
        target, hint = describe_target(status.moved_to)
        print_data(f"moved to {target}", indent=4, hanging=4)
        print_hint(options.with_flags(hint), indent=4)
        return
    if status.state in {LoginState.NEVER, LoginState.SIGNED_OUT}:
        print_data("not signed in" if status.state is LoginState.NEVER else "signed out", indent=4)
        return
    if status.username is not None:
        print_data("user    ", status.username, indent=4, hanging=13)
    print_data("token   ", describe_token(status, now), indent=4, hanging=13)
    print_data("refresh ", options.with_flags(describe_refresh(found, now)), indent=4, hanging=13)
    if status.needs_login:
        print_data("A new sign-in is required.", indent=4)
    if found.verdict is not None:
        user = f" (user {found.verdict.user.username})" if found.verdict.user else ""
        print_data("checked ", f"Trakt {found.verdict.why}{user}", indent=4, hanging=13)
