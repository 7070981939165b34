"""Debian's Chromium, driven by Playwright for Python; nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .engines import CHECKOUT, Missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

# The first is Chromium without windows, which takes half of the CPU time.
PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
ARTEFACTS = CHECKOUT / "artefacts"

# Without the sandbox it also starts as root; the rest keeps it from talking to anybody but the page.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    """Run a headless Chromium ($CHROMIUM, or one on the path), with an empty profile and *more* flags."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise Missing("the program chromium is absent")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - most runs of a few tests need no browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS, *more])
        try:
            yield browser
        finally:
            browser.close()


def picture(page: Page, name: str) -> Path:
    """Keep a picture of the whole *page* under artefacts/, which git ignores."""
    ARTEFACTS.mkdir(exist_ok=True)
    path = ARTEFACTS / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path


def violations(page: Page) -> list[str]:
    """Return the names of the rules of axe-core that a page breaks; skip the test if axe-core is absent."""
    found = find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        import pytest  # noqa: PLC0415 - the pictures are taken without it

        pytest.skip("the package axe-playwright-python is absent")
    page.evaluate((Path(found.origin).parent / "axe.min.js").read_text())
    return [str(rule) for rule in page.evaluate("async () => (await axe.run()).violations.map(one => one.id)")]
