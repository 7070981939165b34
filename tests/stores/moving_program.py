"""A program that calls the API until LOG.stop exists: `python moving_program.py blocking|async ACCOUNT LOG`.

It writes a line for each call: the status, or the error's class and message.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from traktauth import AsyncTrakt, Trakt, TraktAuthError

PATH = "/users/settings"
PAUSE = 0.05  # seconds


def main(kind: str, account: str, log: Path) -> None:
    """Call until told to stop."""
    stop = log.with_suffix(".stop")
    with log.open("w", buffering=1) as lines:
        if kind == "async":
            asyncio.run(call_async(account, stop, lines))
            return
        with Trakt.from_env(account=account) as trakt:
            while not stop.exists():
                try:
                    line = str(trakt.request("GET", PATH).status_code)
                except TraktAuthError as error:
                    line = f"{type(error).__name__}: {error}"
                lines.write(f"{line}\n")
                time.sleep(PAUSE)


async def call_async(account: str, stop: Path, lines) -> None:
    """Do the same with two tasks."""
    async with AsyncTrakt.from_env(account=account) as trakt:

        async def call() -> None:
            while not stop.exists():  # noqa: ASYNC240 - a look at a local folder
                try:
                    line = str((await trakt.request("GET", PATH)).status_code)
                except TraktAuthError as error:
                    line = f"{type(error).__name__}: {error}"
                lines.write(f"{line}\n")
                await asyncio.sleep(PAUSE)

        await asyncio.gather(call(), call())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
