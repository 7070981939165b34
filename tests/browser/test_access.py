"""Every page of the local Trakt, for users who see little, has a small screen, or uses the keyboard alone."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from support.chromium import violations
from support.local import OOB
from support.page_list import walk
from support.wire import call
from traktauth.testing import LocalTrakt

LOOKS = [(320, False, True), (390, True, False), (1280, False, False), (1280, True, True)]  # width, dark, with axe
# In the order in which the keyboard comes to them. Counted anew at each look, as the live page replaces its rows.
STOPS = """
() => [...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, summary, textarea, [tabindex="0"]')]
"""
REACHED = f"() => ({STOPS})().map((_element, at) => at + 1)"
FOCUSED = f"""
() => {{
    const at = document.activeElement, look = getComputedStyle(at);
    return [({STOPS})().indexOf(at) + 1, at.matches(':focus-visible') && look.outlineStyle !== 'none'];
}}
"""
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
MARGINS = """
() => {
    const box = document.querySelector('.ticket').getBoundingClientRect();
    return [box.left, document.documentElement.clientWidth - box.right].map(margin => Math.round(margin * 10) / 10);
}
"""


@pytest.fixture
def servers(local_trakt):
    return local_trakt("current"), local_trakt("classic")


def tabbed(page):
    """Say what the Tab key comes to, from the page's top, and what of it does not show that it has the focus."""
    wanted = page.evaluate(REACHED)
    page.evaluate("() => { document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0); }")
    page.evaluate("() => { document.body.tabIndex = -1; document.body.focus(); }")
    came, unseen = [], []
    for _ in wanted:
        page.keyboard.press("Tab")
        order, seen = page.evaluate(FOCUSED)
        came.append(order)
        if not seen:
            unseen.append(order)
    return wanted, came, unseen


def test_axe_finds_no_fault_with_any_page_and_every_page_fits_with_even_margins(servers, visit):
    page = visit(width=320, height=700)
    faults, misfits, pages = {}, {}, []
    for name in walk(page, *servers):
        pages.append(name)
        for width, dark, runs_axe in LOOKS:
            page.set_viewport_size({"width": width, "height": 700})
            page.emulate_media(color_scheme="dark" if dark else "light")
            if runs_axe and (found := violations(page)):
                faults[name, width, dark] = found
            left, right = page.evaluate(MARGINS)
            if left != right or not page.evaluate(FITS):
                misfits[name, width, dark] = left, right
    assert len(pages) > 25
    assert faults == {}
    assert misfits == {}


def test_an_unknown_code_is_called_so_and_leads_back_to_where_codes_are_typed(servers, visit):
    page = visit()
    for name in walk(page, *servers):
        if name == "activate-unknown":
            break
    assert "Expired" not in page.locator(".eyebrow").inner_text()
    page.get_by_role("link", name="Type another code").click()
    expect(page.get_by_label("The code on your device")).to_be_focused()


def test_the_keyboard_comes_to_everything_in_order_and_shows_where_it_is(servers, visit):
    page = visit()
    faults = {}
    for name in walk(page, *servers):
        wanted, came, unseen = tabbed(page)
        if came != wanted or unseen:
            faults[name] = (wanted, came, unseen)
    assert faults == {}


def test_the_look_finds_fault_where_there_is_some(visit):
    page = visit()
    page.set_content("<html lang=en><title>x</title><main><h1>x</h1><button></button><div tabindex=3>x</div></main>")
    assert {fault.partition(":")[0] for fault in violations(page)} >= {"button-name", "tabindex"}


def test_what_is_to_be_copied_is_copied_by_a_button(servers, visit):
    page = visit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for name in walk(page, *servers):
        if name == "code":
            break
    code = page.locator("code#code").inner_text()
    button, shown = (
        where.bounding_box() for where in (page.get_by_role("button", name="Copy the code"), page.locator("p.code"))
    )
    assert abs(button["x"] + button["width"] / 2 - shown["x"] - shown["width"] / 2) < 2  # below the middle of the code
    page.get_by_role("button", name="Copy the code").click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == code


def test_without_scripts_there_is_no_button_that_does_nothing(servers, visit):
    page = visit(javascript=False)
    page.goto(servers[0].base)
    assert page.get_by_text("export TRAKTAUTH_SERVICE").is_visible()
    assert page.get_by_role("button", name="Copy").count() == 0


def test_the_first_field_with_a_fault_has_the_focus(servers, visit):
    page = visit()
    faulty = {
        "sign-in-fault": "Password",
        "sign-up-fault": "User name",
        "your-apps-fault": "Redirect addresses",
        "app-fault": "Redirect addresses",
    }
    for name in walk(page, *servers):
        if name in faulty:
            expect(page.get_by_label(faulty[name])).to_be_focused()
            assert page.get_by_role("alert").is_visible()


def test_a_field_that_is_empty_does_not_prevent_deleting(servers, visit):
    page = visit()
    for name in walk(page, *servers):
        if name == "app":
            page.get_by_label("Redirect addresses").fill("")
            page.get_by_role("button", name="Delete", exact=True).click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("Delete A television")
            page.get_by_role("button", name="Delete", exact=True).click()
            expect(page.get_by_role("status")).to_have_text("Deleted.")
            break


@pytest.mark.parametrize("width", [320, 1280])
def test_names_of_one_long_word_fit_on_every_page(visit, person, width):
    user, app = {"username": "W" * 30, "password": "correct horse battery"}, "M" * 60
    page, misfits = visit(width=width), []

    def look(name):
        if not page.evaluate(FITS):
            misfits.append(name)

    with LocalTrakt(seed={"users": [user]}) as trakt:
        page.goto(f"{trakt.url}/sign-in?next=your-apps")
        page.get_by_label("User name").fill(user["username"])
        page.get_by_label("Password").fill(user["password"])
        person.press(page, "Sign in")
        page.get_by_label("Name").fill(app)
        page.get_by_label("Redirect addresses").fill(OOB)
        person.press(page, "Register")
        look("app")
        asked = {"client_id": page.locator("#client_id").inner_text(), "redirect_uri": OOB, "response_type": "code"}
        for button in ("New secret", "Delete"):
            person.press(page, button)
            look(button)
            person.press(page, "Cancel")
        for path in ("/", "/your-apps", "/sign-in", "/oauth/authorize?response_type=code"):
            page.goto(f"{trakt.url}{path}")
            look(path)
        page.goto(f"{trakt.url}/sign-in?{urlencode(asked)}")
        look("sign in for the app")
        page.goto(f"{trakt.url}/oauth/authorize?{urlencode(asked)}")
        look("consent")
        person.press(page, "Allow")
        device = call(trakt.url, "POST", "/oauth/device/code", body={"client_id": asked["client_id"]}).json()
        page.goto(f"{trakt.url}/activate/{device['user_code']}")
        look("confirm")
        trakt.sign_in(user["username"], client_id=asked["client_id"])
        page.goto(f"{trakt.url}/connected-apps")
        look("connected")
        person.press(page, f"Revoke {app}")
        look("revoke")
        page.goto(f"{trakt.url}/_control")
        look("control page")
    assert misfits == []
