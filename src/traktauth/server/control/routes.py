"""The control API's addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from traktauth.server.control import people, states
from traktauth.server.control.door import control
from traktauth.server.control.page import control_page

if TYPE_CHECKING:
    from traktauth.server.realm import Realm

CALLS = {
    "authorize": {"POST": people.authorize},
    "device": {"POST": people.device},
    "tokens": {"POST": states.tokens},
    "clock": {"POST": states.clock},
    "expire": {"POST": states.expire},
    "faults": {"PUT": states.put_faults, "DELETE": states.delete_faults},
    "signout": {"POST": people.sign_out},
    "revoke-consent": {"POST": states.revoke_consent},
    "disable-app": {"POST": states.disable_app},
    "ledger": {"GET": states.ledger},
    "reset": {"POST": states.reset},
}


def control_routes(realm: Realm) -> list[Route]:
    """Make the control API's routes; none unless the server was started with `--control`."""
    if not realm.settings.control:
        return []
    routes = [Route(f"/_control/{name}", control(realm, calls)) for name, calls in CALLS.items()]
    return [*routes, Route("/_control", control_page(realm))]
