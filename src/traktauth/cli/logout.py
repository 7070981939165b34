"""`traktauth logout`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.options import common_options
from traktauth.cli.output import GOOD, NEXT, WARNING, print_json, print_message
from traktauth.client.settings import Settings
from traktauth.client.sync_client import Trakt
from traktauth.errors import LoginRequired
from traktauth.flow.logout import SignedOut
from traktauth.hints import ALL_LOGINS_COMMAND, Hint
from traktauth.models import App, LoginKey, find_service
from traktauth.protocol import Service
from traktauth.stores.open import open_store

_PAGE = "/oauth/authorized_applications"


@click.command("logout", cls=Command)
@common_options()
@click.option("--erase", is_flag=True, help="Also remove the account's name, the user's name and the history.")
@click.option("--local", is_flag=True, help="Only delete the tokens here; they stay valid at Trakt.")
def command(options: CommonOptions, *, local: bool, erase: bool) -> int:
    """Revoke both tokens at Trakt, then delete them here.

    With --local the login may belong to any app and service in the store: select it with --account and --service, as
    in the output of traktauth status.

    Examples:
        traktauth logout
        # without revoking at Trakt
        traktauth logout --account tv --local
        # a local Trakt that no longer runs
        traktauth logout --local --service http://127.0.0.1:8712
    """
    with _open(options, local=local) as trakt:
        outcome = _sign_out(trakt, local=local, erase=erase)
        page = connected_apps(trakt.config.service)
    if options.json:
        left = page if outcome.left else None
        print_json(
            {"account": trakt.account, "revoked": outcome.revoked, "left_at_trakt": outcome.left, "end_at": left}
        )
        return 0
    what = "deleted here; nothing was revoked at Trakt"
    if outcome.revoked:
        what = f"{'its access token was ' if outcome.left else ''}revoked at Trakt and deleted here"
    print_message(GOOD, f"Signed out of account {trakt.account}: {what}")
    if outcome.left:
        print_message(WARNING, "A refresh token may still be valid at Trakt.")
        print_message(NEXT, f"Remove the app there, under connected apps: {page}")
    return 0


def _sign_out(trakt: Trakt, *, local: bool, erase: bool) -> SignedOut:
    """Sign out, and erase what stays of the login; a login that is signed out already can still be erased."""
    try:
        outcome = trakt.logout(local=local)
    except LoginRequired as error:
        if not erase or error.reason != "signed-out":
            error.hint = Hint("See all logins: ", ALL_LOGINS_COMMAND)
            raise
        outcome = SignedOut(revoked=False, left=False)
    if erase:
        trakt.erase()
    return outcome


@contextmanager
def _open(options: CommonOptions, *, local: bool) -> Generator[Trakt]:
    """Open the login to sign out of; with `local` it may belong to any app in the store."""
    settings = options.settings()
    login = _find(settings) if local else None
    if login is None:
        with options.trakt() as trakt:
            yield trakt
        return
    service = find_service(login.realm, insecure=True)  # nothing is sent
    with (
        options.adding_flags(),
        Trakt(App(login.client_id), service=service, store=settings.store, account=login.account) as trakt,
    ):
        yield trakt


def _find(settings: Settings) -> LoginKey | None:
    """Return another app's login with the account and service of the settings; None if their own app has one."""
    realm = settings.find_service().realm
    with closing(open_store(settings.store)) as store:
        found = [each for each in store.list_logins() if (each.realm, each.account) == (realm, settings.account)]
        found = [each for each in found if each.client_id == settings.client_id] or [
            each for each in found if store.load(each).token is not None
        ]
    if not found or any(each.client_id == settings.client_id for each in found):
        return None
    if len(found) > 1:
        apps = ", ".join(each.client_id for each in found)
        raise click.UsageError(
            f"Several apps have a login of account {settings.account} at {realm}; set TRAKTAUTH_CLIENT_ID to one of "
            f"them: {apps}"
        )
    return found[0]


def connected_apps(service: Service) -> str:
    """Return the page on which a user removes connected apps; the front page if the service is a base address."""
    if service.issuer is not None:
        return f"{service.website}/"
    return "https://staging.trakt.tv" + _PAGE if service.realm == "staging" else "https://trakt.tv" + _PAGE
