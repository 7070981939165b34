"""Check the app: its settings, and whether Trakt knows it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

from traktauth.cli.doctor.findings import Finding, error_finding, good, warning
from traktauth.client.driver.sync_driver import Driver
from traktauth.client.http_clients import HttpClients
from traktauth.client.login.loopback_server import can_listen
from traktauth.client.settings import Settings
from traktauth.errors import AppInvalid, AppRejected
from traktauth.flow.app_check import AppCheck, AppStatus, check_app
from traktauth.hints import DOCTOR_COMMAND, LOGIN_COMMAND, Hint, ShellCommand
from traktauth.models import App, fingerprint
from traktauth.protocol import APPS_PAGE, SERVICES, Service

_VARIABLES = {"TRAKTAUTH_CLIENT_ID", "TRAKTAUTH_CLIENT_SECRET"}
_SHORT = 12  # characters of a client id that tell it from others
LOOPBACK = "http://127.0.0.1:9876/callback"


def check_app_settings(settings: Settings) -> Iterator[Finding]:
    """Look at the app's id, secret and redirect address; nothing is sent."""
    try:
        app = settings.app()
    except AppInvalid as error:
        yield error_finding("app", error)
        return
    yield good("app", f"client id {app.client_id}")
    if app.client_secret is None:
        yield good("app", "no secret: a public app, which signs in with PKCE only")
    else:
        secret = app.client_secret
        yield good("app", f"secret of {len(secret)} characters, fingerprint {fingerprint(secret)}")
    yield _check_redirect(app)


def check_app_at_service(settings: Settings) -> Finding:
    """Ask the service whether it knows the app, with requests that spend nothing."""
    app, service = settings.app(), settings.find_service()
    check = ask_service(app, service)
    if check.status is AppStatus.ACCEPTED:
        return good("app", f"the service knows this {describe_known(app.client_secret)}")
    if not check.has_endpoint and service.name not in SERVICES:
        error = ValueError(f"{check.detail} to a request that revokes a token, so it is not Trakt")
        fix = "Set TRAKTAUTH_SERVICE to trakt, or to the address that traktauth serve prints"
        return error_finding("service", error, fix)
    if check.status is AppStatus.UNCLEAR:
        what = f"It could not be checked whether Trakt knows the app: {check.detail}"
        return warning("app", what, Hint("Try again later: ", DOCTOR_COMMAND))
    return error_finding("app", rejection_before_setup(app, service, check.status))


def describe_known(secret: str | None) -> str:
    """Return what a service knows of an app that it accepts."""
    return "client id and secret" if secret else "client id, a public app"


def ask_service(app: App, service: Service) -> AppCheck:
    """Ask a service whether it knows an app, with requests that spend nothing."""
    with closing(HttpClients(product=app.user_agent)) as connections:
        return Driver(None, connections.send).run(check_app(app, service))


def apps_page(service: Service) -> str:
    """Return where a service shows the user's apps: an address, or a description of the page."""
    return APPS_PAGE if service.realm == "trakt" else f"the app's page at {service.website}"


def rejection(app: App, service: Service, status: AppStatus) -> AppRejected:
    """Return the error that says why a service does not take an app."""
    where = apps_page(service)
    short = app.client_id if len(app.client_id) <= _SHORT else f"{app.client_id[:_SHORT]}…"
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


def _check_redirect(app: App) -> Finding:
    address = app.redirect_uri
    if app.out_of_band:
        return good("app", "redirect address: out of band, so sign in with --device or --paste")
    if not app.loopback:
        what = f"The redirect address {address} is not on this machine, so no browser can return the code here"
        fix = f"Register {LOOPBACK} and set TRAKTAUTH_REDIRECT_URI to it, or sign in with --device or --paste"
        return warning("app", what, fix)
    parts = urlsplit(address)
    if not can_listen(parts.hostname or "", parts.port or 80):
        what = f"The port of {address} is used by another program or reserved by the system"
        return warning("app", what, Hint("End that program, then: ", LOGIN_COMMAND))
    return good("app", f"redirect address {address}, free to listen on")
