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

from typing import TYPE_CHECKING

from traktauth.errors import (
    AppInvalid,
    AppRejected,
    LoginRefused,
    LoginRequired,
    StoreFailed,
    TraktAuthError,
    TryLater,
    UnexpectedReply,
)
from traktauth.models import App, Token, fingerprint

if TYPE_CHECKING:
    from traktauth.client.aio import AsyncTrakt
    from traktauth.client.blocking import Trakt
    from traktauth.client.operations import AsyncAuthenticationOAuthApi, AuthenticationOAuthApi
    from traktauth.models.device import DeviceCode

__version__ = "0.1.0"
__all__ = [
    "App",
    "AppInvalid",
    "AppRejected",
    "AsyncAuthenticationOAuthApi",
    "AsyncTrakt",
    "AuthenticationOAuthApi",
    "DeviceCode",
    "LoginRefused",
    "LoginRequired",
    "StoreFailed",
    "Token",
    "Trakt",
    "TraktAuthError",
    "TryLater",
    "UnexpectedReply",
    "fingerprint",
]

# Imported on first use, so that a program pays for what it uses.
_LATER = {
    "Trakt": "traktauth.client.blocking",
    "DeviceCode": "traktauth.models.device",
    "AsyncTrakt": "traktauth.client.aio",
    "AuthenticationOAuthApi": "traktauth.client.operations",
    "AsyncAuthenticationOAuthApi": "traktauth.client.operations",
}


def __getattr__(name: str) -> object:
    if name in _LATER:
        from importlib import import_module  # noqa: PLC0415 - on first use

        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
