"""The logins of a store that a command shows, their status in words, and whether Trakt accepts their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, NamedTuple

from traktauth.cli.command_hints import COMMAND_HINTS, SIGN_IN
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.times import format_deadline, format_duration, format_time
from traktauth.client.account_config import check_account
from traktauth.client.http_clients import HttpClients
from traktauth.client.settings import Settings
from traktauth.errors import StoreFailed
from traktauth.flow.effects import NoResponse
from traktauth.flow.login_status import LoginState, LoginStatus, login_status, unreadable_status
from traktauth.flow.moved_login import describe_target, finishing_command
from traktauth.flow.refresh_policy import why_not_refreshable
from traktauth.hints import LOGIN_COMMAND, LOGOUT_COMMAND, REFRESH_COMMAND, Hint
from traktauth.models import LoginKey, Record, Token, User, find_service
from traktauth.models.record import EMPTY
from traktauth.stores.base import TokenStore
from traktauth.stores.processes import is_alive
from traktauth.wire.user_settings import build_settings_request, parse_user

_DEFAULT_ACCOUNT = "default"


class Verdict(NamedTuple):
    """The result of checking a token at Trakt.

    Attributes:
        accepted: whether Trakt accepts the token; None if it could not be checked.
        user: the token's user; None if unknown.
        why: the result in words.
    """

    accepted: bool | None
    user: User | None
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return the members of the JSON output."""
        return {"accepted": self.accepted, "username": self.user and self.user.username, "why": self.why}


@dataclass(frozen=True, slots=True)
class StoredLogin:
    """One login in a store.

    Attributes:
        login: the login's key.
        record: the stored record; empty if it cannot be read.
        status: what the login can do.
        is_current: whether the settings name this login.
        is_ours: whether it belongs to the app and service of the settings.
        hint: what to do if it cannot be read.
        verdict: what Trakt says about its token; None if it was not asked.
    """

    login: LoginKey
    record: Record
    status: LoginStatus
    is_current: bool
    is_ours: bool
    hint: str = ""
    verdict: Verdict | None = None

    @property
    def is_rejected(self) -> bool:
        """Whether Trakt rejects its token."""
        return self.verdict is not None and self.verdict.accepted is False

    @property
    def is_readable(self) -> bool:
        """Whether its record could be read."""
        return self.status.state is not LoginState.UNREADABLE

    @property
    def is_worth_showing(self) -> bool:
        """Whether it has a token, cannot be read, or belongs to the app of the settings and was moved."""
        is_our_move = self.status.moved_to is not None and (self.is_current or self.is_ours)
        return self.status.fingerprint is not None or not self.is_readable or is_our_move


class Inventory(NamedTuple):
    """The logins to show that were found in a store, the current one first, and when it was read (Unix seconds)."""

    logins: Sequence[StoredLogin] = ()
    now: float = 0.0

    @property
    def readable(self) -> list[StoredLogin]:
        """The logins that could be read."""
        return [each for each in self.logins if each.is_readable]

    @property
    def unreadable(self) -> list[StoredLogin]:
        """The logins that could not be read."""
        return [each for each in self.logins if not each.is_readable]


def read_inventory(store: TokenStore, settings: Settings, options: CommonOptions) -> Inventory:
    """Return the logins that hold a token, and first the one that the settings or options name.

    A login that was moved is returned if it belongs to the app of the settings, or if all were moved. If no account is
    named, the one of the settings is added if it was signed out, or if their app has no other login.

    Raises:
        ValueError: the service that a flag or a setting names does not exist, or no account can have the name.
        StoreFailed: the store cannot be read at all.
    """
    realm, now = settings.find_service().realm, settings.clock()()
    own = LoginKey(realm, settings.client_id, settings.account)
    keys = [each for each in store.list_logins() if options.account in {None, each.account}]
    if options.account is not None and not keys:
        check_account(options.account)
    if options.service is not None:
        keys = [each for each in keys if each.realm == realm]

    def read(login: LoginKey) -> StoredLogin:
        is_ours = (login.realm, login.client_id) == (own.realm, own.client_id)
        try:
            record = store.load(login)
        except StoreFailed as error:
            if not error.of_one:
                raise
            hint = options.for_login(login, settings).with_flags(error.hint_from(COMMAND_HINTS))
            return StoredLogin(login, EMPTY, unreadable_status(login, error), login == own, is_ours, hint)
        status = login_status(login, record, now=now, lost_reply=settings.lost_reply, is_running=is_alive)
        return StoredLogin(login, record, status, login == own, is_ours)

    found = [read(login) for login in sorted(keys, key=lambda login: (login != own, login))]
    shown = [each for each in found if each.is_worth_showing] or [each for each in found if each.status.moved_to]
    is_named = options.account is not None or settings.account != _DEFAULT_ACCOUNT
    if settings.client_id:
        was_signed_out = any(each.is_current for each in found)
        shows_own = is_named or was_signed_out or not any(each.is_ours for each in shown)
    else:
        shows_own = is_named and not shown
    if shows_own and not any(each.is_current for each in shown):
        shown.insert(0, read(own))
    return Inventory(shown, now)


