"""The pages' addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from traktauth.server.messages import HttpResponse, get_only
from traktauth.server.pages import applications, authorization, device, home, login
from traktauth.server.pages.html_response import ASSETS, add_security_headers, asset
from traktauth.server.pages.page_request import page_endpoint

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from traktauth.server.http.context import ServerContext

NO_STEPS = ("/", "/your-apps", "/your-apps/{client_id:path}")
"""Pages whose requests are no step of a sign-in."""
PAGES = {
    "/": {"GET": home.show},
    "/oauth/authorize": {"GET": authorization.authorize},
    "/oauth/authorize/native": {"GET": authorization.show_code},
    "/consent": {"GET": authorization.consent, "POST": authorization.decide},
    "/sign-in": {"GET": login.show_sign_in, "POST": login.sign_in},
    "/sign-up": {"GET": login.show_sign_up, "POST": login.sign_up},
    "/sign-out": {"POST": login.sign_out},
    "/activate": {"GET": device.show_entry, "POST": device.enter},
    "/activate/done": {"GET": device.show_done},
    "/activate/denied": {"GET": device.show_denied},
    "/connected-apps": {"GET": applications.show_connected, "POST": applications.revoke_connected},
    "/your-apps": {"GET": applications.show, "POST": applications.register},
    "/your-apps/{client_id:path}": {"GET": applications.show_one, "POST": applications.change},
    "/activate/{code}": {"GET": device.confirm, "POST": device.receive_decision},
}


def page_routes(context: ServerContext) -> list[Route]:
    """Make the pages' routes."""
    routes = [
        _route(path, page_endpoint(context, handlers, is_step=path not in NO_STEPS)) for path, handlers in PAGES.items()
    ]
    native = context.profile.native_authorize
    if native is not None:
        routes.append(
            _route(
                native,
                page_endpoint(context, {"GET": authorization.authorize_natively}, is_step=True, wrong_method=404),
            )
        )
        routes.append(_route("/api/auth/error", page_endpoint(context, {"GET": authorization.show_error})))
    return routes + [
        _route(f"/{name}", get_only(_cacheable_response(kind, asset(name)))) for name, kind in ASSETS.items()
    ]


def _cacheable_response(kind: str, content: bytes) -> HttpResponse:
    """Make the response with a file whose address changes with it."""
    headers = {"content-type": f"{kind}; charset=utf-8", "cache-control": "public, max-age=31536000, immutable"}
    return HttpResponse(200, content, headers)


def _route(path: str, application: ASGIApp) -> Route:
    return Route(path, add_security_headers(application))
