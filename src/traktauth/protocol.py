"""Trakt's documentation as data: hosts, paths, header fields, grants and poll statuses."""

from __future__ import annotations

from dataclasses import dataclass

AUTHORIZE = "/oauth/authorize"
TOKEN = "/oauth/token"
REVOKE = "/oauth/revoke"
DEVICE_CODE = "/oauth/device/code"
DEVICE_TOKEN = "/oauth/device/token"
USER_SETTINGS = "/users/settings"

# Where a user makes apps, and sees which are connected.
APPS_PAGE = "https://app.trakt.tv/settings/apps/api"
CONNECTED_PAGE = "https://app.trakt.tv/settings/apps/connected"

# What Trakt changed in 2026, as it is told to users; docs/trakt-2026.md has the sources.
APPS_ARE_DELETED = f"Trakt deletes unused apps and those of accounts without VIP: {APPS_PAGE}"
ONE_COMMUNITY_APP = f"A free Trakt account can connect one community app: {CONNECTED_PAGE}"
# By HTTP status: what keeps an account from something, and what to do.
ACCOUNT_LIMITS = {
    420: "The account has reached a limit of free accounts (lists, list items, collection, connected apps): "
    "remove some, or get Trakt VIP, which raises the limit",
    423: "The account is locked or deactivated: its user must contact Trakt's support",
    426: "Only accounts with Trakt VIP may do this: https://trakt.tv/vip",
}

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
API_VERSION = "2"

AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"

# Trakt: *Poll for the access_token*
POLL_GRANTED = 200
POLL_PENDING = 400
POLL_UNKNOWN = 404
POLL_USED = 409
POLL_EXPIRED = 410
POLL_DENIED = 418
POLL_TOO_FAST = 429


@dataclass(frozen=True, slots=True)
class Service:
    """A named set of addresses that serve the apps, users and tokens of one realm.

    Attributes:
        name: what a user calls it: `trakt`, or the base address that was given.
        realm: whose tokens these are; services with one realm share logins.
        website: origin of the sign-in page.
        token: origin of the token, revoke and device endpoints.
        api: origin of the API.
        issuer: the issuer that an authorization response must name if it names one, or None if it is not known.
        issuer_domain: where the issuer is not known: the domain that its host must be or lie under.
    """

    name: str
    realm: str
    website: str
    token: str
    api: str
    issuer: str | None = None
    issuer_domain: str | None = None


SERVICES = {
    service.name: service
    for service in (
        # The hosts of the commissioned document.
        Service(
            "trakt",
            "trakt",
            "https://trakt.tv",
            "https://api.trakt.tv",
            "https://api.trakt.tv",
            issuer_domain="trakt.tv",
        ),
        # The hosts that Trakt documents since July 2026.
        Service(
            "auth.trakt.tv",
            "trakt",
            "https://auth.trakt.tv",
            "https://auth.trakt.tv",
            "https://api.trakt.tv",
            issuer_domain="trakt.tv",
        ),
        Service(
            "staging",
            "staging",
            "https://staging.trakt.tv",
            "https://api-staging.trakt.tv",
            "https://api-staging.trakt.tv",
            issuer_domain="trakt.tv",
        ),
    )
}
