"""The first page: what this is, and where to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traktauth.server.http.answers import Answer
    from traktauth.server.pages.visit import Visit


async def show(visit: Visit) -> Answer:
    """Show it."""
    realm = visit.realm
    return visit.show(
        "home",
        title="A Trakt of your own",
        profile=realm.profile.name,
        measured_on=realm.profile.measured_on,
        issuer=realm.terms.issuer,
    )
