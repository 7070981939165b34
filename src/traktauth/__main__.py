"""Entry point of the `traktauth` command and of `python -m traktauth`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command with this process's arguments and return its exit status."""
    try:
        from traktauth.cli import main as cli  # noqa: PLC0415 - importing this module must not run anything

        return cli.main(sys.argv[1:])
    except KeyboardInterrupt:
        return 2  # interrupted before a command could report it


if __name__ == "__main__":
    sys.exit(main())
