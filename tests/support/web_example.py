"""The applications in `examples/web/`, as processes, and users of them without a browser."""

from __future__ import annotations

import html
import json
import os
import re
import ssl
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import httpx2

from .engines import CHECKOUT
from .process import Server, free_port

if TYPE_CHECKING:
    from pathlib import Path

    from traktauth.testing import LocalTrakt


NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # to load the usual ones costs more than a sign-in
RUN = CHECKOUT / "examples" / "web" / "run.py"


@dataclass(frozen=True)
class Example:
    """What differs between the examples."""

    name: str
    callback: str = "/trakt/callback"
    login: str = "/trakt/login"
    begins_by_form: bool = False
    is_ours: bool = True  # whether traktauth checks the state and shows the error page


ALL = (
    Example("starlette"),
    Example("fastapi"),
    Example("flask"),
    Example("django"),
    Example("allauth", "/accounts/trakt/login/callback/", "/accounts/trakt/login/", begins_by_form=True, is_ours=False),
    Example("social", "/complete/trakt/", "/login/trakt/", begins_by_form=True, is_ours=False),
    Example("authlib"),
)
EXAMPLES = {example.name: example for example in ALL}


class WebExample:
    """A running example: one process for each port, all with one store and one redirect address.

    Args:
        example: which.
        trakt: where it signs users in.
        folder: for its database and logs.
        store: of its logins.
        workers: how many processes.
    """

    def __init__(self, example: Example, trakt: LocalTrakt, folder: Path, *, store: str, workers: int = 1) -> None:
        self.example, self.trakt, self.folder = example, trakt, folder
        ports = [free_port() for _ in range(workers)]
        self.bases: list[str] = []
        self.callback = f"http://127.0.0.1:{ports[-1]}{example.callback}"
        env = {
            "TRAKTAUTH_CLIENT_ID": trakt.app.client_id,
            "TRAKTAUTH_CLIENT_SECRET": trakt.app.client_secret or "",
            "TRAKTAUTH_REDIRECT_URI": self.callback,
            "TRAKTAUTH_SERVICE": trakt.url,
            "TRAKTAUTH_STORE": store,
            "SECRET_KEY": "example-key " * 4,
            "DATABASE": str(folder / "example.db"),
            "PYTHONWARNINGS": "default",
        }
        self.servers: list[Server] = []
        command = [sys.executable, str(RUN), example.name]
        try:
            for port in ports:
                self.bases.append(f"http://127.0.0.1:{port}")
                log = folder / f"worker-{port}.log"
                self.servers.append(Server(command, port=port, log=log, env={**env, "PORT": str(port)}))
                self.servers[0].wait_until_ready()  # it makes the tables
            for server in self.servers:
                server.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        for server in self.servers:
            server.stop()

    def logs(self) -> str:
        return "".join(server.log.read_text() for server in self.servers)

    def user(self, name: str = "sean") -> WebUser:
        """Open another browser."""
        return WebUser(self, name)


class WebUser:
    """A user with a browser without scripts: it follows links, sends forms and keeps cookies."""

    def __init__(self, app: WebExample, name: str) -> None:
        self.app, self.name = app, name
        self.http = httpx2.Client(follow_redirects=False, trust_env=False, timeout=60, verify=NO_CERTIFICATES)
        self.http.headers["Accept"] = "text/html"
        self.pages: list[str] = []  # every body that was shown

    def get(self, path: str, worker: int = 0) -> httpx2.Response:
        return self._note(self.http.get(urljoin(self.app.bases[worker], path)))

    def begin(self, path: str = "", worker: int = 0) -> str:
        """Press "Sign in with Trakt" (or open *path*), and return the address of Trakt's page."""
        answer = self.get(path or "/", worker)
        if not path:
            answer = self.press(answer, "Sign in with Trakt")
        while not answer.headers.get("location", "").startswith(self.app.trakt.url):
            assert answer.is_redirect, (answer.status_code, answer.text[:2000], self.app.logs()[-3000:])
            answer = self._note(self.http.get(urljoin(str(answer.url), answer.headers["location"])))
        return answer.headers["location"]

    def begin_with(self, following: str) -> httpx2.Response:
        """Begin a sign-in that is to end at another address."""
        path = f"{self.app.example.login}?next={following}"
        if not self.app.example.begins_by_form:
            return self.get(path)
        page = self.get("/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token
        return self._note(self.http.post(urljoin(self.app.bases[0], path), data={"csrfmiddlewaretoken": token[1]}))

    def press(self, page: httpx2.Response, label: str) -> httpx2.Response:
        """Follow the link, or send the form, with this label."""
        for attributes, inside in re.findall(r"<form([^>]*)>(.*?)</form>", page.text, re.DOTALL):
            if label in inside:
                action = re.search(r'action="([^"]*)"', attributes)
                fields = dict(re.findall(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"', inside))
                url = urljoin(str(page.url), html.unescape(action[1]) if action else "")
                origin = "/".join(url.split("/")[:3])
                return self._note(self.http.post(url, data=fields, headers={"Origin": origin, "Referer": url}))
        link = re.search(rf'<a [^>]*href="([^"]+)"[^>]*>\s*{label}', page.text)
        assert link, (label, page.status_code, page.text[:2000])
        return self._note(self.http.get(urljoin(str(page.url), html.unescape(link[1]))))

    def land(self, url: str, decision: str = "approve") -> httpx2.Response:
        """Decide on Trakt's page, and open the callback."""
        return self._note(self.http.get(self.app.trakt.browse(url, username=self.name, decision=decision)))

    def sign_in(self) -> httpx2.Response:
        """Sign in, and return the page where the browser ends."""
        answer = self.land(self.begin())
        while answer.is_redirect:
            answer = self._note(self.http.get(urljoin(str(answer.url), answer.headers["location"])))
        return answer

    def close(self) -> None:
        self.http.close()

    def _note(self, answer: httpx2.Response) -> httpx2.Response:
        self.pages.append(answer.text)
        return answer


def cookies_of(user: WebUser) -> dict[str, Any]:
    """Return the cookies of a user's browser by name."""
    return {cookie.name: cookie.value for cookie in user.http.cookies.jar}


def run_in_project(name: str, program: str, folder: Path) -> dict[str, Any]:
    """Run a program with an example's folder, the tests' and one of its own as arguments; return the JSON it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, str(RUN.parent / name), str(CHECKOUT / "tests"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("TRAKTAUTH_")},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1]) | {"log": done.stderr}
