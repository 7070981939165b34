"""Take pictures: the README's, of the sign-in page and of the command, and every page of the local Trakt.

The documents' are `control-page.png`, `sign-in.png`, `login.png`, `status.png`, `doctor.png`, `sandbox.png`, `lab.png`
and `explain.png` in `docs/`, each of the real thing: a page in Chromium, a command in a terminal. The pages, light and
dark, on a phone and on a desk, go to `artefacts/pages/`, which git ignores, one file for each page and look, beside
`index.html`, which shows them all.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT)]

from terminal import PROMPT, Terminal, page_of  # noqa: E402 - the tests' own tools, found by the line above

from support.chromium import chromium  # noqa: E402 - the same
from support.command import Command  # noqa: E402 - the same
from support.local import start_local_trakt  # noqa: E402 - the same
from support.page_list import walk  # noqa: E402 - the same
from traktauth.testing import LocalTrakt as Demo  # noqa: E402 - as above

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

    from support.local import LocalTrakt

DOCS = CHECKOUT / "docs"
PAGES = CHECKOUT / "artefacts" / "pages"
LOOKS = {
    "phone-light": (390, 720, "light"),
    "phone-dark": (390, 720, "dark"),
    "desk-light": (1280, 800, "light"),
    "desk-dark": (1280, 800, "dark"),
}


def main() -> None:
    """Take them all, or some: the README's (`readme`), the sandbox and the lab (`sandbox`), every page (`pages`)."""
    wanted = sys.argv[1:] or ["readme", "sandbox", "pages"]
    if not set(wanted) <= {"readme", "sandbox", "pages"}:
        sys.exit("usage: sh scripts/pictures [readme] [sandbox] [pages]")
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        servers: list[LocalTrakt] = []
        try:
            for profile in ("current", "classic"):
                home = Path(folder) / profile
                home.mkdir()
                servers.append(start_local_trakt(home, profile=profile))
            if "readme" in wanted:
                take_sign_in(browser)
                take_control_page(browser)
                take_command(browser, servers[0], Path(folder))
            if "sandbox" in wanted:
                take_sandbox(browser, Path(folder))
            if "pages" in wanted:
                take_pages(browser, *servers)
        finally:
            for server in servers:
                server.stop()


def take_sign_in(browser: Browser) -> None:
    """Take the sign-in page as a demo app leads to it, in the small window that it fits."""
    with Demo() as server:
        page = browser.new_page(viewport={"width": 760, "height": 640}, color_scheme="light")
        app = {"client_id": server.app.client_id, "redirect_uri": server.app.redirect_uri}
        page.goto(f"{server.url}/oauth/authorize?{urlencode({'response_type': 'code', **app})}")
        page.get_by_role("button", name="Sign in", exact=True).wait_for()
        save(page, "sign-in")
        page.context.close()


