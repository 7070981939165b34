"""What was answered is on disk: seen from outside, in the order of the system calls.

Each answer's write has to come after an `fdatasync` of the log that holds its rotation. The same look finds fault with
a server that does not wait for the disk, and with one that answers before it commits; else it would prove nothing.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

PROGRAM = """
import json, os, sys
from traktauth.server.process.serve import serve
from traktauth.server.config.settings import Settings
from traktauth.server.storage.sqlite import storage
{change}
def tell(told):
    print(json.dumps(dict(told, pid=os.getpid())), flush=True)
sys.exit(serve(Settings(**json.loads(sys.argv[1])), ready=tell))
"""
NO_CHANGE = ""
NO_WAITING_FOR_THE_DISK = """
prepare = storage.prepare
def prepare_carelessly(connection):
    prepare(connection)
    connection.execute("PRAGMA synchronous=OFF")
storage.prepare = prepare_carelessly
"""
ANSWER_FIRST = """
import time
def answer_first(self, group):
    self._connection.begin()
    outcomes = [(answer, work(storage.Repositories(self._connection)), None) for work, answer in group]
    outcomes[0][0].get_loop().call_soon_threadsafe(storage._deliver, outcomes)
    time.sleep(0.05)
    self._connection.commit()
storage.Writer._run = answer_first
"""
CALLS = "read,recvfrom,fdatasync,fsync,pwrite64,pwritev,write,writev,sendto,sendmsg"
SEED = {
    "apps": [{"client_id": "a", "client_secret": "s", "redirect_uris": ["x:/y"]}],
    "users": [{"username": "u", "password": "password"}],
}


def traceable():
    """Whether this machine lets one process trace another."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


pytestmark = [pytest.mark.slow, pytest.mark.skipif(not traceable(), reason="strace is missing or not allowed")]


@pytest.mark.parametrize(
    ("change", "durable"), [(NO_CHANGE, True), (NO_WAITING_FOR_THE_DISK, False), (ANSWER_FIRST, False)]
)
def test_every_answer_leaves_after_its_rotation_is_on_disk(tmp_path, change, durable):
    log = tmp_path / "calls"
    settings = {"port": 0, "database": f"sqlite:{tmp_path / 'db'}", "control": True, "seed": SEED}
    program = [sys.executable, "-c", PROGRAM.format(change=change), json.dumps(settings)]
    traced = ["strace", "-f", "-y", "-s", "2000", "-e", f"trace={CALLS}", "-o", str(log), *program]
    with subprocess.Popen(traced, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        reported = json.loads(process.stdout.readline())
        token = post(reported["url"], "/_control/tokens", {"client_id": "a", "count": 1})["tokens"][0]["refresh_token"]
        for _ in range(5):
            time.sleep(0.2)  # what is committed late is committed before the next request, not after it
            members = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "a", "client_secret": "s"}
            token = post(reported["url"], "/oauth/token", members)["refresh_token"]
        os.kill(reported["pid"], signal.SIGTERM)
        process.communicate(timeout=60)
    answers = synced_before_answers(log.read_text())
    assert len(answers) == 5
    assert all(answers) if durable else not any(answers)


def synced_before_answers(calls):
    """For each answer with tokens, whether the log was written and then synced since its request came."""
    found, wrote, synced, syncing = [], False, False, set()
    for line in calls.splitlines():
        process = line.split(" ", 1)[0]
        if "POST /oauth/token" in line:
            wrote = synced = False
        elif re.search(r"pwrite(64|v)\(\d+<[^>]*-wal>", line):
            wrote, synced = True, False
        elif re.search(r"f(data)?sync\(\d+<[^>]*-wal>", line):
            if "<unfinished" in line:
                syncing.add(process)
            else:
                synced = wrote
        elif "sync resumed" in line and process in syncing:
            syncing.discard(process)
            synced = wrote
        elif re.search(r"(write|writev|sendto|sendmsg)\(\d+<(socket|TCP).*token_type", line):
            found.append(wrote and synced)
    return found


def post(url, path, body):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
