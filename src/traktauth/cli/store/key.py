"""`traktauth store key`."""

from __future__ import annotations

import click

from traktauth.cli.stream import emit, emit_json, paint, say
from traktauth.stores.sealed import FILE_VARIABLE, VARIABLE, key_id, key_of, new_key


@click.command("key")
@click.option("--json", "as_json", is_flag=True, help="Answer, and fail, in JSON.")
def command(*, as_json: bool) -> int:
    """Make a key for stores that encrypt what they keep (sealed+…), and print it.

    \b
    Example: (umask 077; set -C; traktauth store key > ~/.traktauth.key)
             export TRAKTAUTH_SEAL_KEY_FILE=~/.traktauth.key

    The first key in the file seals, and all open. A new key goes before the old ones, which are kept until
    traktauth store reseal says that they are not needed any more:

    \b
    Example: (umask 077; cd && { traktauth store key && cat .traktauth.key; } > .new.key &&
             mv .new.key .traktauth.key)
    """
    key = new_key()
    name = key_id(key_of(VARIABLE, key))
    if as_json:
        emit_json({"key": key, "id": name})
        return 0
    emit(key)
    say(f"{paint('✓', 'green')} A new key, {name}. Whoever has it can read the logins; without it nobody can.")
    say(f"{paint('→', 'cyan')} Set {VARIABLE} to it, or keep it in a file of mode 600 that {FILE_VARIABLE} names.")
    say("  Where there is a key already, put the new one before it, then: traktauth store reseal")
    return 0
