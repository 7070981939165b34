"""A person with Chromium at the local Trakt. Whatever they do, no page may complain or talk to another host."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from support.local import USER


@pytest.fixture(params=["current", "classic"])
def trakt(request, local_trakt):
    return local_trakt(request.param)


@pytest.fixture
def visit(browser):
    """Open a page in a fresh profile: `visit(javascript=False, width=320, dark=True)`."""
    contexts, foreign, complaints = [], [], []

    def note_request(request):
        if not request.url.startswith(("http://127.0.0.1:", "http://[::1]:", "http://localhost:", "data:")):
            foreign.append(request.url)

    def note_response(response):
        if response.status >= 400 and response.request.resource_type != "document":
            complaints.append(f"{response.status} for {response.url}")

    def note_message(message):  # that a page's own status is an error is said by the page
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            complaints.append(message.text)

    def visit(*, javascript=True, width=1100, height=800, dark=False):
        context = browser.new_context(
            java_script_enabled=javascript,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("request", note_request)
        page.on("response", note_response)
        page.on("console", note_message)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield visit
    for context in contexts:
        context.close()
    assert foreign == []
    assert complaints == []


@pytest.fixture
def command(trakt, command_line):
    return command_line(trakt.base, trakt.app)


@pytest.fixture
def person():
    """What a person does on a page, by what the page says; each press waits for the page that it leads to."""

    def press(page, name):
        with page.expect_navigation(wait_until="load"):
            page.get_by_role("button", name=name, exact=True).click()

    def sign_in(page, password=USER["password"]):
        page.get_by_label("User name").fill(USER["username"])
        page.get_by_label("Password").fill(password)
        press(page, "Sign in")

    def sign_in_if_asked(page):
        if page.get_by_label("Password").count():
            sign_in(page)

    return SimpleNamespace(sign_in=sign_in, sign_in_if_asked=sign_in_if_asked, press=press)
