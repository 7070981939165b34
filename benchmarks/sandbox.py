"""What the sandbox costs: seconds until the command starts, and what it adds to a request."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import statistics
import subprocess
import sys
import time
from urllib.parse import urlsplit

from traktauth.sandbox import Sandbox
from traktauth.testing import LocalTrakt

RUNS = 20
REQUESTS = 1000
PATH = "/users/settings"


def seconds_until_the_command_starts():
    """Return the median of several runs, of a command that prints the time."""
    program = "import time; print(time.time())"
    found = []
    for _ in range(RUNS):
        began = time.time()
        command = [sys.executable, "-m", "traktauth", "sandbox", "--", sys.executable, "-I", "-S", "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append(float(done.stdout) - began)
    return statistics.median(found), min(found)


def milliseconds_of_a_request(connection, headers):
    """Return the median over one kept connection."""
    found = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        connection.request("GET", PATH, headers=headers)
        response = connection.getresponse()
        response.read()
        found.append((time.perf_counter() - began) * 1000)
        assert response.status == 200, response.status
    return statistics.median(found)


def main():
    """Measure, and print JSON."""
    median, least = seconds_until_the_command_starts()
    with LocalTrakt(public_url="https://trakt.tv", control=False) as local, Sandbox(local) as sandbox:
        headers = {
            "Authorization": f"Bearer {local.sign_in('sean')['access_token']}",
            "trakt-api-key": local.app.client_id,
            "trakt-api-version": "2",
        }
        direct = http.client.HTTPConnection(urlsplit(local.url).netloc)
        proxy = urlsplit(sandbox.environ["HTTPS_PROXY"]).netloc
        through = http.client.HTTPSConnection(proxy, context=ssl.create_default_context(cafile=sandbox.bundle))
        through.set_tunnel("api.trakt.tv", 443)
        rounds = [
            (milliseconds_of_a_request(direct, headers), milliseconds_of_a_request(through, headers)) for _ in range(5)
        ]
    plain, sandboxed = (min(column) for column in zip(*rounds, strict=True))
    print(
        json.dumps(
            {
                "start_s_median": round(median, 3),
                "start_s_min": round(least, 3),
                "request_ms_direct": round(plain, 3),
                "request_ms_sandbox": round(sandboxed, 3),
                "added_ms": round(sandboxed - plain, 3),
                "load": os.getloadavg()[0],
                "python": sys.version.split()[0],
            }
        )
    )


if __name__ == "__main__":
    main()
