"""The browser of a reader who approves: given the address of a sign-in, it ends where a browser would."""

from __future__ import annotations

import json
import sys
from http.client import HTTPConnection
from urllib.parse import parse_qsl, urlsplit
from urllib.request import Request, urlopen


def main(url):
    parts = urlsplit(url)
    if parts.path != "/oauth/authorize":  # the command's own page, which leads to Trakt's
        connection = HTTPConnection(parts.netloc, timeout=60)
        connection.request("GET", parts.path)
        parts = urlsplit(connection.getresponse().headers["location"])
        connection.close()
    call = Request(
        f"{parts.scheme}://{parts.netloc}/_control/authorize",
        json.dumps({**dict(parse_qsl(parts.query)), "username": "sean"}).encode(),
        {"content-type": "application/json"},
    )
    with urlopen(call, timeout=60) as response:
        end = json.load(response)
    with urlopen(end["location"], timeout=60) as response:
        response.read()


main(sys.argv[1])
