"""`traktauth token`."""

from __future__ import annotations

import click

from traktauth.cli.durations import LIFE
from traktauth.cli.place import Place, placed
from traktauth.cli.quick import token_document
from traktauth.cli.stream import emit, emit_json


@click.command("token")
@placed
@click.option("--min-life", type=LIFE, default=0.0, metavar="SECONDS", help="What the token must live on, at least.")
def command(place: Place, min_life: float) -> int:
    """Print a usable access token, renewed if need be.

    \b
    Example: curl -H "Authorization: Bearer $(traktauth token)" …
    """
    with place.trakt() as trakt:
        token = trakt.token(min_life=min_life)
    if place.json:
        emit_json(token_document(token))
    else:
        emit(token.access_token)
    return 0
