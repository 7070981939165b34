"""`traktauth completion`, and the values that a shell completes."""

from __future__ import annotations

import shlex
from contextlib import closing, suppress

import click
from click.shell_completion import CompletionItem, get_completion_class

from traktauth.cli.click_classes import Command
from traktauth.cli.log_output import suppress_warnings
from traktauth.cli.output import print_text
from traktauth.client.settings import read_settings
from traktauth.display import find_unsafe
from traktauth.models import LoginKey
from traktauth.protocol import SERVICES
from traktauth.stores.open import open_store

SHELLS = ("bash", "zsh", "fish")
_LOCAL_TRAKT = "http://127.0.0.1:8712"
_STORES = ("file:", "sqlite:", "keyring:", "memory:", "redis://", "postgresql://", "sealed+file:", "sealed+sqlite:")


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(SHELLS), metavar="SHELL")
@click.pass_context
def command(context: click.Context, shell: str) -> int:
    """Print the completion script of a shell: bash (4.4 or newer), zsh or fish.

    It completes commands, options and their values, such as the accounts that are signed in.

    Examples:
        eval "$(traktauth completion bash)"  # in ~/.bashrc
        # in ~/.zshrc, after compinit
        eval "$(traktauth completion zsh)"
        # once
        traktauth completion fish > \\
          ~/.config/fish/completions/traktauth.fish
    """
    completion = get_completion_class(shell)
    if completion is None:
        raise AssertionError(f"click completes no {shell}")
    # Not its `source` method, which starts bash to check its version.
    script = completion(context.find_root().command, {}, "traktauth", "_TRAKTAUTH_COMPLETE")
    print_text(f"{script.source_template % script.source_vars()}\n")
    return 0


def complete_account(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the accounts that have a login in the store."""
    return _items({login.account for login in _logins(context)}, incomplete)


def complete_service(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the named services, and the addresses of others that have a login in the store."""
    addresses = {login.realm for login in _logins(context) if "://" in login.realm}
    return _items({*SERVICES, _LOCAL_TRAKT, *addresses}, incomplete)


def complete_store(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the kinds of stores, and the store of the settings."""
    with suppress(ValueError):
        return _items({*_STORES, read_settings().store}, incomplete)
    return _items({*_STORES}, incomplete)


def _logins(context: click.Context) -> list[LoginKey]:
    """Return the logins of a store on this machine, as a remote one could block the shell; none after any error."""
    with suppress(Exception):
        address = read_settings(store=context.params.get("store")).store
        if address.removeprefix("sealed+").partition(":")[0] in {"file", "sqlite", "keyring"}:
            with suppress_warnings(), closing(open_store(address)) as store:
                return list(store.list_logins())
    return []


def _items(values: set[str], incomplete: str) -> list[CompletionItem]:
    """Return the values that begin so; one that a shell would not take as it is, is not offered: bash inserts it."""
    safe = (each for each in sorted(values) if shlex.quote(each) == each and not find_unsafe(each))
    return [CompletionItem(each) for each in safe if each.startswith(incomplete)]
