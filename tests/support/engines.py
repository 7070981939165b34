"""The real engines behind Trakt, started on loopback: better-auth (today's) and Doorkeeper (until 2026).

Their scripts lie beside the checkout, in `../shared/engines`, or where $TRAKTAUTH_SHARED points. Where the folder or a
program is absent, `Missing` says what to bring.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from .process import NotReady, Server, free_port
from .wire import bearer, call, query

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]


class Missing(Exception):
    """What a test needs is not on this machine; the message names it."""


@dataclass(frozen=True, slots=True)
class EngineApp:
    """An app that an engine knows, under the names that `traktauth.App` uses."""

    client_id: str
    client_secret: str | None
    redirect_uri: str


def engine_script(name: str) -> Path:
    """Where an engine's start script lies."""
    shared = Path(os.environ.get("TRAKTAUTH_SHARED") or CHECKOUT.parent / "shared")
    script = shared / "engines" / name / "start.sh"
    if not script.is_file():
        raise Missing(f"no {name}: {shared.name}/engines is neither beside the checkout nor in $TRAKTAUTH_SHARED")
    return script


def need(*programs: str) -> None:
    """Raise Missing for the first of *programs* that is not on the path."""
    for program in programs:
        if shutil.which(program) is None:
            raise Missing(f"the program {program} is absent")


class BetterAuth:
    """Real better-auth behind Trakt's paths, and the controls of its test server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.base = server.base
        info = self.control("info")
        self.users = info["users"]
        self.apps = {
            name: EngineApp(app["client_id"], app["client_secret"], info["redirect_uris"][0])
            for name, app in info["clients"].items()
        }

    @property
    def app(self) -> EngineApp:
        """A confidential app; its user is asked for consent."""
        return self.apps["consent"]

    @property
    def public(self) -> EngineApp:
        return self.apps["public"]

    def land(self, url: str) -> str:
        """Play the user's browser from an authorize address on, and return the address where it ends."""
        return self.browse(url)["location"]

    def alive(self, access_token: str) -> bool:
        """Whether the API takes the access token."""
        return call(self.base, "GET", "/users/settings", headers=bearer(access_token)).status == 200

    def control(self, name: str, **body: Any) -> Any:
        answer = call(self.base, "POST", f"/_test/{name}", body=body)
        assert answer.status < 500, answer.text
        return answer.json()

    def code(self, client: str = "trusted", *, via: str = "shim", **parameters: Any) -> str:
        """A fresh code. Via the shim and without a challenge of its own it is redeemed without a verifier."""
        landed = self.control("code", client=client, via=via, **parameters)
        assert landed.get("code"), landed
        return landed["code"]

    def browse(self, url: str, **options: Any) -> Any:
        """Play the user's browser from *url* on; `location` in the answer is where it ends (user=, deny=)."""
        return self.control("browse", url=url, **options)

    def device(self, user_code: str, action: str = "approve", **options: Any) -> Any:
        """Answer a device code: approve, deny, or only claim it."""
        return self.control("device", user_code=user_code, action=action, **options)

    def pass_time(self, seconds: float) -> None:
        """Wait: its clock is the machine's."""
        time.sleep(seconds)

    def expire(self, kind: str, value: str) -> None:
        """Let one code, access, refresh or device code expire now."""
        assert self.control("expire", kind=kind, value=value)["changed"] == 1

    def counts(self) -> dict[str, int]:
        return self.control("counts")

    def reset(self) -> None:
        """Forget every token and code."""
        self.control("reset")


class Doorkeeper:
    """Real Doorkeeper in a small Rails app; its one user consents to everything."""

    apps: ClassVar = {
        "confidential": EngineApp("a" * 64, "s" * 64, "http://127.0.0.1:9999/callback"),
        "other": EngineApp("b" * 64, "t" * 64, "http://127.0.0.1:9998/callback"),
        "public": EngineApp("c" * 64, None, "http://127.0.0.1:9997/callback"),
    }

    def __init__(self, server: Server) -> None:
        self.server = server
        self.base = server.base

    @property
    def app(self) -> EngineApp:
        return self.apps["confidential"]

    @property
    def public(self) -> EngineApp:
        return self.apps["public"]

    def alive(self, access_token: str) -> bool:
        """Whether the API takes the access token; that uses it, which matters to the refresh token before it."""
        return call(self.base, "GET", "/me", headers=bearer(access_token)).status == 200

    def land(self, url: str) -> str:
        """Play the user's browser: where *url* (an authorize address of this server) redirects to."""
        answer = call(self.base, "GET", url.removeprefix(self.base))
        assert answer.status == 302, (answer.status, answer.text[:300])
        return answer.headers["location"]

    def code(self, client: str = "confidential", **parameters: str) -> str:
        app = self.apps[client]
        asked = {"response_type": "code", "client_id": app.client_id, "redirect_uri": app.redirect_uri, **parameters}
        return query(self.land("/oauth/authorize?" + urlencode(asked)))["code"]

    def expire(self, kind: str, value: str) -> None:
        """Let one code or access token expire now."""
        assert call(self.base, "POST", "/_test/expire", body={"kind": kind, "value": value}).status == 200

    def reset(self) -> None:
        """Nothing: its tokens do not get into each other's way."""


@contextmanager
def _one_at_a_time(home: Path) -> Iterator[None]:
    """Keep other starts, in any process, out of better-auth's shared installation until this one stands."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_name(home.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def start_better_auth(folder: Path, **env: str) -> BetterAuth:
    """Start one with *env* (ACCESS_TTL, CODE_TTL, DEVICE_INTERVAL, …: the head of its start script lists them)."""
    script = engine_script("better-auth")
    need("bash", "node", "npm")
    home = Path(os.environ.get("BETTER_AUTH_HOME") or Path(tempfile.gettempdir()) / "traktauth-better-auth")
    installed = home / "node_modules" / ".package-lock.json"  # npm writes it last
    with _one_at_a_time(home):
        if not installed.exists():
            shutil.rmtree(home / "node_modules", ignore_errors=True)  # of an installation that was interrupted
        port = free_port()
        server = Server(
            ["bash", str(script), str(port)],
            port=port,
            log=folder / "better-auth.log",
            # Debian's npm 9 fails at this package's peers, which its package.json names all the same.
            env={"DB_FILE": ":memory:", "BETTER_AUTH_HOME": str(home), "npm_config_legacy_peer_deps": "true", **env},
        )
        try:
            server.wait_until_ready("/_test/info", within=150)
        except NotReady as problem:
            if not installed.exists():
                raise Missing(f"npm could not install better-auth: {str(problem)[-300:]}") from problem
            raise
    return BetterAuth(server)


def start_doorkeeper(folder: Path, **env: str) -> Doorkeeper:
    """Start one with *env* (DK_PREV=0: a used refresh token dies at once; DK_UI=1: with its consent page)."""
    script = engine_script("doorkeeper")
    need("bash", "ruby", "puma")
    port = free_port()
    server = Server(
        ["bash", str(script), str(port)],
        port=port,
        log=folder / "doorkeeper.log",
        env={"DK_DB": str(folder / "doorkeeper.sqlite3"), **env},
    )
    try:
        server.wait_until_ready("/me")
    except NotReady as problem:
        if "LoadError" in str(problem) or "cannot load such file" in str(problem):
            raise Missing("Doorkeeper's gems are absent: ruby-doorkeeper rails ruby-sqlite3 puma") from problem
        raise
    return Doorkeeper(server)
