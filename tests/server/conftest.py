"""A local Trakt for each test that asks for one, and what a client and a browser do with it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from traktauth.server.process.embedded import EmbeddedServer
from traktauth.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

CALLBACK = "http://127.0.0.1:9876/callback"
OOB = "urn:ietf:wg:oauth:2.0:oob"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
NATIVE = "/api/auth/oauth2"


class App(NamedTuple):
    client_id: str
    client_secret: str | None
    redirect_uri: str = CALLBACK

    @property
    def credentials(self) -> dict[str, str]:
        secret = {"client_secret": self.client_secret} if self.client_secret else {}
        return {"client_id": self.client_id, **secret}


APPS = {
    "first": App("first-app", "first-secret"),
    "second": App("second-app", "second-secret"),
    "public": App("public-app", None),
}
SEED = {
    "apps": [
        {
            "name": f"The {name} app",
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "redirect_uris": [CALLBACK, OOB, "https://app.example/back?kept=1"],
            "confidential": app.client_secret is not None,
        }
        for name, app in APPS.items()
    ],
    "users": [{"username": "sean", "password": "correct horse battery", "email": "sean@example.test"}],
}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str
    cookies: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def message(self) -> tuple[int, str, str]:
        """Status, error and sentence of a refusal."""
        body = self.json
        return self.status, body.get("error", body.get("code")), body.get("error_description", body.get("message"))

    @property
    def location(self) -> str:
        return self.headers["location"]

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.location).query).items()}


class Client:
    """Sends requests to a server, as apps and tests do."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server
        self.url = server.url

    def send(
        self, method: str, path: str, *, headers: Mapping[str, str] = {}, body: bytes | str | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request(method, path, body, dict(headers))
            reply = connection.getresponse()
            fields = {name.lower(): value for name, value in reply.getheaders()}
            cookies = dict(re.findall(r"([^=;, ]+)=([^;]*)", fields.get("set-cookie", ""))[:1])
            return Reply(reply.status, fields, reply.read().decode(), cookies)
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        return self.send("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, **members: object) -> Reply:
        members = {name: value for name, value in members.items() if value is not ...}
        return self.send("POST", path, headers=JSON, body=json.dumps(members))

    def form(self, path: str, headers: Mapping[str, str] = {}, **members: str) -> Reply:
        return self.send("POST", path, headers={**FORM, **headers}, body=urlencode(members))

    def control(self, name: str, **members: object) -> Any:
        reply = self.post(f"/_control/{name}", **members)
        assert reply.status == 200, reply.text
        return reply.json

    def ledger(self) -> Any:
        return self.get("/_control/ledger").json

    def code(self, app: str = "first", *, user: str = "sean", **parameters: object) -> str:
        """Sign in and consent through the control API."""
        known = {"client_id": APPS[app].client_id, "redirect_uri": APPS[app].redirect_uri, "username": user}
        return self.control("authorize", **{**known, **parameters})["code"]

    def exchange(self, code: str, /, app: str = "first", **changes: object) -> Reply:
        members = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": APPS[app].redirect_uri,
            **APPS[app].credentials,
            **changes,
        }
        return self.post("/oauth/token", **members)

    def refresh(self, token: str, /, app: str = "first", **changes: object) -> Reply:
        members = {"grant_type": "refresh_token", "refresh_token": token, **APPS[app].credentials, **changes}
        return self.post("/oauth/token", **members)

    def revoke(self, token: str, app: str = "first", **changes: object) -> Reply:
        return self.post("/oauth/revoke", token=token, **{**APPS[app].credentials, **changes})

    def login(self, app: str = "first", *, user: str = "sean") -> Login:
        pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"} if app == "public" else {}
        verifier = {"code_verifier": VERIFIER} if app == "public" else {}
        reply = self.exchange(self.code(app, user=user, **pkce), app, **verifier)
        assert reply.status == 200, reply.text
        return Login(reply.json["access_token"], reply.json["refresh_token"])

    def renewed(self, token: str, app: str = "first") -> Login:
        reply = self.refresh(token, app)
        assert reply.status == 200, reply.text
        return Login(reply.json["access_token"], reply.json["refresh_token"])

    def use(self, token: str, app: str = "first") -> int:
        """The status that the API answers a token with."""
        return self.api(token, app).status

    def api(self, token: str, app: str = "first") -> Reply:
        return self.get("/users/settings", authorization=f"Bearer {token}", trakt_api_key=APPS[app].client_id)


class Login(NamedTuple):
    access: str
    refresh: str


class Browser:
    """Follows no redirect by itself, keeps cookies, sends back the forms that pages hold."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.cookies: dict[str, str] = {}
        self.at = ""

    def go(self, path: str, *, method: str = "GET", form: Mapping[str, str] | None = None) -> Reply:
        path = path.removeprefix(self.client.url)
        headers = {
            "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "accept": "text/html",
        }
        if form is not None:
            headers |= FORM
        reply = self.client.send(method, path, headers=headers, body=urlencode(form) if form is not None else None)
        self.cookies.update(reply.cookies)
        self.at = path
        return reply

    def walk(self, path: str) -> Reply:
        """Go there and on, as long as the way leads to pages of this server."""
        reply = self.go(path)
        while "location" in reply.headers and reply.location.removeprefix(self.client.url).startswith("/"):
            reply = self.go(reply.location)
        return reply

    def submit(self, page: Reply, **entered: str) -> Reply:
        """Fill in the page's first form that is not the sign-out form, and send it."""
        forms = re.findall(r'<form method="post" action="([^"]+)".*?</form>', page.text, re.DOTALL)
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))
        action = next(action for action in forms if action != "/sign-out").replace("&amp;", "&")
        reply = self.go(action, method="POST", form={**hidden, **entered})
        return self.walk(reply.location) if reply.headers.get("location", "").startswith("/") else reply

    def sign_in(self) -> Reply:
        return self.submit(self.go("/sign-in"), username="sean", password="correct horse battery")


@pytest.fixture
def still_clock(monkeypatch):
    """Make the clocks of this process's servers show the same time until they are moved, on a busy machine too."""
    now = time.time()
    monkeypatch.setattr("traktauth.server.clock.time", SimpleNamespace(time=lambda: now))


@pytest.fixture
def start(still_clock):
    """Start servers, each a client; all of them end with the test."""
    running: list[EmbeddedServer] = []

    def begin(**settings: Any) -> Client:
        known = {"port": 0, "database": "memory:", "control": True, "seed": SEED}
        server = EmbeddedServer(Settings(**{**known, **settings}))
        server.__enter__()
        running.append(server)
        return Client(server)

    yield begin
    for server in running:
        server.__exit__(None, None, None)


@pytest.fixture
def current(start) -> Client:
    return start(profile="current")


@pytest.fixture
def classic(start) -> Client:
    return start(profile="classic")


@pytest.fixture(params=["current", "classic"])
def either(request, start) -> Client:
    return start(profile=request.param)


@pytest.fixture
def browser():
    return Browser


@pytest.fixture
def visitor(either, browser):
    signed_in = browser(either)
    signed_in.sign_in()
    return signed_in
