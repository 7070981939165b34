"""`traktauth refresh`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from traktauth.cli.durations import until
from traktauth.cli.place import Place, placed
from traktauth.cli.stream import emit_json, paint, say
from traktauth.errors import TryLater

if TYPE_CHECKING:
    from traktauth.models import Record

PRICE = (
    "An earlier renewal is unconfirmed. If it did reach Trakt, sending it again ends this login on every device, and "
    "you sign in again."
)


@click.command("refresh")
@placed
@click.option("--force", is_flag=True, help="Send an unconfirmed renewal again; may end the login on every device.")
def command(place: Place, *, force: bool) -> int:
    """Renew the token now, though it is fresh; callers that begin together share one renewal."""
    began = time.time()
    with place.trakt() as trakt:
        if force and trakt.keeping.load().renewal is not None:
            say(f"{paint('!', 'yellow')} {PRICE}")
        try:
            token = trakt.refresh(force=force, since=began)
        except TryLater as error:
            _say_until_when(error, trakt.keeping.load(), time.time())
            raise
        if place.json:
            emit_json(
                {
                    "account": trakt.account,
                    "fingerprint": token.fingerprint,
                    "expires_at": token.expires_at,
                    "generation": token.generation,
                }
            )
        else:
            say(
                f"{paint('✓', 'green')} Renewed: token {token.fingerprint}, good until {until(token.expires_at, began)}"
            )
    return 0


def _say_until_when(error: TryLater, record: Record, now: float) -> None:
    """Add to the error until when the old token is good, as nothing needs doing before that."""
    token = record.token
    if token is None or token.expires_at <= now:
        return
    error.message += f". The token {token.fingerprint} is good until {until(token.expires_at, now)}"
    if record.renewal is not None:
        error.hint = "Nothing needs doing yet; at your own risk: traktauth refresh --force"
