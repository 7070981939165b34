"""The logins of a store that a command shows; one that cannot be read does not hide the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.cli.command_hints import COMMAND_HINTS
from traktauth.errors import StoreFailed
from traktauth.flow.login_status import LoginState, LoginStatus, login_status, unreadable_status
from traktauth.models import LoginKey
from traktauth.models.record import EMPTY
from traktauth.stores.processes import is_alive
from traktauth.values import field, value

if TYPE_CHECKING:
    from traktauth.cli.common_options import CommonOptions
    from traktauth.client.settings import Settings
    from traktauth.models import Record
    from traktauth.stores.base import TokenStore

_DEFAULT_ACCOUNT = "default"


@value
class StoredLogin:
    """One login in a store.

    Attributes:
        login: the login's key.
        record: the stored record; empty if it cannot be read.
        status: what the login can do.
        is_current: whether the settings name this login.
        is_ours: whether it belongs to the app and service of the settings.
        hint: what to do if it cannot be read.
    """

    login: LoginKey
    record: Record
    status: LoginStatus
    is_current: bool
    is_ours: bool
    hint: str = ""

    @property
    def is_readable(self) -> bool:
        """Whether its record could be read."""
        return self.status.state is not LoginState.UNREADABLE


@value
class Inventory:
    """The logins found in a store.

    Attributes:
        logins: the logins to show, the current one first.
        now: Unix seconds when it was read.
    """

    logins: list[StoredLogin] = field(default_factory=list[StoredLogin])
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
        from traktauth.client.account_config import check_account  # noqa: PLC0415 - only for an unknown account

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
    shown = [each for each in found if each.status.fingerprint is not None or not each.is_readable or _is_moved(each)]
    shown = shown or [each for each in found if each.status.moved_to is not None]
    named = options.account is not None or settings.account != _DEFAULT_ACCOUNT
    has_ours = any(each.is_ours for each in shown) if settings.client_id else bool(shown)
    was_signed_out = any(each.is_current for each in found)
    shows_own = (named or was_signed_out or not has_ours) if settings.client_id else (named and not has_ours)
    if shows_own and not any(each.is_current for each in shown):
        shown.insert(0, read(own))
    return Inventory(shown, now)


def _is_moved(found: StoredLogin) -> bool:
    return found.status.moved_to is not None and (found.is_current or found.is_ours)
