"""A server that answers as Trakt does: a real engine of `fidelity/engines`, or the local Trakt.

Both serve the same control API (`/_control/*`), so that one set-up is the same everywhere. What an engine cannot do and
the local Trakt can, or the other way round, is here and nowhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from fidelity.replay.http import Request, Response, in_form, in_json, parameters_of, send
from fidelity.replay.seed_file import APPS, USERS, App

AUTHORIZE = {"native": "/api/auth/oauth2/authorize", "shim": "/oauth/authorize"}


class NoSuchState(Exception):
    """A server cannot be brought into the state that a case begins with; the message says why."""


@dataclass
class Server:
    """A server.

    Attributes:
        base: its origin.
        profile: `current` or `classic`.
        local: whether it is the local Trakt and not an engine.
    """

    base: str
    profile: str
    local: bool

    def send(self, request: Request) -> Response:
        """Send a request."""
        return send(self.base, self._at_home(request))

    def control(self, name: str, **members: object) -> dict[str, Any]:
        """Call the control API.

        Raises:
            NoSuchState: it refuses.
        """
        answer = self.send(in_json(f"/_control/{name}", **members))
        if answer.status != HTTPStatus.OK:
            raise NoSuchState(f"/_control/{name}: {answer.status} {answer.body[:200]}")
        return answer.members

    def authorize(self, app: App, username: str, **parameters: str | None) -> dict[str, Any]:
        """Say where a signed-in person's browser ends: `location`, `code`, `state`, `status`."""
        asked = {"client_id": app.client_id, "redirect_uri": app.callback, "response_type": "code", **parameters}
        if self.profile == "classic" and not self.local:
            return self._authorize_at_doorkeeper(asked)
        return self.control("authorize", username=username, **asked)

    def _authorize_at_doorkeeper(self, asked: dict[str, str | None]) -> dict[str, Any]:
        """Be the browser: its one person is always signed in and agrees."""
        query = in_form("", **asked).body
        answer = self.send(Request("GET", f"{AUTHORIZE['shim']}?{query}"))
        location = answer.headers.get("location")
        parameters = parameters_of((location or "").partition("?")[2])
        told = {"location": location, "status": answer.status}
        return told | {"code": parameters.get("code"), "state": parameters.get("state")}

    def cookie(self, username: str) -> str:
        """Sign in with a browser, and give its cookies."""
        if self.local:
            return _signed_in_through_the_pages(self.base, username)
        return self.control("session", username=username)["cookie"] if self.profile == "current" else ""

    def use(self, token: str, app: App) -> int:
        """Use an access token, and give the status that it is answered with."""
        path = "/me" if self.profile == "classic" else "/users/settings"
        headers = {"authorization": f"Bearer {token}", "trakt-api-key": app.client_id}
        return self.send(Request("GET", path, headers)).status

    def reset(self) -> None:
        """Forget tokens, codes and the clock's moves."""
        self.control("reset")

    def _at_home(self, request: Request) -> Request:
        """Doorkeeper's sample resource is `/users/me` at the local Trakt, and wants an app's key."""
        if not self.local or request.path != "/me":
            return request
        headers = {"trakt-api-key": APPS["A"].client_id, **request.headers}
        return replace(request, path="/users/me", headers=headers)


def _signed_in_through_the_pages(base: str, username: str) -> str:
    cookies: dict[str, str] = {}
    page = send(base, Request("GET", "/sign-in"))
    _keep(cookies, page)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.body))
    entered = {"username": username, "password": USERS[username]["password"]}
    form = in_form("/sign-in", **hidden, **entered)
    answer = send(base, replace(form, headers={**form.headers, "cookie": _sent(cookies)}))
    _keep(cookies, answer)
    if answer.status != HTTPStatus.SEE_OTHER:
        raise NoSuchState(f"signing in: {answer.short}")
    return _sent(cookies)


def _keep(cookies: dict[str, str], answer: Response) -> None:
    cookies.update(re.findall(r"([^=;, ]+)=([^;]*)", answer.headers.get("set-cookie", ""))[:1])


def _sent(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())
