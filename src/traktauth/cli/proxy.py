"""`traktauth proxy`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.options import common_options, needing_extra


@click.command("proxy", cls=Command, context_settings={"allow_interspersed_args": False})
@common_options("account", "service", "store")
@click.option(
    "--sign-in",
    type=click.Choice(["own", "shared"]),
    default="own",
    show_default=True,
    help="The program's device codes: passed on, or approved with the account's login.",
)
@click.option("--revoke", "may_revoke", is_flag=True, help="Let a sign-out of the program end the account's login.")
@click.option("--allow", multiple=True, metavar="HOST", help="A host of this machine that may be reached; repeatable.")
@click.argument("words", nargs=-1, required=True, metavar="-- CMD …", type=click.UNPROCESSED)
def command(options: CommonOptions, /, words: tuple[str, ...], **how: Any) -> int:
    """Run a program, in any language, and hold its login at Trakt.

    The program is not changed: it gets a proxy and a CA in its environment. Its login is kept in the store, and
    refreshed as all logins there. In place of a refresh token it gets a placeholder, so it cannot use one twice or
    lose one. The app is the program's own. Several of these commands may share a store, also on several hosts.

    Examples:
        traktauth proxy -- python sync.py
        # in two containers with one login
        traktauth proxy --store redis://redis.lan -- ./sync
    """
    with needing_extra("the proxy", "proxy"):
        run: Callable[..., int] = import_module("traktauth.cli.proxy_run").run
    return run(options, words, **how)
