"""PyTrakt, unchanged but for its base address, as a client of the local Trakt."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from support.local import OOB

DRIVER = Path(__file__).with_name("pytrakt_driver.py")


@pytest.fixture(params=["current", "classic"])
def trakt(request, local_trakt):
    # PyTrakt renews what has ten minutes left: with this life it renews before every call
    return local_trakt(request.param, "--access-life", "300")


@pytest.fixture
def pytrakt(pytrakt_python, trakt, tmp_path):
    """Start PyTrakt; it keeps its login in one file over several processes."""
    started = []

    def start(*steps):
        command = [pytrakt_python, "-u", DRIVER, trakt.base, tmp_path / "login.json", *" + ".join(steps).split()]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # requests-oauthlib wants to be told that plain http is meant
            env={**os.environ, "OAUTHLIB_INSECURE_TRANSPORT": "1"},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def finish(process):
    """Wait for its end and return what it answered, step by step."""
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0, printed
    # an answer may stand behind a prompt, which ends no line
    return [json.loads(line[line.index("{") :]) for line in printed.splitlines() if "{" in line]


def read_until(process, pattern):
    """Read what PyTrakt tells its user, up to what matches."""
    read = []
    for line in process.stdout:
        read.append(line)
        if found := re.search(pattern, line):
            return found[1]
    raise AssertionError("".join(read))


def test_pytrakt_signs_in_by_pin_and_calls(trakt, pytrakt):
    landed = trakt.authorize(redirect_uri=OOB, response_type="code")
    app = trakt.app
    signed_in, called = finish(pytrakt(f"pin {app.client_id} {app.client_secret} {landed['code']}", "settings"))
    assert signed_in["access_token"] == called["access_token"]
    assert called["username"] == trakt.user["username"]


def test_pytrakt_signs_in_by_device_code_renews_and_calls(trakt, pytrakt):
    app = trakt.app
    process = pytrakt(f"device {app.client_id} {app.client_secret}", "settings")
    trakt.device(read_until(process, r"Your user code is: (\w+),"))
    signed_in, called = finish(process)
    assert signed_in["refresh_token"]
    assert called["username"] == trakt.user["username"]
    assert called["access_token"] != signed_in["access_token"]
    assert trakt.ledger()["counts"]["POST /oauth/token"]["refresh_token"] == 1


# It sends its secret by HTTP Basic, which today's Trakt does not take on this path.
@pytest.mark.parametrize("trakt", ["classic"], indirect=True)
def test_pytrakt_signs_in_by_browser_and_pasted_code(trakt, pytrakt):
    app = trakt.app
    process = pytrakt(f"oauth {app.client_id} {app.client_secret} {trakt.user['username']}", "settings")
    address = read_until(process, r"Please go here and authorize, (\S+)")
    process.stdin.write(trakt.browse(address)["code"] + "\n")
    process.stdin.flush()
    signed_in, called = finish(process)
    assert signed_in["refresh_token"]
    assert called["username"] == trakt.user["username"]
