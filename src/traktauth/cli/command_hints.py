"""Hints of the command line for errors of the library, which name commands of `traktauth`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.protocol import APPS_ARE_DELETED, APPS_PAGE, ONE_COMMUNITY_APP

if TYPE_CHECKING:
    from traktauth.errors import TraktAuthError

_SIGN_IN = "Sign in: traktauth login"
_AGAIN = "Start again: traktauth login"
_FORCE = "at the risk of ending the login: traktauth refresh --force"
COMMAND_HINTS = {
    "login-never": _SIGN_IN,
    "login-signed-out": _SIGN_IN,
    "login-expired": _SIGN_IN,
    "login-moved": "Use the store that has it: --store ADDRESS",
    "login-revoked": f"{_SIGN_IN}. {ONE_COMMUNITY_APP}",
    "login-reply-lost": f"{_SIGN_IN}; or, {_FORCE}",
    "login-exists": "Sign out first: traktauth logout",
    "login-busy": "You need not do anything; repeat it in a moment",
    "login-unreadable": "See what is wrong with it: traktauth doctor",
    "sign-in-denied": _AGAIN,
    "sign-in-failed": _AGAIN,
    "sign-in-expired": f"{_AGAIN}. {ONE_COMMUNITY_APP}",
    "app-invalid": "Set up the app: traktauth setup; or set TRAKTAUTH_CLIENT_ID, TRAKTAUTH_CLIENT_SECRET and "
    f"TRAKTAUTH_REDIRECT_URI to what {APPS_PAGE} shows",
    "app-rejected": f"Find out what is wrong with the app: traktauth doctor. {APPS_ARE_DELETED}",
    "certificate-untrusted": "Set SSL_CERT_FILE to a file with the certificate authority",
    "refresh-unconfirmed": f"You need not do anything; or, {_FORCE}",
    "store-failed": "See what is wrong with the store: traktauth doctor",
    "store-unreachable": "It may pass by itself: try again. See what is wrong with the store: traktauth doctor",
    "unexpected-response": "Report it, with this message, to the authors of traktauth",
}
_EXPLAINED = {
    "login-expired", "login-revoked", "login-reply-lost", "app-rejected", "unexpected-response", "account-limit",
    "account-locked", "vip-only", "certificate-untrusted", "refresh-unconfirmed",
}  # fmt: skip


def command_hint(error: TraktAuthError) -> str:
    """Return the hint of an error, with the command that explains it if there is more to say."""
    hint = error.hint_from(COMMAND_HINTS)
    if error.code == "service-unreachable" and "refused" in error.message:
        import re  # noqa: PLC0415 - only for this error

        if local := re.match(r"http://(?:127\.0\.0\.1|localhost):([0-9]+) ", error.message):
            return f"Is the local Trakt running? Start it: traktauth serve --port {local[1]}"
    if error.code == "service-unreachable" and "name not found" in error.message:
        return "Check this machine's network, and the address if you have set TRAKTAUTH_SERVICE or --service"
    if error.code not in _EXPLAINED:
        return hint
    stop = "" if not hint else " " if hint.endswith(".") else ". "
    return f"{hint}{stop}Why: traktauth explain {error.code}"
