"""Where the command starts: a living token at once, everything else through click."""

from __future__ import annotations


def start(arguments: list[str]) -> int:
    """Run one command and return its exit status.

    `traktauth token` is what scripts call in loops, so a token that can be printed as it is costs no import of click.
    """
    if arguments[:1] == ["token"]:
        from traktauth.cli.quick import print_fresh_token  # noqa: PLC0415 - each only where it is used

        status = print_fresh_token(arguments[1:])
        if status is not None:
            return status
    from traktauth.cli.run import run  # noqa: PLC0415 - the same

    return run(arguments)
