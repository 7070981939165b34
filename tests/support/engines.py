"""The real engines behind Trakt, started on loopback: better-auth (today's) and Doorkeeper (until 2026).

`fidelity/engines/` starts them. If a program is absent, `Missing` names it.
"""

from __future__ import annotations

import fcntl
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode, urlsplit

from fidelity.replay.seed_file import APPS, USERS

from .process import NotReady, Server, free_port
from .wire import bearer, call, query

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
ENGINES = CHECKOUT / "fidelity" / "engines"
USER = USERS["user"]["username"]
INSTALLED_WITHIN = 300.0  # seconds; the first start installs it


class Missing(Exception):
    """What a test needs is not on this machine; the message names it."""


@dataclass(frozen=True, slots=True)
class EngineApp:
    """An app that an engine knows, under the names that `traktauth.App` uses."""

    client_id: str
    client_secret: str | None
    redirect_uri: str


def need(*programs: str) -> None:
    """Raise Missing for the first of *programs* that is not on the path."""
    for program in programs:
        if shutil.which(program) is None:
            raise Missing(f"the program {program} is absent")


def _known_as(name: str) -> EngineApp:
    app = APPS[name]
    return EngineApp(app.client_id, app.credentials.get("client_secret"), app.callback)


class BetterAuth:
    """Real better-auth behind Trakt's paths, and the control API in front of it."""

    apps: ClassVar = {name: _known_as(name) for name in ("trusted", "consent", "public")}

    def __init__(self, server: Server) -> None:
        self.server = server
        self.base = server.base

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
        answer = call(self.base, "POST", f"/_control/{name}", body=body)
        assert answer.status == 200, (name, answer.status, answer.text)
        return answer.json()

    def code(self, client: str = "trusted", **parameters: Any) -> str:
        """A fresh code. Without a challenge of its own it is redeemed without a verifier."""
        app = self.apps[client]
        asked = {"client_id": app.client_id, "redirect_uri": app.redirect_uri, "username": USER, **parameters}
        landed = self.control("authorize", **asked)
        assert landed.get("code"), landed
        return landed["code"]

    def browse(self, url: str, *, decision: str = "approve") -> Any:
        """Play the user's browser from an authorize address on; `location` in the answer is where it ends."""
        via = "shim" if urlsplit(url).path.startswith("/oauth/") else "native"
        return self.control("authorize", **query(url), username=USER, decision=decision, via=via)

    def device(self, user_code: str, decision: str = "approve") -> None:
        """Answer a device code: approve or deny."""
        self.control("device", user_code=user_code, username=USER, decision=decision)

    def pass_time(self, seconds: float) -> None:
        """Move the server's clock."""
        self.control("clock", advance=seconds)

    def expire(self, kind: str, value: str) -> None:
        """Let one code, access, refresh or device code expire now."""
        self.control("expire", kind=kind, value=value)

    def reset(self) -> None:
        """Forget every token and code, and put the clock back."""
        self.control("reset")


class Doorkeeper:
    """Real Doorkeeper in a small Rails app; its one user consents to everything."""

    apps: ClassVar = {name: _known_as(name) for name in ("A", "B", "C")}

    def __init__(self, server: Server) -> None:
        self.server = server
        self.base = server.base

    @property
    def app(self) -> EngineApp:
        return self.apps["A"]

    @property
    def public(self) -> EngineApp:
        return self.apps["C"]

    def alive(self, access_token: str) -> bool:
        """Whether the API takes the access token; that uses it, which matters to the refresh token before it."""
        return call(self.base, "GET", "/me", headers=bearer(access_token)).status == 200

    def land(self, url: str) -> str:
        """Play the user's browser: where *url* (an authorize address of this server) redirects to."""
        answer = call(self.base, "GET", url.removeprefix(self.base))
        assert answer.status == 302, (answer.status, answer.text[:300])
        return answer.headers["location"]

    def code(self, client: str = "A", **parameters: str) -> str:
        app = self.apps[client]
        asked = {"response_type": "code", "client_id": app.client_id, "redirect_uri": app.redirect_uri, **parameters}
        return query(self.land("/oauth/authorize?" + urlencode(asked)))["code"]

    def expire(self, kind: str, value: str) -> None:
        """Let one code, access or refresh token expire now."""
        assert call(self.base, "POST", "/_control/expire", body={"kind": kind, "value": value}).status == 200

    def reset(self) -> None:
        """Nothing: its tokens do not get into each other's way."""


@contextmanager
def _sole_start() -> Iterator[None]:
    """Keep other processes from starting a better-auth meanwhile: each start copies files into one installation."""
    folder = CHECKOUT / ".envs"
    folder.mkdir(exist_ok=True)
    with (folder / "better-auth.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start(engine: str, folder: Path, **env: str) -> Server:
    port = free_port()
    script = ENGINES / engine / "start"
    return Server([str(script), str(port)], port=port, log=folder / f"{engine}-{port}.log", env=env)


def start_better_auth(folder: Path, **env: str) -> BetterAuth:
    """Start one with *env* (ACCESS_TTL, INTERVAL: the head of its start script)."""
    need("node", "npm")
    with _sole_start():
        try:
            server = _start("better-auth", folder, **env).wait_until_ready(
                "/.well-known/openid-configuration", within=INSTALLED_WITHIN
            )
        except NotReady as problem:
            if "npm error" in str(problem) or "npm ERR!" in str(problem):
                raise Missing(f"npm could not install better-auth: {str(problem)[-300:]}") from problem
            raise
    return BetterAuth(server)


def start_doorkeeper(folder: Path, **env: str) -> Doorkeeper:
    """Start one with *env* (ROTATION=once: a used refresh token dies at once)."""
    need("ruby", "puma")
    database = folder / f"doorkeeper-{env.get('ROTATION', 'until-used')}.sqlite3"
    try:
        server = _start("doorkeeper", folder, DATABASE=str(database), **env).wait_until_ready("/me")
    except NotReady as problem:
        if "LoadError" in str(problem) or "cannot load such file" in str(problem):
            raise Missing("Doorkeeper's gems are absent: ruby-doorkeeper rails ruby-sqlite3 puma") from problem
        raise
    return Doorkeeper(server)
