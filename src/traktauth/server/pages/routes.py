"""The pages' addresses, and the home page: what this server is, how to point an app at it, and where to go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from traktauth.server.http.context import ServerContext
from traktauth.server.messages import METHODS
from traktauth.server.pages import applications, authorization, device, login
from traktauth.server.pages.html_response import ASSETS, asset, security_headers
from traktauth.server.pages.page_request import Handler, PageRequest, page_endpoint
from traktauth.server.storage.repositories import Repositories
from traktauth.server.storage.schema import Client, User

MAX_SHOWN = 8
"""Users and apps that are listed."""
NO_STEPS = ("/", "/your-apps", "/your-apps/{client_id:path}")
"""Pages whose requests are no step of a sign-in."""


async def show_home(visit: PageRequest) -> Response:
    """Show it. Who may use the server is said on loopback alone."""
    context = visit.context
    local = context.settings.loopback
    users, apps = context.database.read(_everyone) if local else ([], [])
    return visit.show(
        "home",
        title="Your local Trakt",
        profile=context.profile.name,
        measured_on=context.profile.measured_on,
        issuer=context.policy.issuer,
        users=[user.username for user in users[:MAX_SHOWN]],
        more_users=max(0, len(users) - MAX_SHOWN),
        apps=apps[:MAX_SHOWN],
        more_apps=max(0, len(apps) - MAX_SHOWN),
        variables=variables(visit) if local else "",
        timeline=local and context.settings.control,
        local=local,
        documents=documents(),
    )


def _everyone(db: Repositories) -> tuple[list[User], list[Client]]:
    """Return all users, and the apps that belong to none of them."""
    return db.users.all(), [app for app in db.clients.all() if app.owner is None]


def variables(visit: PageRequest) -> str:
    """Return the lines for a shell that point traktauth at this server; the demo app's, if this start has made it."""
    context = visit.context
    lines = {"SERVICE": context.policy.issuer}
    if context.demo is not None:
        lines |= {
            "CLIENT_ID": context.demo.client_id,
            "CLIENT_SECRET": context.demo.client_secret,
            "REDIRECT_URI": context.demo.redirect_uri,
        }
    return "\n".join(f"export TRAKTAUTH_{name}={value}" for name, value in lines.items())


@cache
def documents() -> list[tuple[str, str]]:
    """Return the names and addresses of the project's documentation, as its package says."""
    try:
        addresses = metadata("traktauth").get_all("Project-URL") or []
    except PackageNotFoundError:
        return []
    named = [(name.strip(), address.strip()) for name, _, address in (line.partition(",") for line in addresses)]
    return [(name, address) for name, address in named if name == "Documentation" and address.startswith("https://")]


PAGES: dict[str, dict[str, Handler]] = {
    "/": {"GET": show_home},
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
    endpoints = {
        path: page_endpoint(context, handlers, is_step=path not in NO_STEPS) for path, handlers in PAGES.items()
    }
    native = context.profile.native_authorize
    if native is not None:
        handlers = {"GET": authorization.authorize_natively}
        endpoints[native] = page_endpoint(context, handlers, is_step=True, wrong_method=404)
        endpoints["/api/auth/error"] = page_endpoint(context, {"GET": authorization.show_error})
    routes = [Route(path, endpoint, methods=METHODS) for path, endpoint in endpoints.items()]
    return routes + [Route(f"/{name}", _file(name, kind)) for name, kind in ASSETS.items()]


def _file(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a file whose address changes with it."""
    headers = security_headers() | {"cache-control": "public, max-age=31536000, immutable"}

    async def endpoint(_: Request) -> Response:
        return Response(asset(name), headers=headers, media_type=kind)

    return endpoint
