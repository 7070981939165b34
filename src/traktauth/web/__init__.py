"""Sign in to a web application with Trakt, with any framework.

```python
login = WebLogin(app, store="postgresql://…")

started = login.start(next="/library")  # GET /trakt/login: set the cookie, redirect to started.url
signed_in = login.finish(cookies, url)  # GET /trakt/callback: keep signed_in.account in the session
login.trakt(signed_in.account).request("GET", "/users/me/history")
```

`traktauth.web.starlette` (and FastAPI), `.flask` and `.django` do this for a framework; `.allauth`, `.social` and
`.authlib` fit Trakt into a sign-in library.
"""

from __future__ import annotations

from traktauth.web.failure import Cause, LoginFailed
from traktauth.web.login import AsyncWebLogin, SignedIn, Started, WebLogin

__all__ = ["AsyncWebLogin", "Cause", "LoginFailed", "SignedIn", "Started", "WebLogin"]
