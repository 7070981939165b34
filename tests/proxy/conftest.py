"""A program behind the proxy, with a local Trakt in place of Trakt."""

from __future__ import annotations

import contextlib
import ssl

import httpx2
import pytest

from traktauth.client.settings import Settings
from traktauth.interception.certificates import Certificates
from traktauth.models import LoginKey
from traktauth.protocol import OUT_OF_BAND
from traktauth.proxy.application import Application
from traktauth.proxy.interceptor import INTERCEPTED, Interceptor
from traktauth.proxy.logins import Logins
from traktauth.proxy.oauth_requests import OAuthRequests
from traktauth.proxy.upstream import Upstream
from traktauth.stores.open import open_store
from traktauth.testing import LocalTrakt

API = "https://api.trakt.tv"


class Proxied:
    """One proxy on a store, and an HTTP client that goes through it.

    Attributes:
        told: what the user was told.
        client: knows the proxy, its password and its CA.
    """

    def __init__(self, server, store, **how):
        self.server, self.app, self.told = server, server.app, []
        clock_url = f"{server.url}/_control/clock"
        account = how.pop("account", "default")
        settings = Settings(service=server.url, store=store, account=account, clock_url=clock_url)
        self.store = open_store(store)
        self.logins = Logins(self.store, settings, tell=self.told.append)
        upstream = Upstream(self.logins.service)
        how = {"sign_in": "own", "may_revoke": False, "allow": (), **how}
        allow = how.pop("allow")
        oauth = OAuthRequests(self.logins, tell=lambda text, _error=None: self.told.append(text), **how)
        certificates = Certificates(INTERCEPTED, "trakt.tv", owner="test", days=365)
        self.authority = certificates.authority.decode()
        application = Application(self.logins, oauth, upstream)
        self.interceptor = Interceptor(application, upstream, certificates.server_context(), allow=allow)
        self.interceptor.start()
        self.proxy = f"http://traktauth:{self.interceptor.password}@127.0.0.1:{self.interceptor.port}"
        self.client = self.new_client()

    def new_client(self):
        """Make another client."""
        tls = ssl.create_default_context(cadata=self.authority)
        return httpx2.Client(proxy=self.proxy, verify=tls, trust_env=False, timeout=30)

    def close(self):
        """End it."""
        self.client.close()
        self.interceptor.close()
        self.logins.close()

    def record(self, account="default"):
        """Return the record of a login."""
        return self.store.load(LoginKey(self.logins.service.realm, self.app.client_id, account))

    def post(self, path, *, host="api.trakt.tv", app=None, **members):
        """Send a request to an OAuth endpoint as the program does."""
        app = app or self.app
        known = {"client_id": app.client_id, "client_secret": app.client_secret, "redirect_uri": OUT_OF_BAND}
        return self.client.post(f"https://{host}{path}", json=known | members)

    def refresh(self, refresh_token, **how):
        """Refresh as the program does."""
        how = {"path": "/oauth/token", "grant_type": "refresh_token"} | how
        return self.post(how.pop("path"), refresh_token=refresh_token, **how)

    def call(self, access_token, method="GET", path="/users/settings", **how):
        """Send an API request as the program does."""
        fields = {"trakt-api-version": "2", "trakt-api-key": self.app.client_id}
        fields["Authorization"] = f"Bearer {access_token}"
        return self.client.request(method, f"{API}{path}", headers=fields, **how)

    def granted(self, username="sean"):
        """Return an authorization code of a user who has approved."""
        url = f"{self.server.url}/oauth/authorize?response_type=code&client_id={self.app.client_id}"
        end = httpx2.URL(self.server.browse(f"{url}&redirect_uri={self.app.redirect_uri}&state=s", username))
        return {"grant_type": "authorization_code", "code": end.params["code"], "redirect_uri": self.app.redirect_uri}


@pytest.fixture
def server():
    """A local Trakt."""
    with LocalTrakt() as running:
        yield running


@pytest.fixture
def new_proxy(server, tmp_path):
    """Make a proxy; by default on a SQLite store that all proxies of a test share."""
    with contextlib.ExitStack() as stack:

        def new(store=f"sqlite:{tmp_path / 'logins.sqlite'}", **how):
            proxy = Proxied(server, store, **how)
            stack.callback(proxy.close)
            return proxy

        yield new


@pytest.fixture
def proxied(new_proxy):
    """A proxy."""
    return new_proxy()


@pytest.fixture
def own(server):
    """The login that the program had before."""
    return server.sign_in("sean")


@pytest.fixture
def held(proxied, own):
    """The proxy's first answer to the program: an access token, and a placeholder."""
    return proxied.refresh(own["refresh_token"]).json()
