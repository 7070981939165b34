"""What helps the developer of an app whose request is refused: what came, beside what is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.display import escape, shorten
from traktauth.server.oauth.redirect_uri import is_registered

if TYPE_CHECKING:
    from traktauth.server.pages.page_request import PageRequest
    from traktauth.server.storage.models import Client

    Compared = list[tuple[str, list[str]]]

MOST = 8
"""Apps or addresses that are listed."""
NOTHING = "nothing"


async def compare(visit: PageRequest) -> tuple[Compared, str]:
    """Compare an authorization request with what is registered.

    Returns:
        Names with values, and advice in one sentence.
    """
    apps = visit.context.database.read(lambda db: db.clients.all())
    named, redirects = _values(visit, "client_id"), _values(visit, "redirect_uri")
    app = next((app for app in apps if named == [app.client_id]), None)
    if app is None:
        registered = _list_values([f"{app.client_id} ({app.name})" for app in apps])
        advice = "Send the client id of one of these apps, or register yours under Your apps."
        return [("client_id that came", _escape_values(named)), ("Registered apps", registered)], advice
    if app.disabled:
        return [("client_id that came", _escape_values(named))], "This app is disabled on this server."
    if len(redirects) != 1 or not is_registered(redirects[0], app.redirects):
        came = ("redirect_uri that came", _escape_values(redirects))
        advice = (
            "Send one of the registered addresses, character for character, or register yours in the app's settings."
        )
        return [came, (f"Registered for {app.name}", _list_values(app.redirects))], advice
    return _others(visit, app)


def _others(visit: PageRequest, app: Client) -> tuple[Compared, str]:
    """Show the rest of a request whose app and address are right; what was made for this request alone stays out."""
    others = [f"{name}={value}" for name, value in visit.query if name not in ("client_id", "redirect_uri", "state")]
    return [("Besides, this came", _escape_values(others))], f"{app.name} and its redirect address are registered."


def _values(visit: PageRequest, name: str) -> list[str]:
    return [value for known, value in visit.query if known == name and value]


def _escape_values(values: list[str]) -> list[str]:
    return [shorten(escape(value)) for value in values[:MOST]] or [NOTHING]


def _list_values(values: list[str]) -> list[str]:
    more = len(values) - MOST
    return _escape_values(values) + ([f"and {more} more"] if more > 0 else [])
