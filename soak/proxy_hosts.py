#!/usr/bin/env python3
"""PyTrakt behind `traktauth proxy` on three hosts that share one login: one refresh each time that the token expires.

Usage, as root: .venv/bin/python soak/proxy_hosts.py [--rounds N] [--copies N]. The hosts are network namespaces with
host names of their own, on a bridge with a Redis and a local Trakt; each copy has a file with the same first refresh
token. Exit status 1 if a program failed, a refresh token was sent twice, or more than one refresh was made in a round.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT)]

from support.environments import environment  # noqa: E402 - the tests' own tools, found by the line above
from support.process import free_port  # noqa: E402 - as above
from traktauth.testing import LocalTrakt  # noqa: E402 - as above

HOSTS, ACCESS_LIFE = 3, 10
BRIDGE, ADDRESS, NETWORK = "tproxy", "10.77.0.1", "10.77.0"
PROGRAM = CHECKOUT / "tests" / "lab" / "programs" / "pytrakt_settings.py"


def ip(*words: str) -> None:
    """Run the program ip."""
    subprocess.run(["ip", *words], check=True)  # noqa: S603, S607 - our own words


def make_hosts(stack: ExitStack) -> list[str]:
    """Make the bridge and the namespaces; return their names."""
    ip("link", "add", BRIDGE, "type", "bridge")
    stack.callback(ip, "link", "del", BRIDGE)
    ip("addr", "add", f"{ADDRESS}/24", "dev", BRIDGE)
    ip("link", "set", BRIDGE, "up")
    names = [f"{BRIDGE}{number}" for number in range(HOSTS)]
    for number, name in enumerate(names):
        ip("netns", "add", name)
        stack.callback(ip, "netns", "del", name)
        ip("link", "add", f"v{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", f"v{name}", "master", BRIDGE, "up")
        ip("-n", name, "addr", "add", f"{NETWORK}.{number + 2}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "set", "lo", "up")
    return names


def main() -> int:
    """Run the rounds, and print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--copies", type=int, default=3, help="on each host")
    options = parser.parse_args()
    python = environment("lab-pytrakt", "pytrakt==4.4.6")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        hosts = make_hosts(stack)
        port = str(free_port())
        redis = ["redis-server", "--port", port, "--bind", ADDRESS, "--protected-mode", "no", "--dir", str(folder)]
        server = subprocess.Popen([*redis, "--appendonly", "yes", "--appendfsync", "always"], stdout=subprocess.DEVNULL)  # noqa: S603 - as above
        stack.callback(server.wait)
        stack.callback(server.terminate)
        local = stack.enter_context(
            LocalTrakt(host=ADDRESS, insecure=True, plain_http=True, control=False, access_life=ACCESS_LIFE)
        )
        login = {"CLIENT_ID": local.app.client_id, "CLIENT_SECRET": local.app.client_secret}
        login |= {"OAUTH_TOKEN": "x", "OAUTH_REFRESH": local.sign_in("sean")["refresh_token"], "OAUTH_EXPIRES_AT": 1}
        environ = {"PATH": os.environ["PATH"], "TRAKTAUTH_SERVICE": local.url, "TRAKTAUTH_INSECURE": "1"}
        environ["TRAKTAUTH_STORE"] = f"redis://{ADDRESS}:{port}"
        copies = [(host, folder / f"{host}-{number}") for host in hosts for number in range(options.copies)]
        for _, home in copies:
            home.mkdir()
            (home / ".pytrakt.json").write_text(json.dumps(login))
        statuses: Counter[int] = Counter()
        rotations = []
        for _ in range(options.rounds):
            before = local.ledger["rotations"]
            started = []
            for host, home in copies:
                inside = f"hostname {host}; exec {sys.executable} -m traktauth proxy -- {python} {PROGRAM}"
                words = ["ip", "netns", "exec", host, "unshare", "--uts", "sh", "-c", inside]
                started.append(
                    subprocess.Popen(  # noqa: S603 - as above
                        words, env=environ | {"HOME": str(home)}, cwd=home, stdout=subprocess.DEVNULL
                    )
                )
            statuses.update(process.wait() for process in started)
            rotations.append(local.ledger["rotations"] - before)
            time.sleep(ACCESS_LIFE + 1)
        ledger = local.ledger
    found = {"programs": statuses.total(), "failed": statuses.total() - statuses[0], "refreshes_by_round": rotations}
    print(json.dumps(found | {name: ledger[name] for name in ("replays", "families_killed")}))
    return int(bool(found["failed"] or ledger["replays"] or max(rotations) > 1))


if __name__ == "__main__":
    sys.exit(main())
