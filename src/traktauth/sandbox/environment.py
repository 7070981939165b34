"""What leads a program to the local Trakt: the hosts that it stands for, and environment variables."""

from __future__ import annotations

from collections.abc import Mapping

from traktauth.models import App

DOMAIN = "trakt.tv"
HOSTS = (DOMAIN, "www.trakt.tv", "api.trakt.tv", "auth.trakt.tv", "app.trakt.tv")
BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def is_trakt(host: str) -> bool:
    """Return whether a host, in lower case, is one of Trakt's, also if the sandbox does not have it."""
    return host == DOMAIN or host.endswith(f".{DOMAIN}")


def program_environment(base: Mapping[str, str], app: App, *, proxy: str, bundle: str) -> dict[str, str]:
    """Return the environment of a program in the sandbox: proxy, certificates and the local Trakt's first app.

    Args:
        base: the environment that it is made from; variables of traktauth are left out.
        app: the app that the program uses.
        proxy: the proxy's address.
        bundle: the path of the certificates that the program must trust.
    """
    environ = {name: value for name, value in base.items() if not name.startswith("TRAKTAUTH_")}
    for name, value in (*((name, proxy) for name in PROXY_VARIABLES), ("NO_PROXY", "localhost,127.0.0.1")):
        environ |= {name: value, name.lower(): value}
    environ.update(dict.fromkeys(BUNDLE_VARIABLES, bundle), NODE_USE_ENV_PROXY="1")
    for prefix in ("TRAKT_", "TRAKTAUTH_"):
        environ[f"{prefix}CLIENT_ID"] = app.client_id
        environ[f"{prefix}CLIENT_SECRET"] = app.client_secret or ""
        environ[f"{prefix}REDIRECT_URI"] = app.redirect_uri
    return environ
