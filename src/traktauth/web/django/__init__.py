"""Sign-in with Trakt for Django.

```python
INSTALLED_APPS = [..., "traktauth.web.django"]  # settings.py
TRAKTAUTH = {"CLIENT_ID": "…", "CLIENT_SECRET": "…", "REDIRECT_URI": "https://example.com/trakt/callback"}

path("trakt/", include("traktauth.web.django.urls"))  # urls.py
```
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from traktauth.errors import TraktAuthError
from traktauth.extras import check_version

if find_spec("django") is None:
    raise TraktAuthError("Django is not installed", hint="pip install 'traktauth[django]'")
check_version("django", (5, 2))

if TYPE_CHECKING:
    from traktauth.web.django.configuration import web_login
    from traktauth.web.django.store import DjangoStore
    from traktauth.web.django.views import account_of, disconnect, signed_in, trakt_of, trakt_required

__all__ = ["DjangoStore", "account_of", "disconnect", "signed_in", "trakt_of", "trakt_required", "web_login"]

# Imported on first use: Django imports this package before its apps are ready.
_LATER = {
    "DjangoStore": "traktauth.web.django.store",
    "account_of": "traktauth.web.django.views",
    "disconnect": "traktauth.web.django.views",
    "signed_in": "traktauth.web.django.views",
    "trakt_of": "traktauth.web.django.views",
    "trakt_required": "traktauth.web.django.views",
    "web_login": "traktauth.web.django.configuration",
}


if not TYPE_CHECKING:  # a type checker would take every misspelt name for one of this function's

    def __getattr__(name: str) -> object:
        if name in _LATER:
            from importlib import import_module  # noqa: PLC0415 - on first use

            return getattr(import_module(_LATER[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
