"""Sign in to Trakt once, and never lose the login.

```python
from traktauth import App, Trakt

app = App(client_id="…", client_secret="…", redirect_uri="http://127.0.0.1:9876/callback")
with Trakt(app) as trakt:
    trakt.login()
    print(trakt.request("GET", "/users/settings").json())
```
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from traktauth._version import __version__

if TYPE_CHECKING:
    from traktauth import steps as steps
    from traktauth import stores as stores
    from traktauth.client.async_client import AsyncTrakt
    from traktauth.client.attempt import AsyncAttempt, Attempt
    from traktauth.client.oauth_api import AsyncAuthenticationOAuthApi, AuthenticationOAuthApi
    from traktauth.client.sync_client import Trakt
    from traktauth.errors import (
        AppInvalid,
        AppRejected,
        LoginExists,
        LoginMoved,
        LoginRefused,
        LoginRequired,
        StoreFailed,
        TraktAuthError,
        TryLater,
        UnexpectedReply,
    )
    from traktauth.flow.context import LostReply
    from traktauth.flow.login_status import LoginState, LoginStatus
    from traktauth.flow.logout import SignedOut
    from traktauth.models import App, Token, fingerprint
    from traktauth.models.token import DeviceCode
    from traktauth.protocol import Service
    from traktauth.steps import LoginMethod

__all__ = [
    "App",
    "AppInvalid",
    "AppRejected",
    "AsyncAttempt",
    "AsyncAuthenticationOAuthApi",
    "AsyncTrakt",
    "Attempt",
    "AuthenticationOAuthApi",
    "DeviceCode",
    "LoginExists",
    "LoginMethod",
    "LoginMoved",
    "LoginRefused",
    "LoginRequired",
    "LoginState",
    "LoginStatus",
    "LostReply",
    "Service",
    "SignedOut",
    "StoreFailed",
    "Token",
    "Trakt",
    "TraktAuthError",
    "TryLater",
    "UnexpectedReply",
    "__version__",
    "fingerprint",
    "steps",
]

# Imported on first use, so that a program pays for what it uses.
_LATER = {
    "AppInvalid": "traktauth.errors",
    "AppRejected": "traktauth.errors",
    "LoginExists": "traktauth.errors",
    "LoginMoved": "traktauth.errors",
    "LoginRefused": "traktauth.errors",
    "LoginRequired": "traktauth.errors",
    "StoreFailed": "traktauth.errors",
    "TraktAuthError": "traktauth.errors",
    "TryLater": "traktauth.errors",
    "UnexpectedReply": "traktauth.errors",
    "App": "traktauth.models",
    "Token": "traktauth.models",
    "fingerprint": "traktauth.models",
    "AsyncAttempt": "traktauth.client.attempt",
    "AsyncTrakt": "traktauth.client.async_client",
    "Attempt": "traktauth.client.attempt",
    "DeviceCode": "traktauth.models.token",
    "LoginState": "traktauth.flow.login_status",
    "LoginStatus": "traktauth.flow.login_status",
    "LostReply": "traktauth.flow.context",
    "Service": "traktauth.protocol",
    "SignedOut": "traktauth.flow.logout",
    "Trakt": "traktauth.client.sync_client",
    "LoginMethod": "traktauth.steps",
    "AuthenticationOAuthApi": "traktauth.client.oauth_api",
    "AsyncAuthenticationOAuthApi": "traktauth.client.oauth_api",
}
_MODULES = {"steps", "stores", "testing"}


if not TYPE_CHECKING:  # a type checker would take every misspelt name for one of this function's

    def __getattr__(name: str) -> object:
        if name in _LATER or name in _MODULES:
            if name in _MODULES:
                return import_module(f"traktauth.{name}")
            return getattr(import_module(_LATER[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
