"""`traktauth status`: read the logins of a store and print them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.command_hints import SIGN_IN
from traktauth.cli.common_options import naming_settings
from traktauth.cli.exit_codes import DONE, FAILED, LATER, LOGIN
from traktauth.cli.inventory import REJECTED_HINT, describe_refresh, describe_token, read_inventory, verify
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
from traktauth.display import shorten
from traktauth.flow.login_status import LoginState
from traktauth.flow.moved_login import describe_target
from traktauth.hints import LOGOUT_COMMAND, SETUP_COMMAND, Hint
from traktauth.stores.open import open_store

if TYPE_CHECKING:
    from traktauth.cli.common_options import CommonOptions
    from traktauth.cli.inventory import Inventory, StoredLogin, Verdict
    from traktauth.client.settings import Settings
    from traktauth.models import LoginKey


FORMAT = 1


@click.command(
    "status",
    cls=Command,
    examples=[
        ("traktauth status", ""),
        ("traktauth status --verify --account tv", "check one account at Trakt"),
        ("traktauth status --json", "for a script"),
    ],
)
@common_options()
@click.option("--verify", is_flag=True, help="Also check each valid token at Trakt.")
def command(options: CommonOptions, *, verify: bool) -> int:
    """Show every login in the store, or only --account: account, user, service, expiry, refresh.

    Without --verify nothing is sent. "current" marks the login that the settings name. The exit status covers the
    logins of the app and service in the settings: 1 if one cannot be read, else 4 if one needs a sign-in, or if the
    current one or all were moved to another store or program. Other logins are only shown.
    """
    settings = options.settings()
    with naming_settings(), options.adding_flags(), closing(open_store(settings.store)) as store:
        found = read_inventory(store, settings, options)
    verdicts = verify_all(found.logins, settings) if verify else {}
    hints = {each.login: _hint(options, settings, each, verdicts.get(each.login)) for each in found.logins}
    if options.json:
        logins: list[dict[str, object]] = []
        for each in found.logins:
            document: dict[str, object] = {**asdict(each.status), "current": each.is_current}
            if hints[each.login]:
                document["hint"] = hints[each.login]
            if verify:
                verdict = verdicts.get(each.login)
                document["trakt"] = None if verdict is None else verdict.to_json()
            logins.append(document)
        print_json({"format": FORMAT, "store": store.address, "logins": logins})
    else:
        print_data(f"Store {store.address}")
        _print_logins(options, settings, found, verdicts, hints)
    return FAILED if found.unreadable else _exit_code(found, verdicts, settings)


def verify_all(logins: list[StoredLogin], settings: Settings) -> dict[LoginKey, Verdict]:
    """Check at Trakt every token that is valid by the local clock; nothing is refreshed."""
    return {
        each.login: verify(each.login, each.record.token, settings)
        for each in logins
        if each.status.is_valid and each.record.token is not None
    }


def _exit_code(found: Inventory, verdicts: dict[LoginKey, Verdict], settings: Settings) -> int:
    """Return the exit code; logins of other apps and services do not count.

    A login that was moved counts if it is the one of the settings, or if all were moved.
    """
    ours = [each for each in found.logins if each.is_ours or not settings.client_id]
    counted = [each for each in ours if each.status.moved_to is None or each.is_current]
    if not counted or any(each.status.needs_login or each.status.moved_to is not None for each in counted):
        return LOGIN
    for each in counted:
        verdict = verdicts.get(each.login)
        if verdict is not None and verdict.is_rejected:
            return LOGIN
    return LATER if any(verdict.accepted is None for verdict in verdicts.values()) else DONE


def _print_logins(
    options: CommonOptions,
    settings: Settings,
    found: Inventory,
    verdicts: dict[LoginKey, Verdict],
    hints: dict[LoginKey, str],
) -> None:
    if not found.logins:
        print_data("No account is signed in.", indent=2)
        is_set_up = bool(settings.client_id)
        print_message(NEXT, options.with_flags(SIGN_IN if is_set_up else Hint("Set up an app: ", SETUP_COMMAND)))
    for each in found.logins:
        _print_login(options.for_login(each.login, settings), each, verdicts.get(each.login), found.now)
    if len(found.logins) > 1 and any(hints.values()):
        print_data()  # the hints are of several logins, not of the last one
    for each in found.logins:
        if hint := hints[each.login]:
            print_message(NEXT, Hint(f"{each.login.account}: ", hint) if each.hint else hint)


def _hint(options: CommonOptions, settings: Settings, found: StoredLogin, verdict: Verdict | None) -> str:
    """Return the command that helps a login which cannot be used; an empty text for the others."""
    if found.hint:
        return found.hint
    if not found.status.needs_login and (verdict is None or not verdict.is_rejected):
        return ""
    can_refresh = not found.status.needs_login and found.is_ours and found.status.refreshable
    hint = REJECTED_HINT if can_refresh else sign_in_hint(settings, found)
    return options.for_login(found.login, settings).with_flags(hint)


def sign_in_hint(settings: Settings, found: StoredLogin) -> str:
    """Return the hint with the command that signs in again, or removes the login of another app or service."""
    if found.is_ours or not settings.client_id:
        return SIGN_IN
    return Hint(
        f"{found.login.account} at {found.login.realm} belongs to another app or service than the settings. "
        "Remove it: ",
        LOGOUT_COMMAND.with_arguments("--local"),
    )


def _print_login(options: CommonOptions, found: StoredLogin, verdict: Verdict | None, now: float) -> None:
    status = found.status
    is_dead = status.needs_login or not found.is_readable or (verdict is not None and verdict.is_rejected)
    mark = BAD if is_dead else GOOD
    is_unconfirmed = status.pending is not None and not status.pending.in_progress
    if (is_unconfirmed and not is_dead) or status.moved_to is not None:
        mark = WARNING
    print_data()
    print_data(mark, _name(found))
    if not found.is_readable:
        print_data(f"cannot be read: {status.message}", indent=4, hanging=4)
        return
    if status.moved_to is not None:
        where, hint = describe_target(status.moved_to)
        print_data(f"moved to {where}", indent=4, hanging=4)
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
    if verdict is not None:
        user = f" (user {verdict.username})" if verdict.username else ""
        print_data("checked ", f"Trakt {verdict.why}{user}", indent=4, hanging=13)


def _name(found: StoredLogin) -> str:
    current = ", current" if found.is_current else ""
    return f"{shorten(found.login.account)} at {shorten(found.login.realm)} (app {found.login.client_id[:8]}…{current})"
