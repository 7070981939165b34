"""Take pictures of the local Trakt's pages: the README's, and every page, light and dark, on a phone and on a desk.

The README's is `docs/sign-in.png`; the others go to `artefacts/pages/`, which git ignores, one file for each page and
look, beside `index.html`, which shows them all.
"""

from __future__ import annotations

import sys
import tempfile
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tests"))

from support.chromium import chromium  # noqa: E402 - the tests' own tools, found by the line above
from support.gallery import ASKED, sign_in, walk  # noqa: E402 - the same
from support.local import start_local_trakt  # noqa: E402 - the same

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from support.local import LocalTrakt

PICTURE = CHECKOUT / "docs" / "sign-in.png"
PAGES = CHECKOUT / "artefacts" / "pages"
LOOKS = {
    "phone-light": (375, 720, "light"),
    "phone-dark": (375, 720, "dark"),
    "desk-light": (1100, 760, "light"),
    "desk-dark": (1100, 760, "dark"),
}


def main() -> None:
    """Take them all, or the README's alone (`readme`), or all but that one (`pages`)."""
    wanted = sys.argv[1:] or ["readme", "pages"]
    if not set(wanted) <= {"readme", "pages"}:
        sys.exit("usage: sh scripts/pictures [readme] [pages]")
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        servers: list[LocalTrakt] = []
        try:
            for profile in ("current", "classic"):
                home = Path(folder) / profile
                home.mkdir()
                servers.append(start_local_trakt(home, profile=profile))
            if "readme" in wanted:
                take_readmes(browser, servers[0])
            if "pages" in wanted:
                take_pages(browser, *servers)
        finally:
            for server in servers:
                server.stop()


def take_readmes(browser: Browser, trakt: LocalTrakt) -> None:
    """Take the consent page, in the small window that it fits."""
    page = browser.new_page(viewport={"width": 760, "height": 575})
    page.goto(f"{trakt.base}/oauth/authorize?{ASKED}")
    sign_in(page)
    page.get_by_role("button", name="Allow", exact=True).wait_for()
    page.screenshot(path=PICTURE)
    page.context.close()
    print(f"made {PICTURE.relative_to(CHECKOUT)}")


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
