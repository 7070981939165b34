"""What set-ups say to a server to bring it into a state, and to look what came of a case."""

from __future__ import annotations

import base64
import concurrent.futures
import hashlib
import secrets
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from fidelity.replay.http import Request, Response, in_form, in_json
from fidelity.replay.seed_file import APPS
from fidelity.replay.server import NoSuchState, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fidelity.replay.cases import Case

NATIVE = "/api/auth/oauth2"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Login(NamedTuple):
    """A pair of tokens."""

    access: str
    refresh: str


@dataclass
class State:
    """A state that a case begins with.

    Attributes:
        values: the placeholders that the set-up gives values to.
        after: looks what came of the case, told its answer; None where nothing is looked at.
        undo: puts back what a reset does not, whatever came.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    after: Callable[[Response], dict[str, Any]] | None = None
    undo: Callable[[], None] = lambda: None


class Session:
    """A case's conversation with a server."""

    def __init__(self, server: Server, case: Case) -> None:
        self.server, self.case, self.via = server, case, case.via
        self.current = case.profile == "current"
        self.app, self.username = ("trusted", "user") if self.current else ("A", "sean")

    # ------------------------------------------------------------ codes and tokens
    def code(self, app: str = "", *, username: str = "", pkce: bool = True, **parameters: str | None) -> dict[str, str]:
        """Sign in and agree: a fresh code, and the verifier of its challenge."""
        made = verifier_and_challenge()
        if self.current:
            parameters.setdefault("scope", "public offline_access" if self.via == "native" else None)
            parameters |= {"via": self.via}
            if pkce:
                parameters |= {"code_challenge": made["code_challenge"], "code_challenge_method": "S256"}
        end = self.server.authorize(APPS[app or self.app], username or self.username, **parameters)
        if not end.get("code"):
            raise NoSuchState(f"no code: {end}")
        return made | {"code": end["code"]}

    def token(self, app: str = "", *, via: str = "", **members: str | None) -> Response:
        """Ask the token endpoint, with an app's credentials."""
        members = {**APPS[app or self.app].credentials, **members}
        if (via or self.via) == "native":
            return self.server.send(in_form(f"{NATIVE}/token", **members))
        return self.server.send(in_json("/oauth/token", **members))

    def exchange(self, values: Mapping[str, str], app: str = "", *, via: str = "", pkce: bool = True) -> Response:
        """Exchange a code as one should."""
        verifier = values["code_verifier"] if self.current and pkce else None
        callback = APPS[app or self.app].callback
        return self.token(
            app,
            via=via,
            grant_type="authorization_code",
            code=values["code"],
            redirect_uri=callback,
            code_verifier=verifier,
        )

    def login(self, app: str = "", **parameters: str) -> Login:
        """Sign in and exchange the code."""
        values = self.code(app, **parameters)
        return login_in(self.exchange(values, app, via="native" if self.current else ""))

    def refresh(self, token: str, app: str = "") -> Response:
        """Refresh as one should."""
        via = "native" if self.current else ""
        return self.token(app, via=via, grant_type="refresh_token", refresh_token=token)

    def refreshed_login(self, token: str, app: str = "") -> Login:
        """Refresh, and take the new pair."""
        return login_in(self.refresh(token, app))

    def revoke(self, token: str, app: str = "") -> Response:
        """Revoke as one should."""
        return self.server.send(in_json("/oauth/revoke", token=token, **APPS[app or self.app].credentials))

    # ------------------------------------------------------------ looking
    def use(self, token: str, app: str = "") -> int:
        """Use an access token at the API."""
        return self.server.use(token, APPS[app or self.app])

    def active(self, token: str, app: str = "") -> bool | str:
        """Introspect a token: whether it is active, or the refusal."""
        asked = in_form(f"{NATIVE}/introspect", token=token, **APPS[app or self.app].credentials)
        answer = self.server.send(asked)
        return answer.members.get("active", answer.short)

    def userinfo(self, token: str) -> str:
        """Ask who an access token belongs to."""
        answer = self.server.send(Request("GET", f"{NATIVE}/userinfo", {"authorization": f"Bearer {token}"}))
        return f"{answer.status} {answer.members.get('error', 'ok')}"

    def state(self, login: Login, app: str = "") -> dict[str, Any]:
        """Say whether a pair lives, by using both tokens."""
        return {"access": self.use(login.access, app), "refresh": self.refresh(login.refresh, app).short}

    # ------------------------------------------------------------ devices
    def device(self, *, via: str = "", **parameters: str) -> dict[str, str]:
        """Ask for a device code."""
        native = (via or self.via) == "native"
        path, scope = ("/api/auth/device/code", "public offline_access") if native else ("/oauth/device/code", None)
        answer = self.server.send(in_json(path, client_id=APPS[self.app].client_id, scope=scope, **parameters))
        return {name: answer.members[name] for name in ("device_code", "user_code")}

    def poll(self, values: Mapping[str, str], app: str = "") -> Response:
        """Poll a device code."""
        known, code = APPS[app or self.app], values["device_code"]
        if self.via == "native":
            said = {"grant_type": DEVICE_GRANT, "device_code": code, "client_id": known.client_id}
            return self.server.send(in_json("/api/auth/device/token", **said))
        return self.server.send(in_json("/oauth/device/token", code=code, **known.credentials))

    def answer_device(self, values: Mapping[str, str], decision: str = "approve") -> None:
        """Approve or deny a device code."""
        self.server.control("device", user_code=values["user_code"], username=self.username, decision=decision)


def login_in(answer: Response) -> Login:
    """Give the pair in an answer.

    Raises:
        NoSuchState: it is not there.
    """
    if answer.status != HTTPStatus.OK or "refresh_token" not in answer.members:
        raise NoSuchState(f"no pair of tokens: {answer.short}")
    return Login(answer.members["access_token"], answer.members["refresh_token"])


def verifier_and_challenge() -> dict[str, str]:
    """Make a PKCE verifier and its S256 challenge."""
    verifier = secrets.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    return {"code_verifier": verifier, "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("=")}


def run_concurrently(*calls: Callable[[], Response]) -> list[Response]:
    """Make calls at the same time."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [one.result() for one in [pool.submit(call) for call in calls]]
