"""The environment variables that lead a program to the local Trakt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traktauth.models import App

BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def program_environment(base: Mapping[str, str], app: App, *, proxy: str, bundle: str) -> dict[str, str]:
    """Return the environment of a program in the sandbox: proxy, certificates and the local Trakt's first app.

    Args:
        base: the environment that it is made from; variables of traktauth are left out.
        app: the app that the program uses.
        proxy: the proxy's address.
        bundle: the path of the certificates that the program must trust.
    """
    environ = {name: value for name, value in base.items() if not name.startswith("TRAKTAUTH_")}
    environ.update({name: value for name in PROXY_VARIABLES for name, value in _both_cases(name, proxy)})
    environ.update(_both_cases("NO_PROXY", "localhost,127.0.0.1"))
    environ.update(dict.fromkeys(BUNDLE_VARIABLES, bundle), NODE_USE_ENV_PROXY="1")
    for prefix in ("TRAKT_", "TRAKTAUTH_"):
        environ[f"{prefix}CLIENT_ID"] = app.client_id
        environ[f"{prefix}CLIENT_SECRET"] = app.client_secret or ""
        environ[f"{prefix}REDIRECT_URI"] = app.redirect_uri
    return environ


def _both_cases(name: str, value: str) -> list[tuple[str, str]]:
    return [(name, value), (name.lower(), value)]
