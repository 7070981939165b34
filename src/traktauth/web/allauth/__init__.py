# pyright: basic
"""Trakt for django-allauth: add `traktauth.web.allauth` to INSTALLED_APPS.

`trakt_for(social_account)` returns the `Trakt` of a user who has signed in or connected their account.
"""

from __future__ import annotations

from typing import Any

from traktauth.client.sync_client import Trakt
from traktauth.errors import TraktAuthError
from traktauth.extras import check_version
from traktauth.web.django.store import DjangoStore
from traktauth.web.libraries import WebLogins, end_login, new_web_login
from traktauth.web.login import WebLogin

try:
    from allauth.socialaccount import app_settings
    from allauth.socialaccount.signals import social_account_removed
except ModuleNotFoundError as error:
    raise TraktAuthError("django-allauth is not installed", hint="pip install 'traktauth[allauth]'") from error

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db import router, transaction
from django.dispatch import receiver

check_version("django-allauth", (65, 10), extra="allauth")

__all__ = ["disconnect", "trakt_for"]

PROVIDER = "trakt"
_web_logins = WebLogins()


def web_login_of(client_id: str, secret: str) -> WebLogin:
    """Return the web sign-in of an app, made at the first call.

    Raises:
        ImproperlyConfigured: a value of SOCIALACCOUNT_PROVIDERS["trakt"] cannot be right.
    """

    def make() -> WebLogin:
        configured: dict[str, Any] = app_settings.PROVIDERS.get(PROVIDER, {})
        store = configured.get("STORE")
        try:
            return new_web_login(client_id, secret, DjangoStore() if store is None else store, configured)
        except ValueError as error:
            raise ImproperlyConfigured(f"SOCIALACCOUNT_PROVIDERS['trakt']: {error}") from error

    return _web_logins.find((client_id, secret), make)  # the secret in the database may be replaced


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
        _web_logins.clear()
