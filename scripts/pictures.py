"""Take the README's picture: the consent page of a local Trakt, in the small Chromium window that it fits."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tests"))

from support.chromium import chromium  # noqa: E402 - the tests' own tools, found by the line above
from support.local import APP, OOB, USER, start_local_trakt  # noqa: E402 - the same

PICTURE = CHECKOUT / "docs" / "sign-in.png"


def main() -> None:
    """Walk to the page and keep its picture."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        trakt = start_local_trakt(Path(folder))
        try:
            page = browser.new_page(viewport={"width": 760, "height": 575})
            asked = f"response_type=code&client_id={APP.client_id}&redirect_uri={OOB}"
            page.goto(f"{trakt.base}/oauth/authorize?{asked}")
            page.get_by_label("User name").fill(USER["username"])
            page.get_by_label("Password").fill(USER["password"])
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("button", name="Allow", exact=True).wait_for()
            page.screenshot(path=PICTURE)
        finally:
            trakt.stop()
    print(f"made {PICTURE.relative_to(CHECKOUT)}")


if __name__ == "__main__":
    main()
