"""Whether Trakt knows an app: its id and secret, tried with requests that spend nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

from traktauth.flow.effects import Flow, NoResponse, Send
from traktauth.models import App
from traktauth.protocol import Service
from traktauth.wire.authorization import authorization_url, s256_challenge
from traktauth.wire.error_responses import error_code, is_invalid_client
from traktauth.wire.messages import USER_AGENT, Request, Response
from traktauth.wire.token_endpoint import build_revocation_request
from traktauth.wire.user_settings import build_settings_request

# No service has issued it, so revoking it changes nothing.
_MADE_UP_TOKEN = "traktauth-checks-the-app-with-this-token-which-is-not-issued"
_NO_ENDPOINT = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}


class AppStatus(Enum):
    """What a service says about an app."""

    ACCEPTED = "accepted"
    UNKNOWN_ID = "unknown-client-id"
    WRONG_SECRET = "wrong-secret"
    MISSING_SECRET = "missing-secret"
    UNEXPECTED_SECRET = "unexpected-secret"
    UNKNOWN_REDIRECT = "unknown-redirect-address"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class AppCheck:
    """The outcome of a check.

    Attributes:
        status: what the service says.
        detail: what was received if that is unclear, for a user.
        has_endpoint: False if the service has no address for revoking tokens, so it is not Trakt.
    """

    status: AppStatus
    detail: str = ""
    has_endpoint: bool = True


def check_app(app: App, service: Service) -> Flow[AppCheck]:
    """Ask whether the API knows the id, whether id and secret belong together, and the redirect address to them.

    The revocation is of a made-up token. better-auth looks at the app first there, and Doorkeeper refuses another app;
    a refresh with a made-up token would show nothing, as better-auth looks at the token first.
    """
    api = yield from Send(build_settings_request(service, client_id=app.client_id))
    if isinstance(api, NoResponse):
        return AppCheck(AppStatus.UNCLEAR, f"{service.api} could not be reached: {api.reason}")
    if api.status == HTTPStatus.FORBIDDEN and not _is_page(api):
        return AppCheck(AppStatus.UNKNOWN_ID)
    request = build_revocation_request(service, app, _MADE_UP_TOKEN)
    response = yield from Send(request)
    if isinstance(response, NoResponse):
        return AppCheck(AppStatus.UNCLEAR, f"{service.token} could not be reached: {response.reason}")
    if is_invalid_client(response):
        return AppCheck(_status_of_refusal(app, response))
    is_unknown_token = error_code(response) == "invalid_request" and _description(response) == "token not found"
    if (response.status == HTTPStatus.OK and not _is_page(response)) or is_unknown_token:
        return AppCheck((yield from _check_redirect(app, service)))
    detail = f"{service.token} answered {response.status}"
    return AppCheck(AppStatus.UNCLEAR, detail, has_endpoint=response.status not in _NO_ENDPOINT)


def _check_redirect(app: App, service: Service) -> Flow[AppStatus]:
    """Ask for the sign-in page of a known app, which is refused (400) if the redirect address is not registered.

    The page itself is not read: the real one is a program for browsers.
    """
    url = authorization_url(
        service,
        client_id=app.client_id,
        redirect_uri=app.redirect_uri,
        state=_MADE_UP_TOKEN,
        code_challenge=s256_challenge(_MADE_UP_TOKEN),
    )
    page = yield from Send(Request("GET", url, {"User-Agent": USER_AGENT}))
    is_refused = not isinstance(page, NoResponse) and page.status == HTTPStatus.BAD_REQUEST
    return AppStatus.UNKNOWN_REDIRECT if is_refused else AppStatus.ACCEPTED


def _status_of_refusal(app: App, response: Response) -> AppStatus:
    if app.client_secret is None:
        return AppStatus.MISSING_SECRET
    if _description(response).startswith("public client"):
        return AppStatus.UNEXPECTED_SECRET
    return AppStatus.WRONG_SECRET


def _description(response: Response) -> str:
    description = response.document().get("error_description")
    return description if isinstance(description, str) else ""


def _is_page(response: Response) -> bool:
    """Return whether a proxy or a captcha page answered in place of Trakt."""
    return response.body.lstrip().startswith(b"<")
