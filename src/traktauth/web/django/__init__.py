"""Sign-in with Trakt for Django.

```python
INSTALLED_APPS = [..., "traktauth.web.django"]  # settings.py
TRAKTAUTH = {"CLIENT_ID": "…", "CLIENT_SECRET": "…", "REDIRECT_URI": "https://example.com/trakt/callback"}

path("trakt/", include("traktauth.web.django.urls"))  # urls.py
```
"""

from __future__ import annotations

from importlib.util import find_spec

from traktauth.errors import TraktAuthError
from traktauth.extras import check_version

if find_spec("django") is None:
    raise TraktAuthError("Django is not installed", hint="pip install 'traktauth[django]'")

# Django imports this package before its apps are ready, and a settings module may: none of these imports a model.
from traktauth.web.django.configuration import web_login
from traktauth.web.django.store import DjangoStore
from traktauth.web.django.views import account_of, disconnect, signed_in, trakt_of, trakt_required

check_version("django", (5, 2))

__all__ = ["DjangoStore", "account_of", "disconnect", "signed_in", "trakt_of", "trakt_required", "web_login"]
