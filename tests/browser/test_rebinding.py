"""A web page whose name was made to lead to this machine, in Chromium (DNS rebinding)."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from support.chromium import chromium
from support.engines import Missing
from traktauth.testing import LocalTrakt

SCRIPT = "async path => { const reply = await fetch(path); return [reply.status, await reply.text()]; }"
NO_HELP = "--disable-features=LocalNetworkAccessChecks"
"""Not every browser, and no older one, asks before a page talks to this machine."""
APP = {"name": "Mine", "client_id": "real-id", "client_secret": "MY-REAL-SECRET", "redirect_uris": ["x:/y"]}


def test_a_page_of_another_name_can_neither_sign_up_nor_read_a_secret():
    with LocalTrakt(seed={"apps": [APP], "users": []}) as server:
        port = urlsplit(server.url).port
        try:
            with chromium("--host-resolver-rules=MAP evil.example 127.0.0.1", NO_HELP) as browser:
                page = browser.new_page()
                page.set_default_timeout(10_000)
                origin = f"http://evil.example:{port}"
                page.route(f"{origin}/attack", lambda route: route.fulfill(body="from before the name was moved"))
                page.goto(f"{origin}/attack")
                for path in ("/sign-up", "/your-apps", "/your-apps/real-id", "/_control/ledger", "/users/me"):
                    status, text = page.evaluate(SCRIPT, path)
                    assert status == 403
                    assert "MY-REAL-SECRET" not in text
                assert page.goto(f"{server.url}/sign-up").status == 200
        except Missing as missing:
            pytest.skip(str(missing))
