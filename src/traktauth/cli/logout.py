"""`traktauth logout`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from traktauth.cli.place import Place, placed
from traktauth.cli.stream import emit_json, paint, say

if TYPE_CHECKING:
    from traktauth.protocol import Service

_PAGE = "/oauth/authorized_applications"


@click.command("logout")
@placed
@click.option("--local", is_flag=True, help="Only forget; at Trakt the tokens live on.")
def command(place: Place, *, local: bool) -> int:
    """Revoke both tokens at Trakt, then forget them."""
    with place.trakt() as trakt:
        outcome = trakt.logout(local=local)
        page = connected_apps(trakt.setup.service)
    if place.json:
        left = page if outcome.left else None
        emit_json({"account": trakt.account, "revoked": outcome.revoked, "left_at_trakt": outcome.left, "end_at": left})
        return 0
    what = "revoked at Trakt and forgotten" if outcome.revoked else "forgotten here; nothing was revoked at Trakt"
    say(f"{paint('✓', 'green')} Signed out of account {trakt.account}: {what}")
    if outcome.left:
        say(f"{paint('!', 'yellow')} A refresh token may live on at Trakt.")
        say(f"{paint('→', 'cyan')} End it there, under connected apps: {page}")
    return 0


def connected_apps(service: Service) -> str:
    """Return the page where a user ends what apps hold: Trakt's own, or the front page of a base address."""
    if service.issuer is not None:
        return f"{service.website}/"
    return "https://staging.trakt.tv" + _PAGE if service.realm == "staging" else "https://trakt.tv" + _PAGE
