"""Check the app: its settings, and whether Trakt knows it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from traktauth.cli.doctor.findings import Finding, error_finding, good, warning
from traktauth.client.driver.sync_driver import Driver
from traktauth.client.http_clients import HttpClients
from traktauth.client.login.loopback_server import can_listen
from traktauth.errors import AppInvalid, AppRejected
from traktauth.flow.app_check import AppStatus, check_app
from traktauth.hints import DOCTOR_COMMAND, LOGIN_COMMAND, Hint, ShellCommand
from traktauth.models import fingerprint
from traktauth.protocol import APPS_PAGE, SERVICES

if TYPE_CHECKING:
    from traktauth.client.settings import Settings
    from traktauth.flow.app_check import AppCheck
    from traktauth.models import App
    from traktauth.protocol import Service


_VARIABLES = {"TRAKTAUTH_CLIENT_ID", "TRAKTAUTH_CLIENT_SECRET"}
_SHORT = 12  # characters of a client id that tell it from others
LOOPBACK = "http://127.0.0.1:9876/callback"


def check_app_settings(settings: Settings) -> list[Finding]:
    """Look at the app's id, secret and redirect address; nothing is sent."""
    try:
        app = settings.app()
    except AppInvalid as error:
        return [error_finding("app", error)]
    findings = [good("app", f"client id {app.client_id}")]
    if app.client_secret is None:
        findings.append(good("app", "no secret: a public app, which signs in with PKCE only"))
    else:
        secret = app.client_secret
        findings.append(good("app", f"secret of {len(secret)} characters, fingerprint {fingerprint(secret)}"))
    findings.append(_redirect(app))
    return findings


def check_app_at_service(settings: Settings) -> list[Finding]:
    """Ask the service whether it knows the app, with requests that spend nothing.

    Raises:
        AppInvalid, ValueError: the app or the service cannot be right; the looks at the settings find that.
    """
    app, service = settings.app(), settings.find_service()
    check = ask_service(app, service)
    if check.status is AppStatus.ACCEPTED:
        known = "client id and secret" if app.client_secret else "client id, a public app"
        return [good("app", f"the service knows this {known}")]
    if not check.has_endpoint and service.name not in SERVICES:
        error = ValueError(f"{check.detail} to a request that revokes a token, so it is not Trakt")
        return [error_finding("service", error, _CHECK_SERVICE)]
    if check.status is AppStatus.UNCLEAR:
        return [warning("app", f"It could not be checked whether Trakt knows the app: {check.detail}", _AGAIN)]
    return [error_finding("app", rejection_before_setup(app, service, check.status))]


def ask_service(app: App, service: Service) -> AppCheck:
    """Ask a service whether it knows an app, with requests that spend nothing."""
    connections = HttpClients(product=app.user_agent)
    try:
        return Driver(None, connections.send).run(check_app(app, service))
    finally:
        connections.close()


def apps_page(service: Service) -> str:
    """Return where a service shows the user's apps: an address, or a description of the page."""
    return APPS_PAGE if service.realm == "trakt" else f"the app's page at {service.website}"


_AGAIN = Hint("Try again later: ", DOCTOR_COMMAND)
_CHECK_SERVICE = "Set TRAKTAUTH_SERVICE to trakt, or to the address that traktauth serve prints"


def rejection(app: App, service: Service, status: AppStatus) -> AppRejected:
    """Return the error that says why a service does not take an app."""
    where, short = apps_page(service), _short(app.client_id)
    message, hint = {
        AppStatus.UNKNOWN_ID: (
            f"The service {service.name} does not know the client id {short}",
            (
                f"Compare TRAKTAUTH_CLIENT_ID with {where}, and TRAKTAUTH_SERVICE with where the app was made; "
                "Trakt deletes unused apps and those of accounts without VIP"
            ),
        ),
        AppStatus.MISSING_SECRET: (
            "No secret is set, and this app has one",
            f"Set TRAKTAUTH_CLIENT_SECRET to the Client Secret on {where}",
        ),
        AppStatus.UNEXPECTED_SECRET: (
            "A secret is set, but this is a public app",
            "Unset TRAKTAUTH_CLIENT_SECRET",
        ),
        AppStatus.UNKNOWN_REDIRECT: (
            f"The redirect address {app.redirect_uri} is not registered for this app",
            f"Register it on {where}, or set TRAKTAUTH_REDIRECT_URI to the address that is registered there",
        ),
        AppStatus.WRONG_SECRET: (
            f"The secret (fingerprint {fingerprint(app.client_secret or '')}) does not belong to the client id {short}",
            f"Copy the Client Secret again from {where} into TRAKTAUTH_CLIENT_SECRET",
        ),
    }[status]
    return AppRejected(message, hint=hint, error=status.value)


def rejection_before_setup(app: App, service: Service, status: AppStatus) -> AppRejected:
    """Return the same error, for a command that reads the app from the environment and the configuration file."""
    rejected = rejection(app, service, status)
    variables = sorted(os.environ.keys() & _VARIABLES)  # which win over the file that the command writes
    unset = f"unset {' '.join(variables)}; " if variables else ""
    rejected.hint = Hint("Enter the app again: ", ShellCommand(f"{unset}traktauth setup"), f". {rejected.hint}")
    return rejected


def _short(client_id: str) -> str:
    return client_id if len(client_id) <= _SHORT else f"{client_id[:_SHORT]}…"


def _redirect(app: App) -> Finding:
    if app.out_of_band:
        return good("app", "redirect address: out of band, so sign in with --device or --paste")
    if not app.loopback:
        return warning(
            "app",
            f"The redirect address {app.redirect_uri} is not on this machine, so no browser can return the code here",
            f"Register {LOOPBACK} and set TRAKTAUTH_REDIRECT_URI to it, or sign in with --device or --paste",
        )

    parts = urlsplit(app.redirect_uri)
    if not can_listen(parts.hostname or "", parts.port or 80):
        return warning(
            "app",
            f"The port of {app.redirect_uri} is used by another program or reserved by the system",
            Hint("End that program, then: ", LOGIN_COMMAND),
        )
    return good("app", f"redirect address {app.redirect_uri}, free to listen on")
