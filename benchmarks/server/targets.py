"""What is measured: each target starts on a free port and gives refresh tokens to begin with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from processes import LOAD, SERVER, Failed, Load, cpu, pinned

HERE = Path(__file__).parent
RIVALS = HERE.parent / "rivals"
sys.path.insert(0, str(HERE.parents[1] / "tests"))
sys.path.insert(0, str(HERE.parents[1]))
from support.engines import Missing, need  # noqa: E402 - found through the line above
from support.environments import environment  # noqa: E402 - the same
from support.process import free_port  # noqa: E402 - the same
from support.wire import call  # noqa: E402 - the same

CONNECTIONS = 64
ID, SECRET, REDIRECT = "c" * 64, "s" * 64, "http://127.0.0.1:9876/callback"
READY_WITHIN = 120.0


class Target:
    """A server that runs, and what its refreshes look like."""

    media = "form"
    job = "refresh"
    cores = (SERVER, LOAD)

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.port = free_port()
        self.results: dict[str, list[dict]] = {}
        self.loads: dict[str, Load] = {}
        self.fields = {"grant_type": "refresh_token", "client_id": ID, "client_secret": SECRET}

    def start(self, command: list[str], **environ: str) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=(self.folder / f"{self.name}.log").open("w"),
            text=True,
            env={**os.environ, **environ},
            preexec_fn=pinned(self.cores[0]),  # noqa: PLW1509 - no thread runs here
        )

    def wait_for(self, file: Path) -> None:
        """Wait until the tokens to begin with are there and the port is listened on."""
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until and self.process.poll() is None:
            if file.exists() and file.read_text().endswith("]"):
                self.tokens = json.loads(file.read_text())
                time.sleep(2)
                return
            time.sleep(0.1)
        raise Missing(f"{self.name} did not start: {(self.folder / f'{self.name}.log').read_text()[-400:]}")

    def load(self, job: str, **plan) -> Load:
        """Give the process that sends *job*, started when first asked for."""
        if job not in self.loads:
            self.loads[job] = Load(self.cores[1], **{
                "port": self.port, "job": job, "path": "/oauth/token", "media": self.media, "fields": self.fields,
                "connections": CONNECTIONS, **plan,
            })  # fmt: skip
        return self.loads[job]

    def run(self, job: str, *, seconds: float, warm: float, rate: float | None = None) -> dict:
        """Measure once; the server's CPU time for an answer is the figure that other programs disturb least."""
        before = self.cpu()
        try:
            answer = self.loads[job].ask(do="run", seconds=seconds, warm=warm, rate=rate)
        except Failed as failed:
            raise Failed(f"{self.name}, {job}: {failed}") from None
        answer["cpu"] = (self.cpu() - before) / (answer["rate"] * (seconds + warm)) * 1e6
        return answer

    def cpu(self) -> float:
        """Give the seconds that its programs have run."""
        return cpu(self.process.pid)

    def stop(self) -> None:
        for load in self.loads.values():
            load.stop()
        if hasattr(self, "process"):
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Floor(Target):
    media, job = "json", "fixed"

    def __init__(self, folder: Path) -> None:
        super().__init__("floor", folder)
        self.fields["redirect_uri"] = REDIRECT
        self.tokens = ["r" * 38] * CONNECTIONS
        self.start([sys.executable, str(HERE / "floor.py"), str(self.port)])
        time.sleep(2)


class Local(Target):
    """The local Trakt, on a file where nothing else is said.

    The control API is served, and so its log of the last requests is kept.
    """

    media = "json"

    def __init__(self, folder: Path, profile: str, name: str = "local Trakt", database: str | None = None) -> None:
        super().__init__(name, folder)
        self.fields["redirect_uri"] = REDIRECT
        self.database = database or f"sqlite:{folder / name.replace(' ', '-')}.sqlite"
        seed = folder / "seed.json"
        app = {"name": "Couch", "client_id": ID, "client_secret": SECRET, "redirect_uris": [REDIRECT]}
        seed.write_text(json.dumps({"apps": [app], "users": []}))
        began = time.perf_counter()
        self.start([
            sys.executable, "-m", "traktauth", "serve", "--port", "0", "--profile", profile, "--json", "--control",
            "--seed", str(seed), "--database", self.database,
        ])  # fmt: skip
        announced = self.process.stdout.readline()
        self.ready = time.perf_counter() - began
        if not announced:
            raise Failed((folder / f"{name}.log").read_text()[-400:])
        self.base = json.loads(announced)["url"]
        self.port = int(self.base.rpartition(":")[2])
        asked = {"client_id": ID, "count": CONNECTIONS}
        made = call(self.base, "POST", "/_control/tokens", body=asked).json()["tokens"]
        self.tokens = [token["refresh_token"] for token in made]

    def rotations(self) -> int:
        return call(self.base, "GET", "/_control/ledger").json()["rotations"]


class Rival(Target):
    """A rival, by the start script in `benchmarks/rivals`."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name, folder)
        environ = {}
        if name == "doorkeeper":
            need("sh", "ruby", "puma")
        elif name == "oidc_provider":
            need("sh", "node", "npm")
        else:
            wanted = (RIVALS / name / "requirements.txt").read_text().split()
            environ["PYTHON"] = str(environment("bench-authlib-server", *wanted))
        tokens = folder / f"{name}.json"
        script, database = RIVALS / name / "start.sh", folder / f"{name}.sqlite"
        self.start(["sh", str(script), str(self.port), str(database), str(tokens)], **environ)
        self.wait_for(tokens)
