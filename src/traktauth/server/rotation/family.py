"""Mode `family`: a used refresh token kills every token of its app and person, on every device.

Measured on better-auth's oauth-provider 1.6.33 (RFC 9700 section 4.14.2 asks for it): a refresh token that has been
rotated *or revoked* and comes back ends all renewable pairs of (app, person). No secret is needed for that, as the
check runs before the app has to prove itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.rotation.once import Once

if TYPE_CHECKING:
    from traktauth.server.storage.tables import Tables


class Family(Once):
    """A used refresh token kills its family."""

    def replay(self, tables: Tables, *, app: int, person: int, epoch: int | None = None) -> None:
        """Kill the family of *app* and *person*, as it was in *epoch*."""
        tables.events.append("replays")
        if tables.pairs.kill_family(app, person, epoch=epoch):
            tables.events.append("families_killed")