def describe_token(status: LoginStatus, now: float) -> str:
    """Return the access token's fingerprint and until when it is valid."""
    if status.expires_at is None:
        return "none"
    if status.is_valid:
        return f"{status.fingerprint}, valid until {format_deadline(status.expires_at, now)}"
    if status.expires_at > now:
        return f"{status.fingerprint}, rejected by Trakt's API"
    return f"{status.fingerprint}, expired {format_time(status.expires_at)}"


def describe_refresh(found: StoredLogin, now: float) -> str:
    """Return whether the token is refreshed, or why not; a `Hint` if a command helps."""
    status, pending = found.status, found.status.pending
    if status.fingerprint is None:
        return "nothing to refresh"
    if pending is None:
        if status.reason is not None:
            return f"no: {why_not_refreshable(found.record) or status.message}"
        when = "automatic" if status.is_valid else "at the next use"
        return f"{when} (refresh token {status.refresh_fingerprint})"
    since = format_time(pending.started_at)
    if pending.moving_to is not None:
        what = f"no: it is being moved to {describe_target(pending.moving_to)[0]} since {since}; to finish: "
        return Hint(what, finishing_command(pending.moving_to))
    if pending.in_progress:
        sender = f"{pending.host}:{pending.pid}" if pending.pid else pending.host
        return f"in progress since {format_duration(now - pending.started_at)} by {sender}"
    if status.is_valid:
        token = f"the token is valid until {format_deadline(status.expires_at or now, now)}"
        then = "then it is sent again" if status.refreshable else "then a new sign-in"
    else:
        token = "the token has expired"
        then = "it is sent again at the next use" if status.refreshable else "a new sign-in is required"
    return f"unconfirmed since {since} (sending {pending.sending}); {token}, {then}"


REJECTED_HINT = Hint("Refresh, or else sign in: ", REFRESH_COMMAND, " || ", LOGIN_COMMAND)
"""For a login whose access token Trakt rejects; only a refresh shows whether its refresh token has ended too."""


def verify(login: LoginKey, token: Token, settings: Settings) -> Verdict:
    """Ask Trakt whether it accepts an access token; nothing is refreshed and nothing is written."""
    service = settings.find_service()
    if service.realm != login.realm:
        service = find_service(login.realm, insecure=settings.insecure)
    request = build_settings_request(service, client_id=login.client_id, access_token=token.access_token)
    with closing(HttpClients()) as clients:
        reply = clients.send(request)
    if isinstance(reply, NoResponse):
        return Verdict(None, None, f"could not be reached: {reply.reason}")
    if reply.status == HTTPStatus.OK:
        return Verdict(accepted=True, user=parse_user(reply), why="accepts the token")
    if reply.status == HTTPStatus.UNAUTHORIZED:
        return Verdict(accepted=False, user=None, why="rejects the token (401): it was revoked or has expired there")
    return Verdict(None, None, f"gave an unexpected response ({reply.status})")


def verify_all(found: Inventory, settings: Settings, *, most: int | None = None) -> Inventory:
    """Ask Trakt about the tokens that are valid by the local clock, or of so many of this app; nothing is refreshed."""
    asked = [each.login for each in found.logins if each.status.is_valid and (most is None or each.is_ours)][:most]
    logins = [
        replace(each, verdict=verify(each.login, each.record.token, settings))
        if each.login in asked and each.record.token is not None
        else each
        for each in found.logins
    ]
    return found._replace(logins=logins)


def sign_in_hint(settings: Settings, found: StoredLogin) -> str:
    """Return the hint with the command that signs in again, or removes the login of another app or service."""
    if found.is_ours or not settings.client_id:
        return SIGN_IN
    return Hint(
        f"{found.login.account} at {found.login.realm} belongs to another app or service than the settings. "
        "Remove it: ",
        LOGOUT_COMMAND.with_arguments("--local"),
    )
