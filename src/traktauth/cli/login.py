"""`traktauth login`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

import click

from traktauth.cli.durations import moment, until
from traktauth.cli.place import Place, placed
from traktauth.cli.screens import choose_screen
from traktauth.cli.stream import emit_json, paint, say
from traktauth.client.person import choose_way, has_browser

if TYPE_CHECKING:
    from traktauth.client.blocking import Trakt
    from traktauth.models import Token

Way = Literal["browser", "device", "paste"]


@click.command("login")
@placed
@click.option("--browser", "way", flag_value="browser", help="Sign in with a browser on this machine.")
@click.option("--device", "way", flag_value="device", help="Sign in on any device, with a code.")
@click.option("--paste", "way", flag_value="paste", help="Sign in with a browser anywhere, and paste what it ends at.")
@click.option("--signup", is_flag=True, help="Prefer Trakt's sign-up page.")
@click.option("--no-open", is_flag=True, help="Only print the address; open no browser.")
def command(place: Place, way: Way | None, *, signup: bool, no_open: bool) -> int:
    """Sign in to Trakt.

    Without a choice it takes a browser where this machine has one and the app's redirect address leads back to it,
    else a device code (an SSH session, no display).
    """
    with place.trakt() as trakt:
        chosen = way or choose_way(trakt.setup.app)
        opens = chosen == "browser" and not no_open and has_browser()
        if not place.json:
            _say_what_is_replaced(place, trakt)
            if way is None and chosen == "device":
                say("No browser here that could bring the answer back, so a code for another device:")
        with choose_screen(as_json=place.json, opens=opens) as screen:
            token = trakt.login(chosen, prompt=screen, signup=signup or None, open_browser=opens)
        if place.json:
            emit_json({"step": "done", "account": trakt.account})
        else:
            _say_what_came(place, trakt, token)
    return 0


def _say_what_is_replaced(place: Place, trakt: Trakt) -> None:
    """Say so where somebody is signed in: the new login takes the place, and the old pair lives on at Trakt."""
    token = trakt.keeping.load().token
    if token is None:
        return
    say(f"The account {trakt.account} is signed in already (token {token.fingerprint}, {_end(token)}).")
    say("A new sign-in takes its place; the old one is not revoked at Trakt.")
    say(place.aim("To revoke it first: Ctrl-C, then traktauth logout") + "\n")


def _say_what_came(place: Place, trakt: Trakt, token: Token) -> None:
    say(f"{paint('✓', 'green')} Signed in as account {trakt.account}")
    renewed = "renewed by itself when it is used" if token.refresh_token else "cannot be renewed: Trakt gave no means"
    say(f"  token {token.fingerprint}, {_end(token)}; {renewed}")
    say(f"  kept in {trakt.store.address}")
    say(place.aim("  Who and until when: traktauth status"))


def _end(token: Token) -> str:
    now = time.time()
    return (
        f"good until {until(token.expires_at, now)}" if token.expires_at > now else f"ended {moment(token.expires_at)}"
    )
