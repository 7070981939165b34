"""`traktauth store reseal`."""

from __future__ import annotations

import click

from traktauth.cli.place import Place, placed
from traktauth.cli.progress import Progress
from traktauth.cli.stream import emit_json, paint, say
from traktauth.stores.resealing import reseal


@click.command("reseal")
@placed
def command(place: Place) -> int:
    """Encrypt every login of a store with the newest key, so that older keys can be thrown away.

    The store is named as sealed+ADDRESS; logins that lie in it unencrypted are encrypted too. Programs may go on
    meanwhile, and a run that was cut off is run again.

    \b
    Example: traktauth store reseal --store sealed+sqlite:/var/lib/app/logins.db
    """
    address = place.settings().store
    seen = sealed = 0
    with place.hints(), Progress(None, shown=not place.json) as progress:
        for _, was_needed in reseal(address):
            seen += 1
            sealed += was_needed
            progress.step()
    if place.json:
        emit_json({"event": "summary", "sealed": sealed, "already": seen - sealed})
        return 0
    say(f"{paint('✓', 'green')} {sealed} sealed with the newest key, {seen - sealed} were already")
    if seen:
        say("  Older keys are not needed any more, once every program has the new one.")
    return 0
