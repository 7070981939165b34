"""The local Trakt as a process, as its users start it, and its control API."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .process import NotReady
from .wire import bearer, call, query

if TYPE_CHECKING:
    from pathlib import Path

READY_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class SeededApp:
    """An app that every local Trakt of the tests knows."""

    name: str
    client_id: str
    client_secret: str | None
    redirect_uris: tuple[str, ...]
    trusted: bool = False
    require_pkce: bool = False

    @property
    def redirect_uri(self) -> str:
        return self.redirect_uris[0]

    def seed(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {**fields, "redirect_uris": list(self.redirect_uris), "confidential": self.client_secret is not None}


OOB = "urn:ietf:wg:oauth:2.0:oob"
APP = SeededApp("Couch", "c" * 64, "s" * 64, ("http://127.0.0.1:9876/callback", OOB))
PUBLIC = SeededApp("Pocket", "p" * 64, None, ("http://127.0.0.1:9877/callback", OOB), require_pkce=True)
USER = {"username": "sean", "password": "correct horse battery", "email": "sean@example.test"}


class LocalTrakt:
    """A running `traktauth serve`: its address, apps and users, and what its control API does."""

    def __init__(self, process: subprocess.Popen[str], started: dict[str, Any]) -> None:
        self.process = process
        self.base: str = started["url"]
        self.started = started
        self.app, self.public, self.user = APP, PUBLIC, USER

    def control(self, method: str, name: str, body: Any = None) -> Any:
        answer = call(self.base, method, f"/_control/{name}", body=body)
        assert answer.status == 200, (name, answer.status, answer.text)
        return answer.json()

    def authorize(self, app: SeededApp = APP, **parameters: Any) -> dict[str, Any]:
        """Play the user's browser: `{"location", "code", "state", "status"}`."""
        asked = {"client_id": app.client_id, "redirect_uri": app.redirect_uri, "username": USER["username"]}
        return self.control("POST", "authorize", {**asked, **parameters})

    def browse(self, url: str, *, decision: str = "approve") -> dict[str, Any]:
        """Play the user's browser from an authorize address on."""
        return self.control("POST", "authorize", {**query(url), "username": USER["username"], "decision": decision})

    def land(self, url: str) -> str:
        """Play the user's browser from an authorize address on, and return the address where it ends."""
        return self.browse(url)["location"]

    def alive(self, access_token: str) -> bool:
        """Whether the API takes the access token."""
        return call(self.base, "GET", "/users/settings", headers=bearer(access_token, APP.client_id)).status == 200

    def device(self, user_code: str, decision: str = "approve") -> None:
        body = {"user_code": user_code, "username": USER["username"], "decision": decision}
        self.control("POST", "device", body)

    def pass_time(self, seconds: float) -> None:
        """Move the server's clock."""
        self.control("POST", "clock", {"advance": seconds})

    def expire(self, kind: str, value: str) -> None:
        self.control("POST", "expire", {"kind": kind, "value": value})

    def ledger(self) -> dict[str, Any]:
        return self.control("GET", "ledger")

    def reset(self) -> None:
        self.control("POST", "reset")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


def start_local_trakt(folder: Path, *flags: str, profile: str = "current") -> LocalTrakt:
    """Start `traktauth serve` on a free port, with the control API and this module's apps and user."""
    seed = folder / "seed.json"
    seed.write_text(json.dumps({"apps": [APP.seed(), PUBLIC.seed()], "users": [USER]}))
    command = [sys.executable, "-m", "traktauth", "serve", "--port", "0", "--profile", profile, "--json", "--control"]
    if "--database" not in flags:
        flags = ("--database", "memory:", *flags)
    log = folder / "serve.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [*command, "--seed", str(seed), *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    assert process.stdout
    too_late = threading.Timer(READY_WITHIN, process.kill)
    too_late.start()
    line = process.stdout.readline()
    too_late.cancel()
    if not line:
        process.kill()
        process.wait()
        process.stdout.close()
        raise NotReady(f"traktauth serve printed no line:\n{log.read_text()[-2000:]}")
    return LocalTrakt(process, json.loads(line))
