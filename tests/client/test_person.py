"""The person who signs in: how the way is chosen, what is shown, whose browser is opened, and that nothing is left."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
import webbrowser
from urllib.parse import parse_qs, urlsplit

import pytest

from client.callers import CALLERS
from traktauth import App, AppInvalid, AsyncTrakt, LoginRefused, LoginRequired, StoreFailed
from traktauth.client.drive import Driver
from traktauth.client.person import choose_way, has_browser, open_in_browser, print_step
from traktauth.flow.effects import Listening, Tell
from traktauth.flow.steps import EnterCode, OpenPage, PasteCode, StillWaiting
from traktauth.models.device import DeviceCode
from traktauth.stores.memory import MemoryStore

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
def test_a_browser_is_expected_where_somebody_sits_in_front_of_it(bare, environment, platform, browser):
    bare.setattr("sys.platform", platform)
    for name, value in environment.items():
        bare.setenv(name, value)
    assert has_browser() is browser
    assert choose_way(LOOPBACK) == ("browser" if browser else "device")


@pytest.mark.parametrize("redirect_uri", ["https://app.example/callback", "urn:ietf:wg:oauth:2.0:oob", "myapp://back"])
def test_an_address_that_does_not_lead_back_here_gets_the_device_code(bare, redirect_uri):
    bare.setenv("DISPLAY", ":0")
    assert choose_way(App("x", redirect_uri=redirect_uri)) == "device"


def test_a_browser_that_does_not_open_is_no_error(monkeypatch):
    for failure in (webbrowser.Error("none"), OSError("none")):

        def fail(_, failure=failure):
            raise failure

        monkeypatch.setattr(webbrowser, "open", fail)
        assert open_in_browser("http://x/") is False
    monkeypatch.setattr(webbrowser, "open", lambda url: url == "http://x/")
    assert open_in_browser("http://x/") is True


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
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(params=CALLERS)
def trakt(request, trakt_server, address):
    app = App("client-id", client_secret="secret-canary", redirect_uri=f"http://127.0.0.1:{free_port()}/callback")
    with CALLERS[request.param](app, service=trakt_server.base, store=address) as trakt:
        yield trakt


def visit(url, **parameters):
    """Come back from Trakt's page as a browser does."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    back = urlsplit(asked["redirect_uri"])
    answer = {"state": asked["state"], **parameters}
    connection = http.client.HTTPConnection(back.hostname, back.port, timeout=10)
    connection.request("GET", f"{back.path}?" + "&".join(f"{name}={value}" for name, value in answer.items()))
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def by_browser(trakt, **parameters):
    """Sign in; the page is opened by a prompt that comes back at once."""

    def prompt(step):
        if isinstance(step, OpenPage):
            threading.Thread(target=visit, args=(step.url,), kwargs=parameters).start()

    return trakt.login("browser", prompt=prompt, open_browser=False)


def test_a_sign_in_by_browser(trakt, trakt_server):
    token = by_browser(trakt, code="good-code")
    assert token.access_token in trakt_server.access
    assert trakt.token() == token


def test_a_browser_is_opened_beside_showing_the_address(trakt, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda url: visit(url, code="good-code"))
    shown = []
    trakt.login("browser", prompt=shown.append)
    assert isinstance(shown[0], OpenPage)


@pytest.mark.parametrize("iss", ["https://evil.example", "http://127.0.0.1:1"])
def test_a_foreign_issuer_ends_the_sign_in(trakt, trakt_server, iss):
    with pytest.raises(LoginRefused, match="Another server"):
        by_browser(trakt, code="good-code", iss=iss)
    with pytest.raises(LoginRequired):
        trakt.token()


def test_the_port_is_free_after_a_sign_in_whatever_came_of_it(trakt):
    with pytest.raises(LoginRefused):
        by_browser(trakt, error="access_denied")
    by_browser(trakt, code="good-code")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", int(trakt.setup.app.redirect_uri.split(":")[2].partition("/")[0])))


def test_a_sign_in_by_paste(trakt):
    assert trakt.login("paste", prompt=lambda _: " good-code \n").generation == 1


def test_a_pasted_address_must_be_of_this_sign_in(trakt):
    with pytest.raises(LoginRefused, match="another sign-in"):
        trakt.login("paste", prompt=lambda _: "http://127.0.0.1/callback?code=good-code&state=other")


def test_a_sign_in_by_device(trakt):
    shown = []
    assert trakt.login("device", prompt=shown.append).generation == 1
    assert shown[0].device.user_code == "ABCD1234"


def test_there_is_no_fourth_way(trakt):
    with pytest.raises(ValueError, match="browser, device, paste"):
        trakt.login("telepathy")


def test_a_browser_needs_an_address_that_leads_back(trakt_server):
    with (
        CALLERS["blocking"](App("x"), service=trakt_server.base, store="memory:") as trakt,
        pytest.raises(AppInvalid, match="does not lead back") as caught,
    ):
        trakt.login("browser")
    assert "--device" in caught.value.hint


@pytest.mark.parametrize("way", ["browser", "paste", "device"])
def test_a_store_that_cannot_keep_the_token_shows_before_anybody_signs_in(trakt_server, way):
    class Full(MemoryStore):
        def check(self):
            raise StoreFailed("full")

    shown = []
    with (
        CALLERS["blocking"](LOOPBACK, service=trakt_server.base, store=Full()) as trakt,
        pytest.raises(StoreFailed, match="full"),
    ):
        trakt.login(way, prompt=shown.append)
    assert shown == []


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
@pytest.mark.parametrize("effect", [Tell(StillWaiting(1.0)), Listening("http://127.0.0.1:1/", iter)])
def test_a_driver_without_a_person_says_what_it_cannot_do(effect):
    def flow():
        return (yield from effect)

    with pytest.raises(AssertionError, match=type(effect).__name__):
        Driver(None, lambda _: None).run(flow())
