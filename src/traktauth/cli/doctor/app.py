"""The doctor's look at the app."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from traktauth.cli.doctor.findings import Finding, doubtful, good, wrong
from traktauth.errors import AppInvalid
from traktauth.models import fingerprint

if TYPE_CHECKING:
    from traktauth.client.settings import Settings
    from traktauth.models import App

_LOOPBACK = "http://127.0.0.1:9876/callback"


def check_app(settings: Settings) -> list[Finding]:
    """Look at the app's id, secret and redirect address, without asking anybody."""
    try:
        app = settings.app()
    except AppInvalid as error:
        return [wrong("app", error)]
    findings = [good("app", f"client id {app.client_id}")]
    if app.client_secret is None:
        findings.append(good("app", "no secret: a public app, which signs in with PKCE alone"))
    else:
        secret = app.client_secret
        findings.append(good("app", f"secret of {len(secret)} characters, fingerprint {fingerprint(secret)}"))
    findings.append(_redirect(app))
    return findings


def _redirect(app: App) -> Finding:
    if app.out_of_band:
        return good("app", "redirect address: out of band, so a sign-in takes --device or --paste")
    if not app.loopback:
        return doubtful(
            "app",
            f"The redirect address {app.redirect_uri} does not lead to this machine; no browser brings the answer here",
            f"Register {_LOOPBACK} and set TRAKTAUTH_REDIRECT_URI to it, or sign in with --device or --paste",
        )
    parts = urlsplit(app.redirect_uri)
    if _taken(parts.hostname or "", parts.port or 80):
        return doubtful(
            "app",
            f"The port of {app.redirect_uri} is taken by another program or reserved by the system",
            "End that program before: traktauth login",
        )
    return good("app", f"redirect address {app.redirect_uri}, free to listen on")


def _taken(host: str, port: int) -> bool:
    """Tell whether the receiver of a sign-in could not listen there now."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError:
        return True
    return False
