"""Entry point of the command line: the fast path of `traktauth token`, or click."""

from __future__ import annotations

from traktauth.cli.output import replace_unencodable


def main(arguments: list[str]) -> int:
    """Run one command and return its exit status.

    Scripts call `traktauth token` in loops, so it avoids importing click when it can; every other call goes through
    click.
    """
    replace_unencodable()
    if arguments[:1] == ["token"]:
        from traktauth.cli.fast_path import run_token  # noqa: PLC0415 - only this command uses it

        status = run_token(arguments[1:])
        if status is not None:
            return status
    from traktauth.cli.commands import run  # noqa: PLC0415 - the fast path does without click

    return run(arguments)
