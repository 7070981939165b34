"""Opens an address as the browser of programs in a sandbox: follows its redirects, and prints a code to be pasted.

This file is a program of its own (`BROWSER` names a script that runs it), and needs nothing but the standard library.
"""

from __future__ import annotations

import shlex
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

USER_AGENT = "traktauth-sandbox-browser"
"""By which the sandbox knows the requests of this program."""
SECONDS = 60.0


def main(url: str) -> int:
    """Open an address: a page of the local Trakt, which leads back to the program that has opened it."""
    opener = urllib.request.build_opener()
    opener.addheaders = [("User-Agent", USER_AGENT)]
    try:
        with opener.open(url, timeout=SECONDS) as page:
            address: str = page.geturl()
    except urllib.error.HTTPError as error:
        sys.stderr.write(f"traktauth sandbox: {error.read().decode('utf-8', 'replace')}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"traktauth sandbox: the browser cannot open the address: {error}\n")
        return 1
    end = urlsplit(address)
    code = parse_qs(end.query).get("code")
    if code and end.hostname == "trakt.tv":  # a page that shows it, as the program does not listen
        sys.stderr.write(f"traktauth sandbox: the sign-in is approved; the code is {code[0]}\n")
    return 0


def write_script(path: Path) -> None:
    """Write the script that `BROWSER` names.

    Raises:
        OSError: the folder cannot be written.
    """
    path.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-I", __file__])} "$1"\n', encoding="utf-8")
    path.chmod(0o700)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
