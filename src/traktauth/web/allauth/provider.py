# pyright: basic, reportIncompatibleMethodOverride=false
# mypy: disable-error-code="misc"
"""The provider; allauth imports this module by its name."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.providers.base import ProviderAccount
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider

from traktauth.web.allauth import PROVIDER
from traktauth.web.allauth.views import TraktAdapter


class TraktAccount(ProviderAccount):
    """A user's account at Trakt."""

    def get_profile_url(self) -> str | None:
        """Return the address of the user's profile."""
        slug = self.account.extra_data.get("ids", {}).get("slug")
        return f"https://trakt.tv/users/{slug}" if slug else None

    def to_str(self) -> str:
        """Return the user's name."""
        return str(self.account.extra_data.get("username") or super().to_str())


class TraktProvider(OAuth2Provider):
    """Trakt; a user is known by the uuid, which stays when they take another name."""

    id = PROVIDER
    name = "Trakt"
    account_class = TraktAccount
    oauth2_adapter_class = TraktAdapter
    pkce_enabled_default = True

    def extract_uid(self, data: dict[str, Any]) -> str:
        """Return the user's uuid."""
        return str(data["user"]["ids"]["uuid"])

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return what a new user of the project begins with."""
        return {"username": data["user"]["username"], "name": data["user"].get("name")}

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return what is kept with the social account: the profile, without tokens."""
        return dict(data["user"])


provider_classes = [TraktProvider]
