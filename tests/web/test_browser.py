"""Each application in `examples/web/` in Chromium, signing in at the local Trakt's own pages."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, nullcontext

import pytest
from playwright.sync_api import expect

from support.chromium import violations
from support.engines import CHECKOUT
from support.process import Server, free_port
from support.web_example import EXAMPLES, RUN, WebExample

pytestmark = pytest.mark.slow
PASSWORD = "correct horse battery"


# FastAPI's routes are Starlette's; its pages are shown by the last test, and test_examples.py does the rest
@pytest.fixture(scope="module", params=[name for name in EXAMPLES if name != "fastapi"])
def running(request, _web_trakt, tmp_path_factory):
    _web_trakt.reset()
    folder = tmp_path_factory.mktemp(request.param)
    app = WebExample(EXAMPLES[request.param], _web_trakt, folder, store=f"sqlite:{folder}/logins.db")
    yield app
    app.stop()


@pytest.fixture
def profiles(browser):
    """Open browsers with nothing in them: `profiles()`; no page may complain or load from elsewhere."""
    foreign, complaints = [], []
    with ExitStack() as until_the_end:

        def opened(width=None):
            phone = {"viewport": {"width": width, "height": 720}, "is_mobile": True} if width else {}
            context = browser.new_context(**phone)
            until_the_end.callback(context.close)
            context.set_default_timeout(20_000)
            context.on("request", lambda request: foreign.append(request.url) if not is_local(request.url) else None)
            context.on("weberror", lambda error: complaints.append(str(error.error)))
            return context

        yield opened
    assert foreign == []
    assert complaints == []


def is_local(url):
    return url.startswith(("http://127.0.0.1:", "data:"))


def begin(app, page):
    """Go from the start page to Trakt's."""
    page.goto(app.bases[0] + "/")
    page.get_by_text("Sign in with Trakt").click()
    page.wait_for_url(f"{app.trakt.url}/**")


def decide(app, page, button="Allow", *, ends_elsewhere=True):
    """Sign in at Trakt if it asks for that, and press a button of the consent page if it is shown."""
    if page.get_by_label("Password").count():
        page.get_by_label("User name").fill("sean")
        page.get_by_label("Password").fill(PASSWORD)
        with page.expect_navigation():
            page.get_by_role("button", name="Sign in", exact=True).click()
    if page.url.startswith(app.trakt.url):
        with page.expect_navigation() if ends_elsewhere else nullcontext():
            page.get_by_role("button", name=button, exact=True).click()


def is_signed_in(app, page):
    """Look at the start page, which redirects no browser to Trakt."""
    page.goto(app.bases[0] + "/")
    return page.get_by_text("Sign in with Trakt").count() == 0


def test_a_user_signs_in_sees_their_list_and_signs_out(app, profiles):
    page = profiles().new_page()
    begin(app, page)
    decide(app, page)
    page.wait_for_url("**/history")
    expect(page.get_by_text("Signed in as sean")).to_be_visible()
    expect(page.get_by_role("listitem").first).to_be_visible()
    with page.expect_navigation():
        page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(app.bases[0] + "/")
    assert not is_signed_in(app, page)


def test_axe_finds_no_fault_and_a_phone_shows_the_text_at_its_size(app, profiles):
    page = profiles(width=390).new_page()
    page.goto(app.bases[0] + "/")
    faults = {"home": (violations(page), page.evaluate("innerWidth"))}
    begin(app, page)
    decide(app, page)
    page.wait_for_url("**/history")
    faults["history"] = violations(page), page.evaluate("innerWidth")
    assert faults == {"home": ([], 390), "history": ([], 390)}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_one_command_of_its_page_starts_an_example_with_a_local_trakt(profiles, tmp_path, monkeypatch, name):
    pages = "".join(path.read_text() for path in (CHECKOUT / "docs" / "web").glob("*.md"))
    assert f"started by `python {RUN.relative_to(CHECKOUT)} {name}`" in pages
    for variable in [*filter(lambda variable: variable.startswith("TRAKTAUTH_"), os.environ), "DATABASE"]:
        monkeypatch.delenv(variable, raising=False)
    port = free_port()
    env = {"PORT": str(port), "TMPDIR": str(tmp_path)}
    server = Server([sys.executable, str(RUN), name], port=port, log=tmp_path / "log", env=env).wait_until_ready()
    try:
        page = profiles().new_page()
        page.goto(server.base)
        page.get_by_text("Sign in with Trakt").click()
        page.get_by_label("User name").fill("sean")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("button", name="Allow", exact=True).click()
        page.wait_for_url(f"{server.base}/history")
        expect(page.get_by_text("TRON: Legacy")).to_be_visible()
    finally:
        server.stop()
