"""Every page of the local Trakt, one after the other, as a person comes to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .local import APP, OOB, USER
from .wire import call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from .local import LocalTrakt

ASKED = f"response_type=code&client_id={APP.client_id}&redirect_uri={OOB}"
FAR_AWAY = "https://elsewhere.example.test/"


def press(page: Page, name: str) -> None:
    """Press a button, and wait for the page that it leads to."""
    with page.expect_navigation(wait_until="load"):
        page.get_by_role("button", name=name, exact=True).click()


def sign_in(page: Page, password: str = USER["password"]) -> None:
    page.get_by_label("User name").fill(USER["username"])
    page.get_by_label("Password").fill(password)
    press(page, "Sign in")


def walk(page: Page, current: LocalTrakt, classic: LocalTrakt) -> Iterator[str]:
    """Go from page to page; yield the name of each while it is shown. Both servers have been reset."""
    for trakt in (current, classic):
        trakt.control("POST", "revoke-consent", {"client_id": APP.client_id})
    yield from _strangers(page, current)
    yield from _asked(page, current)
    yield from _devices(page, current)
    yield from _apps(page, current)
    yield from _timeline(page, current)
    yield from _posted(page, classic)


def _strangers(page: Page, trakt: LocalTrakt) -> Iterator[str]:
    page.goto(f"{trakt.base}/")
    yield "home"
    page.goto(f"{trakt.base}/oauth/authorize?{ASKED.replace(OOB, FAR_AWAY)}")
    yield "wrong-address"
    page.goto(f"{trakt.base}/nowhere")
    yield "nowhere"
    page.goto(f"{trakt.base}/oauth/authorize?{ASKED}&signup=true")
    yield "sign-up"
    page.get_by_label("User name").fill("-not-a-name-")
    page.get_by_label("E-mail address").fill("someone@example.test")
    page.get_by_label("Password").fill("a long enough password")
    press(page, "Make the account")
    yield "sign-up-fault"
    page.goto(f"{trakt.base}/activate?user_code=%ff")
    yield "unreadable"
    page.goto(f"{trakt.base}/oauth/authorize?{ASKED}")
    yield "sign-in"
    sign_in(page, "not the password")
    yield "sign-in-fault"
    sign_in(page)


def _asked(page: Page, trakt: LocalTrakt) -> Iterator[str]:
    yield "consent"
    press(page, "Do not allow")
    yield "denied"
    page.goto(f"{trakt.base}/oauth/authorize?{ASKED.replace(OOB, APP.redirect_uri)}")
    yield "consent-redirect"
    page.goto(f"{trakt.base}/connected-apps")
    yield "connected-none"
    page.goto(f"{trakt.base}/oauth/authorize?{ASKED}")
    page.evaluate("document.querySelector('main input[name=csrf]').value = 'old'")
    press(page, "Allow")
    yield "form-too-old"
    page.goto(f"{trakt.base}/oauth/authorize?{ASKED}")
    press(page, "Allow")
    yield "code"
    page.goto(f"{trakt.base}/oauth/authorize/native")
    yield "code-none"
    page.goto(f"{trakt.base}/")
    yield "home-signed-in"
    page.goto(f"{trakt.base}/sign-in")
    yield "sign-in-signed-in"
    page.goto(f"{trakt.base}/connected-apps")
    yield "connected"
    press(page, f"Revoke {APP.name}")
    yield "connected-revoke"
    press(page, "Cancel")


def _devices(page: Page, trakt: LocalTrakt) -> Iterator[str]:
    page.goto(f"{trakt.base}/activate")
    yield "activate"
    _enter(page, "ABC")
    yield "activate-fault"
    _enter(page, "ABCDEFGH")
    yield "activate-unknown"
    device = _device(trakt)
    trakt.expire("device", device["device_code"])
    page.goto(f"{trakt.base}/activate/{device['user_code']}")
    yield "activate-expired"
    for decision, name in (("No", "activate-denied"), ("It is my device", "activate-done")):
        page.goto(f"{trakt.base}/activate")
        _enter(page, _device(trakt)["user_code"])
        if decision == "No":
            yield "activate-confirm"
        press(page, decision)
        yield name


def _apps(page: Page, trakt: LocalTrakt) -> Iterator[str]:
    page.goto(f"{trakt.base}/your-apps")
    yield "your-apps"
    page.get_by_label("Name").fill("A television for the living room, the kitchen and the shed")
    page.get_by_label("Redirect addresses").fill("not an address")
    press(page, "Register")
    yield "your-apps-fault"
    page.get_by_label("Redirect addresses").fill(
        f"{OOB}\nhttps://television.example.test/a/rather/long/way/back/to/the/app"
    )
    press(page, "Register")
    yield "app"
    page.goto(f"{trakt.base}/your-apps")
    yield "your-apps-some"
    page.goto(f"{trakt.base}/your-apps/{APP.client_id}")
    yield "app-of-the-server"
    page.goto(f"{trakt.base}/your-apps/unknown")
    yield "app-unknown"
    page.goto(f"{trakt.base}/your-apps")
    page.get_by_role("link", name="A television for the living room").first.click()
    press(page, "Save")
    yield "app-saved"
    page.get_by_label("Redirect addresses").fill("not an address")
    press(page, "Save")
    yield "app-fault"
    page.get_by_label("Redirect addresses").fill(OOB)
    press(page, "New secret")
    yield "app-new-secret"
    press(page, "New secret")
    yield "app-new-secret-done"
    press(page, "Delete")
    yield "app-delete"
    press(page, "Delete")
    yield "app-deleted"


def _timeline(page: Page, trakt: LocalTrakt) -> Iterator[str]:
    page.goto(f"{trakt.base}/_control")
    yield "live"


def _posted(page: Page, trakt: LocalTrakt) -> Iterator[str]:
    page.goto(f"{trakt.base}/oauth/authorize?{ASKED.replace(OOB, APP.redirect_uri)}&response_mode=form_post")
    sign_in(page)
    press(page, "Allow")
    yield "form-post"


def _enter(page: Page, code: str) -> None:
    page.get_by_label("The code on your device").fill(code)
    press(page, "Continue")


def _device(trakt: LocalTrakt) -> dict[str, str]:
    answer = call(trakt.base, "POST", "/oauth/device/code", body={"client_id": APP.client_id})
    return answer.json()
