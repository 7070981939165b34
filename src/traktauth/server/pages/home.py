"""The home page: what this server is, how to point an app at it, and where to go."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traktauth.server.messages import HttpResponse
    from traktauth.server.pages.page_request import PageRequest
    from traktauth.server.storage.models import Client, User
    from traktauth.server.storage.repositories import Repositories

MOST = 8
"""Users and apps that are listed."""


async def show(visit: PageRequest) -> HttpResponse:
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
        users=[user.username for user in users[:MOST]],
        more_users=max(0, len(users) - MOST),
        apps=apps[:MOST],
        more_apps=max(0, len(apps) - MOST),
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
