"""What `traktauth proxy` costs: until the command starts, in memory, and what it adds to a request of 50 ms."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from traktauth.testing import LocalTrakt

RUNS, REQUESTS, ROUNDS, STREAMS = 20, 100, 5, 50
DELAY = 0.05  # seconds that the local Trakt takes for a response
PATH = "/users/settings"


def command(*words):
    """Return the words of a command behind the proxy."""
    return [sys.executable, "-m", "traktauth", "proxy", "--", *words]


def seconds_until_the_command_starts():
    """Return the median of several runs, of a command that prints the time."""
    program = "import time; print(time.time())"
    found = []
    for _ in range(RUNS):
        began = time.time()
        done = subprocess.run(
            command(sys.executable, "-I", "-S", "-c", program), capture_output=True, text=True, check=True
        )
        found.append(float(done.stdout) - began)
    return statistics.median(found), min(found)


def connect(environ):
    """Return a kept connection to the API through the proxy that the variables name."""
    proxy = urlsplit(environ["HTTPS_PROXY"])
    tls = ssl.create_default_context(cafile=environ["SSL_CERT_FILE"])
    connection = http.client.HTTPSConnection(proxy.hostname, proxy.port, context=tls)
    credentials = f"{proxy.username}:{proxy.password}".encode()
    field = {"Proxy-Authorization": f"Basic {b64encode(credentials).decode()}"}
    connection.set_tunnel("api.trakt.tv", 443, field)
    return connection


def milliseconds_of_requests(connection, headers, count=REQUESTS):
    """Return the time of each request over one kept connection."""
    found = []
    for _ in range(count):
        began = time.perf_counter()
        connection.request("GET", PATH, headers=headers)
        response = connection.getresponse()
        response.read()
        found.append((time.perf_counter() - began) * 1000)
        assert response.status == 200, response.status
    return found


def resident_mib(pid):
    """Return the resident memory of a process."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def refresh(connection, app, refresh_token):
    """Return what a program gets for its refresh token."""
    members = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": app.client_id}
    body = json.dumps(members | {"client_secret": app.client_secret})
    connection.request("POST", "/oauth/token", body, {"Content-Type": "application/json"})
    return json.loads(connection.getresponse().read())


def main():
    """Measure, and print JSON."""
    with tempfile.TemporaryDirectory() as home, LocalTrakt() as local:
        os.environ |= {"HOME": home, "TRAKTAUTH_SERVICE": local.url}
        median, least = seconds_until_the_command_starts()
        show = "import json, os; print(json.dumps(dict(os.environ)), flush=True); input()"
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command(sys.executable, "-c", show), **streams) as process:
            environ = json.loads(process.stdout.readline())
            through, direct = connect(environ), http.client.HTTPConnection(urlsplit(local.url).netloc)
            token = refresh(through, local.app, local.sign_in("sean")["refresh_token"])["access_token"]
            headers = {"Authorization": f"Bearer {token}", "trakt-api-key": local.app.client_id}
            idle = resident_mib(process.pid)
            local.fail_next(PATH, delay=DELAY, times=1_000_000)
            rounds = [
                [statistics.median(milliseconds_of_requests(each, headers)) for each in (direct, through)]
                for _ in range(ROUNDS)
            ]
            connections = [connect(environ) for _ in range(STREAMS)]
            with ThreadPoolExecutor(STREAMS) as pool:
                list(pool.map(lambda each: milliseconds_of_requests(each, headers, 5), connections))
                parallel = list(pool.map(lambda each: milliseconds_of_requests(each, headers, 20), connections))
            busy = resident_mib(process.pid)
            process.communicate("\n")
    plain, proxied = (min(column) for column in zip(*rounds, strict=True))
    figures = {
        "start_s_median": round(median, 3),
        "start_s_min": round(least, 3),
        "request_ms_direct": round(plain, 3),
        "request_ms_proxy": round(proxied, 3),
        "added_ms": round(proxied - plain, 3),
        "ratio": round(proxied / plain, 3),
        f"request_ms_of_{STREAMS}_streams": round(statistics.median(each for one in parallel for each in one), 1),
        "memory_mib": round(idle, 1),
        f"memory_mib_after_{STREAMS}_streams": round(busy, 1),
        "load": os.getloadavg()[0],
        "python": sys.version.split()[0],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
