"""A local Trakt with a web application, and users who sign in there without a browser."""

from __future__ import annotations

from typing import Any

from traktauth import AuthenticationOAuthApi, Token
from traktauth.testing import LocalTrakt

CALLBACK = "https://testserver/trakt/callback"
STAFF = "https://testserver/staff/callback"  # where a second sign-in of the application is
LOOPBACK = "http://127.0.0.1:8000/trakt/callback"  # any port of it is taken, as by both engines
ALLAUTH = "http://127.0.0.1:8000/accounts/trakt/login/callback/"
SOCIAL = "http://127.0.0.1:8000/complete/trakt/"
CANARY = "s" * 10 + "ecretcanary" + "s" * 43
SEED: dict[str, Any] = {
    "apps": [
        {
            "name": "Library",
            "client_id": "c" * 64,
            "client_secret": CANARY,
            "redirect_uris": [CALLBACK, STAFF, LOOPBACK, ALLAUTH, SOCIAL],
            "confidential": True,
        },
        {
            "name": "Pocket library",
            "client_id": "p" * 64,
            "client_secret": None,
            "redirect_uris": [CALLBACK],
            "confidential": False,
        },
    ],
    "users": [{"username": "sean", "password": "correct horse battery", "email": "sean@example.test"}],
}


def web_trakt(**settings: Any) -> LocalTrakt:
    """Make a local Trakt, in this process, that knows the web application."""
    return LocalTrakt(seed=SEED, **settings)


def visit(trakt: LocalTrakt, url: str, *, username: str = "sean", decision: str = "approve") -> str:
    """Play the browser from an authorize address on, and return the address where it is sent back to."""
    return trakt.browse(url, username=username, decision=decision)


def end_login(trakt: LocalTrakt, token: Token) -> None:
    """End a login as on Trakt's page of connected apps: neither of its tokens works any more."""
    app = trakt.app
    with AuthenticationOAuthApi(trakt.url) as oauth:
        for each in (token.refresh_token, token.access_token):
            oauth.revoke_an_access_token(token=each, client_id=app.client_id, client_secret=app.client_secret)
