"""Hints of the command line for errors of the library, which name commands of `traktauth`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from traktauth.display import shorten
from traktauth.errors import TraktAuthError
from traktauth.hints import (
    DOCTOR_COMMAND,
    LOGIN_COMMAND,
    LOGOUT_COMMAND,
    REFRESH_COMMAND,
    SETUP_COMMAND,
    Hint,
    ShellCommand,
)
from traktauth.models.record import EMPTY
from traktauth.protocol import APPS_ARE_DELETED, APPS_PAGE, ONE_COMMUNITY_APP

if TYPE_CHECKING:
    from traktauth.client.sync_client import Trakt
    from traktauth.errors import LoginRequired
    from traktauth.models import LoginKey


SIGN_IN = Hint("Sign in: ", LOGIN_COMMAND)
_AGAIN = Hint("Start again: ", LOGIN_COMMAND)
_FORCE = Hint("at the risk of ending the login: ", REFRESH_COMMAND.with_arguments("--force"))
_STORE = Hint("See what is wrong with the store: ", DOCTOR_COMMAND)
COMMAND_HINTS: dict[str, str] = {
    "login-never": SIGN_IN,
    "login-signed-out": SIGN_IN,
    "login-expired": SIGN_IN,
    "login-moved": "Use the store that has it: --store ADDRESS",
    "login-revoked": Hint(SIGN_IN, f". {ONE_COMMUNITY_APP}"),
    "login-reply-lost": Hint(SIGN_IN, "; or, ", _FORCE),
    "login-exists": Hint("Sign out first: ", LOGOUT_COMMAND),
    "login-busy": "You need not do anything; repeat it in a moment",
    "login-unreadable": Hint("See what is wrong with it: ", DOCTOR_COMMAND),
    "sign-in-denied": _AGAIN,
    "sign-in-failed": _AGAIN,
    "sign-in-expired": Hint(_AGAIN, f". {ONE_COMMUNITY_APP}"),
    "app-invalid": Hint(
        "Set up the app: ",
        SETUP_COMMAND,
        f"; or set TRAKTAUTH_CLIENT_ID, TRAKTAUTH_CLIENT_SECRET and TRAKTAUTH_REDIRECT_URI to what {APPS_PAGE} shows",
    ),
    "app-rejected": Hint("Find out what is wrong with the app: ", DOCTOR_COMMAND, f". {APPS_ARE_DELETED}"),
    "certificate-untrusted": "Set SSL_CERT_FILE to a file with the certificate authority",
    "refresh-unconfirmed": Hint("You need not do anything; or, ", _FORCE),
    "store-failed": _STORE,
    "store-unreachable": Hint("It may pass by itself: try again. ", _STORE),
    "unexpected-response": "Report it, with this message, to the authors of traktauth",
}
_LOCAL = {"http://127.0.0.1", "http://localhost"}
_EXPLAINED = {
    "login-expired", "login-revoked", "login-reply-lost", "app-rejected", "unexpected-response", "account-limit",
    "account-locked", "vip-only", "certificate-untrusted", "refresh-unconfirmed",
}  # fmt: skip


def command_hint(error: TraktAuthError) -> str:
    """Return the hint of an error, with the command that explains it if there is more to say."""
    hint = error.hint_from(COMMAND_HINTS)
    if error.code == "service-unreachable" and "refused" in error.message:
        host, _, port = error.message.partition(" ")[0].rpartition(":")
        if host in _LOCAL:
            return Hint("Is the local Trakt running? Start it: ", ShellCommand(f"traktauth serve --port {port}"))
    if error.code == "service-unreachable" and "name not found" in error.message:
        return "Check this machine's network, and the address if you have set TRAKTAUTH_SERVICE or --service"
    if error.code not in _EXPLAINED:
        return hint
    stop = "" if not hint else " " if hint.endswith(".") else ". "
    return Hint(hint, f"{stop}Why: ", ShellCommand(f"traktauth explain {error.code}"))


_MAX_SHOWN = 3  # accounts or logins that are named


def describe_missing_login(error: LoginRequired, trakt: Trakt) -> None:
    """Name the account in an error, the accounts that have a login, and settings of another app or service."""
    try:
        if trakt.store.load(trakt.config.key) != EMPTY:
            return
        others = [each for each in trakt.store.list_logins() if trakt.store.load(each).token is not None]
    except TraktAuthError:
        return
    own = trakt.config.key
    accounts = sorted(each.account for each in others if (each.realm, each.client_id) == (own.realm, own.client_id))
    error.message = f"Account {shorten(own.account)} has no login"
    if accounts:
        more = ", …" if len(accounts) > _MAX_SHOWN else ""
        error.message += f" (this store has: {', '.join(map(shorten, accounts[:_MAX_SHOWN]))}{more})"
    elif others:
        has, hint = describe_other_apps(others, own)
        error.hint = Hint(f"The store has {has}. ", hint, "; else sign in: ", LOGIN_COMMAND)


def describe_other_apps(logins: list[LoginKey], own: LoginKey) -> tuple[str, Hint]:
    """Return which logins of other apps and services there are, and the command that sets the first one's."""

    def settings(login: LoginKey) -> list[str]:
        pairs = [("CLIENT_ID", login.client_id, own.client_id), ("SERVICE", login.realm, own.realm)]
        return [f"TRAKTAUTH_{name}={value}" for name, value, present in pairs if value != present]

    first, *others = sorted(logins, key=lambda login: len(settings(login)))  # the fewest settings to change first
    shown = [f"{each.account} at {each.realm} (app {each.client_id})" for each in (first, *others)[:_MAX_SHOWN]]
    more = f" and {len(logins) - _MAX_SHOWN} more" if len(logins) > _MAX_SHOWN else ""
    which = f"{first.account} at {first.realm}" if others else "that"
    export = ShellCommand(f"export {shlex.join(settings(first))}")
    return f"{', '.join(shown)}{more}", Hint(f"If {which} is the login that you want: ", export)
