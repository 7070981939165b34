"""The person who signs in: how the way is chosen, what is shown, whose browser is opened, and that nothing is left."""

from __future__ import annotations

import asyncio
import json
import queue
import socket
import sys
import threading
import time
import webbrowser
from urllib.parse import parse_qs, urlsplit

import pytest

from client.callers import CALLERS
from support.process import free_port
from support.wire import call
from traktauth import App, AppInvalid, AsyncTrakt, LoginRefused, Trakt
from traktauth.client.login.method import choose_login_method, has_browser, open_in_browser
from traktauth.client.login.ui import print_step
from traktauth.models.token import DeviceCode
from traktauth.steps import EnterCode, OpenPage, PasteCode, StillWaiting

LOOPBACK = App("x", redirect_uri="http://127.0.0.1:9876/callback")


@pytest.fixture
def bare(monkeypatch):
    for name in ("BROWSER", "SSH_CONNECTION", "SSH_TTY", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    return monkeypatch


@pytest.mark.parametrize(
    ("environment", "platform", "browser"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "1.2.3.4"}, "linux", False),
        ({"DISPLAY": ":10", "SSH_TTY": "/dev/pts/1"}, "linux", False),
        ({"BROWSER": "firefox", "SSH_CONNECTION": "1.2.3.4"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
        ({"SSH_CONNECTION": "1.2.3.4"}, "darwin", False),
    ],
)
def test_a_browser_is_expected_if_a_user_sits_in_front_of_it(bare, environment, platform, browser):
    bare.setattr("sys.platform", platform)
    for name, value in environment.items():
        bare.setenv(name, value)
    assert has_browser() is browser
    assert choose_login_method(LOOPBACK) == ("browser" if browser else "device")


@pytest.mark.parametrize("redirect_uri", ["https://app.example/callback", "urn:ietf:wg:oauth:2.0:oob", "myapp://back"])
def test_an_address_that_does_not_lead_back_here_gets_the_device_code(bare, redirect_uri):
    bare.setenv("DISPLAY", ":0")
    assert choose_login_method(App("x", redirect_uri=redirect_uri)) == "device"


def browser_that_runs(folder, source):
    """A value of BROWSER that runs a program with the address in `sys.argv[1]`."""
    script = folder / "browser.py"
    script.write_text(source)
    return f"{sys.executable} {script} %s"


def test_a_browser_that_does_not_open_is_no_error(bare, tmp_path):
    bare.setenv("PATH", str(tmp_path))  # no browser of this machine
    for browser in ("/nonexistent/firefox", browser_that_runs(tmp_path, "raise SystemExit(3)")):
        bare.setenv("BROWSER", browser)
        assert open_in_browser("http://x/") is False
    bare.setenv("BROWSER", browser_that_runs(tmp_path, "import sys\nassert sys.argv[1] == 'http://x/'"))
    assert open_in_browser("http://x/") is True


def visit_once(condition):
    """Return a prompt whose user comes back from Trakt's page once a condition is true."""

    def come_back(url):
        until = time.monotonic() + 120
        while not condition() and time.monotonic() < until:
            time.sleep(0.05)
        visit(url, code="good-code")

    def prompt(step):
        if isinstance(step, OpenPage):
            threading.Thread(target=come_back, args=(step.url,)).start()

    return prompt


def test_a_browser_that_does_not_open_is_reported(bare, tmp_path, trakt_server, caplog):
    bare.setenv("PATH", str(tmp_path))
    bare.setenv("BROWSER", "/nonexistent/firefox")
    app = App("x", redirect_uri=f"http://127.0.0.1:{free_port()}/callback")
    prompt = visit_once(lambda: "No browser could be opened" in caplog.text)
    with CALLERS["blocking"](app, service=trakt_server.base, store="memory:") as trakt:
        trakt.login("browser", prompt=prompt)
    assert "No browser could be opened; open the address above yourself" in caplog.text


def test_the_browser_has_none_of_our_settings_and_no_state_in_its_arguments(bare, tmp_path, trakt_server):
    """A browser may run for weeks; every user of the machine can read its arguments."""
    bare.setenv("TRAKTAUTH_CLIENT_SECRET", "canary")
    bare.setenv("TRAKTAUTH_SEAL_KEY", "canary")
    bare.setenv("OTHER", "kept")
    seen = tmp_path / "seen.json"
    bare.setenv(
        "BROWSER",
        browser_that_runs(
            tmp_path,
            f"""
import json, os, pathlib, sys
pathlib.Path({str(seen)!r} + ".new").write_text(json.dumps([sys.argv[1], dict(os.environ)]))
os.rename({str(seen)!r} + ".new", {str(seen)!r})
""",
        ),
    )
    app = App("x", redirect_uri=f"http://127.0.0.1:{free_port()}/callback")
    prompt = visit_once(seen.exists)
    with CALLERS["blocking"](app, service=trakt_server.base, store="memory:") as trakt:
        trakt.login("browser", prompt=prompt)
    opened, environ = json.loads(seen.read_text())
    assert opened.startswith("http://127.0.0.1:")
    assert "state" not in opened
    assert environ["OTHER"] == "kept"
    assert [name for name in environ if name.startswith("TRAKTAUTH_")] == []


def test_each_step_is_shown_on_stderr(capsys, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda: "pasted")
    device = DeviceCode("canary", "ABCD1234", "https://trakt.tv/activate", 600, 5)
    assert print_step(OpenPage("https://page/1")) is None
    assert print_step(EnterCode(device)) is None
    assert print_step(StillWaiting(5.0)) is None
    assert print_step(PasteCode("https://page/2")) == "pasted"
    shown = capsys.readouterr()
    assert shown.out == ""
    for text in ("https://page/1", "ABCD1234", "https://trakt.tv/activate/ABCD1234", "https://page/2"):
        assert text in shown.err
    assert "canary" not in shown.err


# ---------------------------------------------------------------- whole sign-ins
@pytest.fixture(params=CALLERS)
def trakt(request, trakt_server, address):
    app = App("client-id", client_secret="secret-canary", redirect_uri=f"http://127.0.0.1:{free_port()}/callback")
    with CALLERS[request.param](app, service=trakt_server.base, store=address) as trakt:
        yield trakt


def visit(url, pages=None, **parameters):
    """Come back from Trakt's page as a browser does."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    back = urlsplit(asked["redirect_uri"])
    answer = {"state": asked["state"], **parameters}
    query = "&".join(f"{name}={value}" for name, value in answer.items())
    page = call(asked["redirect_uri"], "GET", f"{back.path}?{query}").text
    if pages is not None:
        pages.put(page)


def test_a_sign_in_that_fails_is_reported_in_the_browser_too(trakt):
    pages = queue.SimpleQueue()
    with pytest.raises(LoginRefused):
        by_browser(trakt, pages, code="bad-code")
    page = pages.get(timeout=60)
    assert "Not signed in" in page
    assert "the code or token is wrong, used or expired" in page
    assert "on the command line: traktauth login" in page
    assert ".." not in page
    with pytest.raises(LoginRefused):
        by_browser(trakt, pages, error="access_denied")
    assert "Not signed in" in pages.get(timeout=60)


def by_browser(trakt, pages=None, **parameters):
    """Sign in; the page is opened by a prompt that comes back at once."""
    shown = queue.SimpleQueue() if pages is None else pages

    def prompt(step):
        if isinstance(step, OpenPage):
            threading.Thread(target=visit, args=(step.url, shown), kwargs=parameters).start()

    return trakt.login("browser", prompt=prompt, open_browser=False)


def test_a_sign_in_by_browser(trakt, trakt_server):
    pages = queue.SimpleQueue()
    token = by_browser(trakt, pages, code="good-code")
    assert "You are signed in" in pages.get(timeout=60)
    assert token.access_token in trakt_server.access
    assert trakt.token() == token


def test_a_sign_in_by_paste(trakt):
    assert trakt.login("paste", prompt=lambda _: " good-code \n").generation == 1


def test_a_sign_in_by_device(trakt):
    shown = []
    assert trakt.login("device", prompt=shown.append).generation == 1
    assert shown[0].device.user_code == "ABCD1234"


def test_an_unknown_login_method_is_refused(trakt):
    with pytest.raises(ValueError, match="browser, device, paste"):
        trakt.login("telepathy")


def test_a_browser_needs_an_address_that_leads_back(trakt_server):
    with (
        CALLERS["blocking"](App("x"), service=trakt_server.base, store="memory:") as trakt,
        pytest.raises(AppInvalid, match="does not lead back") as caught,
    ):
        trakt.login("browser")
    assert "method device" in caught.value.hint


def test_a_cancelled_sign_in_frees_the_port(trakt_server):
    port = free_port()
    app = App("x", redirect_uri=f"http://127.0.0.1:{port}/callback")

    async def give_up():
        async with AsyncTrakt(app, service=trakt_server.base, store="memory:") as trakt:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(trakt.login("browser", prompt=lambda _: None, open_browser=False), 0.1)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))

    asyncio.run(give_up())


# ---------------------------------------------------------------- drivers without a person, or a store
def test_a_program_packed_into_one_file_opens_the_browser_itself(monkeypatch):
    opened = []
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    assert open_in_browser("http://127.0.0.1:1/start/x")
    assert opened == ["http://127.0.0.1:1/start/x"]

    def fails(url):
        raise webbrowser.Error("no browser")

    monkeypatch.setattr(webbrowser, "open", fails)
    assert not open_in_browser("http://127.0.0.1:1/start/x")


def test_a_browser_is_not_opened_if_the_interpreter_cannot_be_started(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert not open_in_browser("http://127.0.0.1:1/start/x")


def test_a_paste_that_was_wrong_is_asked_for_again_with_the_reason(capsys, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda: "a-code")
    assert (
        print_step(PasteCode("https://x/", redirect_uri="http://127.0.0.1:1/", problem="That is another address"))
        == "a-code"
    )
    assert "That is another address. Paste the code" in capsys.readouterr().err


def test_a_code_to_resume_belongs_to_the_device_sign_in():
    device = DeviceCode("d", "U", "https://x/activate", 600, 5)
    with Trakt(App("client-id"), store="memory:") as trakt, pytest.raises(ValueError, match="device is the code"):
        trakt.login("paste", device=device)
