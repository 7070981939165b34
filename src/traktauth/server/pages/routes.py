"""The pages' addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from traktauth.server.http.answers import Answer
from traktauth.server.http.application import got
from traktauth.server.pages import activation, asking, connected, entry, home, own_apps
from traktauth.server.pages.absent import kept_to_itself
from traktauth.server.pages.rendering import style
from traktauth.server.pages.visit import visited

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from traktauth.server.realm import Realm

PAGES = {
    "/": {"GET": home.show},
    "/oauth/authorize": {"GET": asking.authorize},
    "/oauth/authorize/native": {"GET": asking.show_code},
    "/consent": {"GET": asking.consent, "POST": asking.decide},
    "/sign-in": {"GET": entry.show_sign_in, "POST": entry.sign_in},
    "/sign-up": {"GET": entry.show_sign_up, "POST": entry.sign_up},
    "/sign-out": {"POST": entry.sign_out},
    "/activate": {"GET": activation.show_entry, "POST": activation.enter},
    "/activate/done": {"GET": activation.done},
    "/activate/denied": {"GET": activation.denied},
    "/connected-apps": {"GET": connected.show, "POST": connected.revoke},
    "/your-apps": {"GET": own_apps.show, "POST": own_apps.register},
    "/your-apps/{client_id:path}": {"GET": own_apps.show_one, "POST": own_apps.change},
    "/activate/{code}": {"GET": activation.confirm, "POST": activation.answer},
}


def page_routes(realm: Realm) -> list[Route]:
    """Make the pages' routes."""
    routes = [_route(path, visited(realm, handlers)) for path, handlers in PAGES.items()]
    native = realm.profile.native_authorize
    if native is not None:
        routes.append(_route(native, visited(realm, {"GET": asking.authorize_natively}, wrong_method=404)))
        routes.append(_route("/api/auth/error", visited(realm, {"GET": asking.show_error})))
    headers = {"content-type": "text/css; charset=utf-8", "cache-control": "public, max-age=31536000, immutable"}
    return [*routes, _route("/style.css", got(Answer(200, style(), headers)))]


def _route(path: str, application: ASGIApp) -> Route:
    return Route(path, kept_to_itself(application))
