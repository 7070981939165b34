"""Several processes that ask for a token at the same moment, each a `traktauth token` of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from traktauth.errors import TraktAuthError

if TYPE_CHECKING:
    from traktauth.models import App

_LIMIT = 60.0  # seconds for all of them


def run_token_processes(count: int, *, app: App, service: str, store: str) -> list[str]:
    """Return the tokens that the processes print.

    Raises:
        TraktAuthError: one of them failed.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TRAKTAUTH_")}
    environ |= {
        "TRAKTAUTH_CLIENT_ID": app.client_id,
        "TRAKTAUTH_CLIENT_SECRET": app.client_secret or "",
        "TRAKTAUTH_REDIRECT_URI": app.redirect_uri,
        "TRAKTAUTH_SERVICE": service,
        "TRAKTAUTH_STORE": store,
    }
    command = [sys.executable, "-P", "-m", "traktauth", "token"]  # -P: no module of the current folder
    processes = [
        subprocess.Popen(  # noqa: S603 - this program itself
            command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for _ in range(count)
    ]
    try:
        tokens = [process.communicate(timeout=_LIMIT)[0].strip() for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    failed = [process.returncode for process in processes if process.returncode]
    if failed:
        raise TraktAuthError(f"{len(failed)} of {count} processes got no token (exit status {failed[0]})")
    return tokens
