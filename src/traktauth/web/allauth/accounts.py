# pyright: basic
"""The logins of allauth's social accounts, in a store of traktauth."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING, Any

from allauth.socialaccount import app_settings
from allauth.socialaccount.signals import social_account_removed
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db import router, transaction
from django.dispatch import receiver

from traktauth.models import App
from traktauth.web.disconnection import end_login
from traktauth.web.login import WebLogin

if TYPE_CHECKING:
    from traktauth.client.sync_client import Trakt

PROVIDER = "trakt"
# Keys of SOCIALACCOUNT_PROVIDERS["trakt"], and the argument of WebLogin that each is.
_OPTIONS = {"SERVICE": "service", "LOST_REPLY": "lost_reply", "INSECURE": "insecure", "CLOCK": "clock"}

_made: dict[str, WebLogin] = {}


def web_login_of(client_id: str, secret: str) -> WebLogin:
    """Return the web sign-in of an app, made at the first call.

    Raises:
        ImproperlyConfigured: a value of SOCIALACCOUNT_PROVIDERS["trakt"] cannot be right.
    """
    if client_id not in _made:
        configured: dict[str, Any] = app_settings.PROVIDERS.get(PROVIDER, {})
        options = {_OPTIONS[name]: value for name, value in configured.items() if name in _OPTIONS}
        store = configured.get("STORE")
        if store is None:
            from traktauth.web.django.store import DjangoStore  # noqa: PLC0415 - only without a store of another kind

            store = DjangoStore()
        try:
            # A public app has no secret: allauth keeps the state, so no other process needs this one.
            made = WebLogin(
                App(client_id, client_secret=secret or None),
                store=store,
                secret=None if secret else token_hex(),
                **options,
            )
        except ValueError as error:
            raise ImproperlyConfigured(f"SOCIALACCOUNT_PROVIDERS['trakt']: {error}") from error
        _made.setdefault(client_id, made)
    return _made[client_id]


def trakt_for(social_account: Any) -> Trakt:
    """Return the `Trakt` of a social account.

    Args:
        social_account: a `SocialAccount` of the provider `trakt`.

    Raises:
        ValueError: it is of another provider.
    """
    if social_account.provider != PROVIDER:
        raise ValueError(f"trakt_for needs a social account of the provider trakt, not {social_account.provider}")
    app = social_account.get_provider().app
    return web_login_of(app.client_id, app.secret).trakt(social_account.uid)


def disconnect(social_account: Any) -> None:
    """Delete a social account; revoke its login at Trakt and forget it, once the deletion is committed.

    The user is disconnected in any case: a login that cannot be revoked is deleted from the store, with a warning in
    the log. allauth's own page for it does the same.

    Args:
        social_account: a `SocialAccount` of the provider `trakt`.

    Raises:
        ValueError: it is of another provider.
    """
    trakt_for(social_account)
    _end_login_after_commit(social_account)
    social_account.delete()


@receiver(social_account_removed)
def _end_login(*, socialaccount: Any, **_: Any) -> None:
    """End the login of a user who has removed their social account on allauth's page."""
    if socialaccount.provider == PROVIDER:
        _end_login_after_commit(socialaccount)


def _end_login_after_commit(social_account: Any) -> None:
    """End the login of a social account, once its removal is committed.

    Before the commit, the account's row would block the store's write on SQLite, and a rollback would keep the account.
    """
    using = router.db_for_write(type(social_account))
    transaction.on_commit(lambda: end_login(trakt_for(social_account)), using=using, robust=True)


@receiver(setting_changed)
def _forget(*, setting: str, **_: Any) -> None:
    """Make others after `override_settings`."""
    if setting == "SOCIALACCOUNT_PROVIDERS":
        for made in _made.values():
            made.close()
        _made.clear()
