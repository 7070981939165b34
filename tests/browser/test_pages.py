"""The local Trakt's pages in Chromium, between an app that asks and the login that it ends with."""

from __future__ import annotations

import json
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace
from urllib.parse import quote, urlencode

import pytest

from support.chromium import picture
from support.command import finish, step
from support.local import OOB


def begin(command, page, *words):
    """Start a sign-in by the command, and open the page that it names."""
    process = command.start("login", "--browser", "--no-open", "--json", *words)
    page.goto(step(process)["url"])
    return process


def heading(page):
    return page.get_by_role("heading", level=1).inner_text()


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_a_browser_sign_in_from_the_command_to_its_token(trakt, command, visit, person, javascript):
    page = visit(javascript=javascript)
    process = begin(command, page)
    picture(page, "sign-in")
    person.sign_in(page)
    assert trakt.app.name in heading(page)
    picture(page, "consent")
    person.press(page, "Allow")
    page.wait_for_url("http://127.0.0.1:*/callback*")
    picture(page, "signed-in")
    assert json.loads(finish(process).splitlines()[-1])["step"] == "done"
    assert trakt.alive(command("token").out.strip())


def test_out_of_band_the_code_is_shown_to_be_pasted(trakt, visit, person, command_line):
    app = SimpleNamespace(client_id=trakt.app.client_id, client_secret=trakt.app.client_secret, redirect_uri=OOB)
    command = command_line(trakt.base, app)
    process = command.start("login", "--paste", "--json")
    page = visit()
    page.goto(step(process)["url"])
    person.sign_in(page)
    person.press(page, "Allow")
    picture(page, "code")
    finish(process, page.locator("code#code").inner_text() + "\n")
    assert trakt.alive(command("token").out.strip())


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_a_device_is_activated_by_typing_its_code(trakt, command, visit, person, javascript):
    process = command.start("login", "--device", "--json")
    code = step(process)["user_code"]
    page = visit(javascript=javascript)
    page.goto(trakt.base + "/activate")
    person.sign_in_if_asked(page)
    picture(page, "activate")
    page.get_by_label("The code on your device").fill(f"{code[:4]}-{code[4:]}".lower())
    person.press(page, "Continue")
    person.sign_in_if_asked(page)
    picture(page, "activate-confirm")
    person.press(page, "It is my device")
    picture(page, "activated")
    finish(process)
    assert trakt.alive(command("token").out.strip())


class OnIpv6(HTTPServer):
    address_family = socket.AF_INET6


class Landed(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204 if self.path == "/favicon.ico" else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Keep quiet."""


@pytest.fixture
def ipv6_app():
    """An app's own server on `[::1]`: its address."""
    try:
        server = OnIpv6(("::1", 0), Landed)
    except OSError as error:
        pytest.skip(f"no IPv6 on loopback: {error}")
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://[::1]:{server.server_port}/callback"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_app_on_an_ipv6_loopback_address_gets_its_answer(trakt, visit, person, ipv6_app):
    page = visit()
    page.goto(f"{trakt.base}/sign-in?next=your-apps")
    person.sign_in(page)
    page.get_by_label("Name").fill("On IPv6")
    page.get_by_label("Redirect addresses").fill(ipv6_app)
    person.press(page, "Register")
    client_id = page.locator("#client_id").inner_text()
    page.goto(f"{trakt.base}/oauth/authorize?response_type=code&client_id={client_id}&redirect_uri={quote(ipv6_app)}")
    assert "[::1]:" in page.locator("main").inner_text()
    person.press(page, "Allow")
    assert page.url.startswith(f"{ipv6_app}?code=")


def box(locator):
    return locator.bounding_box()


@pytest.mark.parametrize("trakt", ["current"], indirect=True)
def test_the_parts_of_an_apps_page_are_aligned_on_a_phone(trakt, visit, person):
    page = visit(width=390, height=720)
    page.goto(f"{trakt.base}/sign-in?next=your-apps")
    person.sign_in(page)
    page.goto(f"{trakt.base}/your-apps/{trakt.app.client_id}")
    copy = page.get_by_role("button", name="Copy the client id", exact=True)
    assert box(copy)["x"] == box(page.locator("[data-copy='client id']"))["x"], "it is below the id, which fills a line"
    text, button = box(page.locator("p.hint")), box(page.get_by_role("button", name="Show the secret"))
    assert button["y"] - (text["y"] + text["height"]) >= 16
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("trakt", ["current"], indirect=True)
def test_the_sign_of_a_connected_app_is_beside_its_name(trakt, visit, person):
    app = {"client_id": trakt.app.client_id, "redirect_uri": OOB}
    page = visit(width=390, height=720)
    page.goto(f"{trakt.base}/oauth/authorize?response_type=code&{urlencode(app)}")
    person.sign_in(page)
    person.press(page, "Allow")
    page.goto(f"{trakt.base}/connected-apps")
    assert abs(box(page.locator(".apps .monogram"))["y"] - box(page.locator(".apps h2"))["y"]) < 8
