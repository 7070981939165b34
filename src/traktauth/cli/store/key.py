"""`traktauth store key`."""

from __future__ import annotations

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.output import GOOD, NEXT, print_data, print_json, print_message
from traktauth.stores.encryption.seal_keys import FILE_VARIABLE, VARIABLE, key_id, key_of, new_key


@click.command(
    "key",
    cls=Command,
    short_help="Make a key for encrypted stores (sealed+…).",
    examples=[
        ("(umask 077; set -C\n  traktauth store key > ~/.traktauth.key)", "the first key"),
        ("export TRAKTAUTH_SEAL_KEY_FILE=~/.traktauth.key", ""),
        (
            """\
(umask 077; cd && { traktauth store key &&
  cat .traktauth.key; } > .new.key &&
  mv .new.key .traktauth.key)""",
            "a new key before the old ones",
        ),
    ],
)
@click.option("--json", "as_json", is_flag=True, help="JSON output, for errors too.")
def command(*, as_json: bool) -> int:
    """Make a key for encrypted stores (sealed+…), and print it.

    The first key in the file encrypts; all keys decrypt. Put a new key before the old ones, and keep those until
    traktauth store reseal says that they are not needed any more.
    """
    key = new_key()
    name = key_id(key_of(VARIABLE, key))
    if as_json:
        print_json({"key": key, "id": name})
        return 0
    print_data(key)
    print_message(GOOD, f"A new key, {name}. With it the logins can be read; without it they are lost.")
    print_message(NEXT, f"Set {VARIABLE} to it, or keep it in a file of mode 600 that {FILE_VARIABLE} names.")
    print_message("If there is a key already, put the new one before it, then: traktauth store reseal", indent=2)
    return 0