def take_control_page(browser: Browser) -> None:
    """Take the control page after a sign-in, a refresh and a replay."""
    with Demo() as server:
        tokens = server.sign_in("sean")
        for _ in range(2):
            exchange(server, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        page = browser.new_page(viewport={"width": 1100, "height": 800}, color_scheme="light")
        page.goto(f"{server.url}/_control")
        page.locator(".is-alarm").wait_for()
        page.screenshot(path=DOCS / "control-page.png", full_page=True)
        page.context.close()


def exchange(server: Demo, **members: str) -> None:
    """Send a token request as the demo app."""
    credentials = {"client_id": server.app.client_id, "client_secret": server.app.client_secret or ""}
    request = Request(f"{server.url}/oauth/token", urlencode({**credentials, **members}).encode())  # noqa: S310 - the local Trakt
    with suppress(HTTPError), urlopen(request):  # noqa: S310 - the local Trakt
        pass


def take_command(browser: Browser, trakt: LocalTrakt, folder: Path) -> None:
    """Take a device sign-in, the status of its login, and the doctor, in a terminal of 80 columns."""
    home = Path(tempfile.mkdtemp(prefix="home-"))
    try:
        take_commands(browser, trakt, home, folder / "tmux")
    finally:
        shutil.rmtree(home)


def take_commands(browser: Browser, trakt: LocalTrakt, home: Path, socket: Path) -> None:
    """Run the commands one after the other."""
    env = Command(trakt.base, trakt.app, home, store="file:").env
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with Terminal(socket, {**env, "PATH": path, "LC_ALL": "C.UTF-8"}, rows=32) as terminal:
        terminal.enter("traktauth login --device")
        shown = terminal.wait_for(r"\d:\d\d left")
        take(browser, terminal, "login")
        code = re.findall(r" ([A-Z0-9]{4})-?([A-Z0-9]{4})$", shown, re.MULTILINE)[0]
        trakt.device("".join(code))
        terminal.wait_for(r"Signed in")
        for command in ("status", "doctor"):
            run(terminal, f"traktauth {command}", rf"traktauth {command}\n[\s\S]*{PROMPT}")
            take(browser, terminal, command)


def run(terminal: Terminal, command: str, shown: str, *, seconds: float = 30.0) -> None:
    """Run a command on a cleared screen, which begins with the command, and wait for what it shows at its end."""
    terminal.enter("clear")
    terminal.wait_for(rf"\A{PROMPT}")
    terminal.enter(command)
    terminal.wait_for(shown, seconds)


PROGRAM = """\
import httpx2, json, os

token = json.load(open("token.json"))["access_token"]
headers = {"Authorization": f"Bearer {token}",
           "trakt-api-key": os.environ["TRAKT_CLIENT_ID"]}
user = httpx2.get("https://api.trakt.tv/users/settings", headers=headers)
print("Signed in as", user.json()["user"]["username"])
try:
    httpx2.get("https://example.com")
except httpx2.HTTPError as error:
    print("example.com:", error)
"""


ERROR = '400 {"error":"invalid_request","error_description":"session not found"}'


def take_sandbox(browser: Browser, folder: Path) -> None:
    """Take a program in the sandbox, what the lab says of traktauth itself, and an error that is explained."""
    home = Path(tempfile.mkdtemp(prefix="home-"))
    (home / "sync.py").write_text(PROGRAM, encoding="utf-8")
    env = {**os.environ, "HOME": str(home), "LC_ALL": "C.UTF-8", "ENV": ""}
    env["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    try:
        with Terminal(folder / "tmux", env, columns=100, rows=32) as terminal:
            terminal.enter(f"cd {home}")
            run(terminal, "cat sync.py", rf"example[\s\S]*{PROMPT}")
            terminal.enter("traktauth sandbox --show --tokens token:token.json -- python sync.py")
            terminal.wait_for(rf"Refused hosts[\s\S]*{PROMPT}")
            take(browser, terminal, "sandbox", width=1032)
            lab = "traktauth lab -- traktauth request GET /users/settings"
            run(terminal, lab, rf"keeps its login\n[\s\S]*{PROMPT}", seconds=300)
            take(browser, terminal, "lab", width=1032)
            run(terminal, f"traktauth explain '{ERROR}'", rf"https://github[\s\S]*{PROMPT}")
            take(browser, terminal, "explain", width=1032)
    finally:
        shutil.rmtree(home)


def take(browser: Browser, terminal: Terminal, name: str, *, width: int = 832) -> None:
    """Take what a terminal shows."""
    page = browser.new_page(viewport={"width": width, "height": 400})
    page.set_content(page_of(terminal.screen(coloured=True)))
    save(page.locator("main"), name)
    page.context.close()


def save(shown: Page | Locator, name: str) -> None:
    """Save a picture for the README."""
    place = DOCS / f"{name}.png"
    shown.screenshot(path=place)
    print(f"made {place.relative_to(CHECKOUT)}, {place.stat().st_size // 1024} kB")


def take_pages(browser: Browser, current: LocalTrakt, classic: LocalTrakt) -> None:
    """Take every page in every look."""
    PAGES.mkdir(parents=True, exist_ok=True)
    taken: dict[str, None] = {}
    for look, (width, height, colors) in LOOKS.items():
        for trakt in (current, classic):
            trakt.reset()
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if colors == "dark" else "light"
        )
        page = context.new_page()
        for name in walk(page, current, classic):
            page.screenshot(path=PAGES / f"{name}-{look}.png", full_page=True)
            taken[name] = None
        context.close()
    (PAGES / "index.html").write_text(index(list(taken)), encoding="utf-8")
    print(f"made {len(taken)} pages in {len(LOOKS)} looks: {(PAGES / 'index.html').relative_to(CHECKOUT)}")


def index(names: list[str]) -> str:
    """Give a page that shows all pictures, a row for each page."""
    rows = [
        f"<h2>{escape(name)}</h2><p>"
        + "".join(f'<img src="{name}-{look}.png" alt="{look}">' for look in LOOKS)
        + "</p>"
        for name in names
    ]
    style = "<style>body{font:1rem sans-serif}img{max-height:30rem;margin:.25rem;border:1px solid #888}</style>"
    return f"<!doctype html><meta charset=utf-8><title>Pages</title>{style}{''.join(rows)}"


if __name__ == "__main__":
    main()
