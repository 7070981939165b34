"""`python -m traktauth`, and the entry point of the command."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command with this process's arguments and return its exit status."""
    try:
        from traktauth.cli.start import start  # noqa: PLC0415 - importing this module runs nothing

        return start(sys.argv[1:])
    except KeyboardInterrupt:
        return 2  # before any command was there to say so


if __name__ == "__main__":
    sys.exit(main())
