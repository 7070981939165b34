"""`traktauth login`."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Literal

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.command_hints import COMMAND_HINTS
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.doctor.app import ask_service, rejection_before_setup
from traktauth.cli.doctor.store import check_permissions
from traktauth.cli.exit_codes import Terminated
from traktauth.cli.inventory import verify
from traktauth.cli.login_resume import PendingLogin
from traktauth.cli.login_screen import JsonScreen, Screen
from traktauth.cli.options import common_options
from traktauth.cli.output import GOOD, NEXT, WARNING, can_ask, is_on_terminal, print_json, print_message
from traktauth.cli.times import format_deadline, format_duration
from traktauth.client.login.method import choose_login_method, has_browser
from traktauth.client.sync_client import Trakt
from traktauth.errors import AppRejected, LoginExists, LoginRefused, StoreFailed, TraktAuthError
from traktauth.flow.app_check import AppStatus
from traktauth.flow.moved_login import check_not_moved
from traktauth.hints import ALL_LOGINS_COMMAND, LOGIN_COMMAND, LOGOUT_COMMAND, Hint
from traktauth.models import Token
from traktauth.models.changes import SetUser
from traktauth.stores.user_folders import config_path
from traktauth.wire.token_endpoint import parse_token

Way = Literal["browser", "device", "paste"]
Choice = Literal["browser", "device", "paste", "resume", "with-token"]

_MAX_RESPONSE = 1 << 20  # characters


@click.command("login", cls=Command, exclusive=[("--browser", "--device", "--paste", "--resume", "--with-token")])
@common_options()
@click.option("--browser", "choice", flag_value="browser", help="Sign in with a browser on this machine.")
@click.option("--device", "choice", flag_value="device", help="Sign in on any device, with a code.")
@click.option(
    "--paste",
    "choice",
    flag_value="paste",
    help="Sign in with any browser, and paste the result here.",
)
@click.option("--resume", "choice", flag_value="resume", help="Resume a device sign-in that was interrupted.")
@click.option(
    "--with-token", "choice", flag_value="with-token", help="Read a token response (JSON with an expiry) from stdin."
)
@click.option("--signup", is_flag=True, help="Prefer Trakt's sign-up page.")
@click.option("--no-open", is_flag=True, help="Print the address; do not open a browser.")
@click.option("-y", "--yes", "--force", "yes", is_flag=True, help="Replace a login that is still valid; do not ask.")
def command(options: CommonOptions, choice: Choice | None, *, signup: bool, no_open: bool, yes: bool) -> int:
    """Sign in to Trakt.

    By default a browser is used if this machine has one and the app's redirect address is on this machine, otherwise a
    device code (for example over SSH). --no-open always selects the browser sign-in and only prints the address.

    Examples:
        traktauth login
        # over SSH, or on a screen without a browser
        traktauth login --device
        traktauth login --account tv  # a second account
        # with a browser on another machine
        traktauth login --paste
        # after Ctrl-C, while the device code is valid
        traktauth login --resume
        # with the JSON of Trakt's token endpoint
        traktauth login --with-token < reply.json
    """
    with options.trakt() as trakt:
        check_not_moved(trakt.bound_store.load())
        if choice == "with-token":
            return _adopt(options, trakt, yes=yes)
        pending = PendingLogin(trakt.config.key)
        device = pending.load() if choice == "resume" else None
        app = trakt.config.app
        way: Way = "device" if choice == "resume" else choice or choose_login_method(app)
        if choice is None and no_open and app.loopback:  # the user opens the page in a browser
            way = "browser"
        if not options.json:
            _warn_about_config_file()
            if not _may_replace(options, trakt, yes=yes):
                print_message("Nothing was changed.")
                return 0
            if choice is None and way == "device":
                print_message("No browser on this machine can finish the sign-in, so sign in on another device:")
        if choice != "resume":
            _check_app(trakt, way)
        opens = way == "browser" and not no_open and has_browser()
        kind = JsonScreen if options.json else Screen
        screen = kind(opens, options.with_flags, pending.save, is_live=is_on_terminal(sys.stderr) and not options.json)
        with _ending(options, pending, choice), screen:
            token = trakt.login(way, prompt=screen, signup=signup or None, open_browser=opens, device=device)
        _report_success(options, trakt, token)
    return 0


def _check_app(trakt: Trakt, way: Way) -> None:
    """Ask Trakt about the app before the user is shown a page or a code."""
    app, service = trakt.config.app, trakt.config.service
    status = ask_service(app, service).status
    if status in {AppStatus.ACCEPTED, AppStatus.UNCLEAR} or (status is AppStatus.UNKNOWN_REDIRECT and way == "device"):
        return
    raise rejection_before_setup(app, service, status)


@contextmanager
def _ending(options: CommonOptions, pending: PendingLogin, choice: Choice | None) -> Generator[None]:
    """Keep the device code of a sign-in that is interrupted, and delete it otherwise; name the next command."""
    try:
        yield
    except (KeyboardInterrupt, Terminated) as error:
        left, resume = pending.seconds_left(), LOGIN_COMMAND.with_arguments("--resume")
        if left > 0:
            error.add_note(options.with_flags(Hint(f"To resume within {format_duration(left)}: ", resume)))
        raise
    except TraktAuthError as error:
        if isinstance(error, LoginRefused | AppRejected):
            pending.remove()
        hint = error.hint_from(COMMAND_HINTS)
        if choice in {"browser", "device", "paste"} and isinstance(hint, Hint):  # the way that the user chose
            same_way = LOGIN_COMMAND.with_arguments(f"--{choice}")
            error.hint = hint.with_commands(lambda command: same_way if command == LOGIN_COMMAND else command)
        raise
    pending.remove()


def _warn_about_config_file() -> None:
    """Warn about a configuration file that other users can read or change; at a sign-in its owner reads messages."""
    path = config_path(os.environ)
    for finding in check_permissions(path) if path else []:
        print_message(WARNING, finding.what)
        print_message(NEXT, finding.fix)


def _may_replace(options: CommonOptions, trakt: Trakt, *, yes: bool) -> bool:
    """Print what a sign-in would replace, and ask for a confirmation on a terminal."""
    status = trakt.status()
    if not (status.is_valid or status.refreshable):
        return True
    user = f" as {status.username}" if status.username else ""
    token = f"token {status.fingerprint}, {_describe_validity(status.expires_at or 0.0, trakt.config.context.clock())}"
    print_message(f"Account {trakt.account} is already signed in{user} ({token}).")
    print_message("A new sign-in replaces this login; its token is not revoked at Trakt.")
    print_message(options.with_flags(Hint("To revoke it first: ", LOGOUT_COMMAND)))
    return yes or not can_ask() or click.confirm("Replace it?", err=True)


def _adopt(options: CommonOptions, trakt: Trakt, *, yes: bool) -> int:
    """Save the token response on stdin as the account's login, with the name of its user."""
    token, user = _read_token(), None
    if token.expires_at <= trakt.config.context.clock():
        if token.refresh_token is None:
            raise ValueError("The token has expired and has no refresh_token")
    else:
        verdict = verify(trakt.config.key, token, options.settings())
        user = verdict.user
        if verdict.accepted is False:
            raise LoginRefused(
                f"Trakt does not accept the token with the app {trakt.config.app.client_id[:8]}…; nothing was saved",
                error="invalid_token",
                hint=Hint("Use a valid token of this app, or sign in: ", LOGIN_COMMAND),
            )
        if verdict.accepted is None and not options.json:
            print_message(WARNING, f"The token was not checked: Trakt {verdict.why}")
    try:
        token = trakt.adopt(token, replace=yes)
    except LoginExists as error:
        replacing = LOGIN_COMMAND.with_arguments("--with-token --yes")
        error.hint = Hint("Replace it: ", replacing, "; or revoke it first: ", LOGOUT_COMMAND)
        raise
    if user is not None:
        with suppress(StoreFailed):  # the login is saved, and works without the name
            trakt.store.apply(trakt.config.key, SetUser(token.generation, user))
    if token.refresh_token and not options.json:
        print_message("Only one program may refresh this login: do not use its refresh token anywhere else.")
    _report_success(options, trakt, token)
    return 0


def _read_token() -> Token:
    """Read a token response from stdin."""
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison] - closed at the start
        raise EOFError("Standard input is closed; redirect the token response to it")
    if can_ask():
        print_message("Paste Trakt's token response (JSON), then press Ctrl-D:")
    return parse_token(sys.stdin.read(_MAX_RESPONSE))


def _report_success(options: CommonOptions, trakt: Trakt, token: Token) -> None:
    if options.json:
        print_json({"step": "done", "account": trakt.account})
        return
    username = trakt.status().username
    account = f"as {username} (account {trakt.account})" if username else f"as account {trakt.account}"
    print_message(GOOD, f"Signed in {account}")
    refresh = "refreshed automatically" if token.refresh_token else "cannot be refreshed: it has no refresh token"
    validity = _describe_validity(token.expires_at, trakt.config.context.clock())
    print_message(f"token {token.fingerprint}, {validity}; {refresh}", indent=2)
    print_message(f"stored in {trakt.store.address}", indent=2)
    print_message(options.with_flags(Hint("See all logins: ", ALL_LOGINS_COMMAND)), indent=2)


def _describe_validity(expires_at: float, now: float) -> str:
    return f"valid until {format_deadline(expires_at, now)}" if expires_at > now else "expired"
