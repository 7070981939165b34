"""`traktauth demo`: every step real, nothing configured, nothing left behind."""

from __future__ import annotations

import re
import time
from pathlib import Path

from traktauth.cli.demo.visitor import Form


def test_the_demo_tells_the_whole_story_and_leaves_nothing_behind(command, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for name in [name for name in command.env if name.startswith("TRAKTAUTH_")]:
        command.env.pop(name)
    began = time.monotonic()
    outcome = command("demo", TMPDIR=str(temporary), TRAKTAUTH_ACCOUNT="somebody-else")
    assert (outcome.status, outcome.err) == (0, "")
    assert time.monotonic() - began < 15
    assert re.findall(r"^\d\. (.+)$", outcome.out, re.MULTILINE) == [
        "A local Trakt",
        "Sign in, with a browser that is sent to the local Trakt and back",
        "Call the API",
        "Renew",
        "8 processes ask at once, and the token has ended",
        "What Trakt does when a used refresh token is sent again",
        "Sign in again, then sign out",
    ]
    for told in (
        "/sign-in: filled in name and password, sent the form",
        "/consent: agreed, sent the form",
        "GET /users/settings: 200, user demo",
        "All 8 printed the same new token. The local Trakt's ledger: 1 refresh request",
        "every token of this user and app is dead, the newest too",
        "traktauth says: This login cannot be renewed: Trakt refused its refresh token.",
        "alive in the ledger: 0 access tokens, 0 refresh tokens.",
    ):
        assert told in outcome.out
    assert list(temporary.iterdir()) == []
    assert not Path(command.env["HOME"]).exists()


def test_a_form_is_read_as_a_browser_would():
    page = """<form action="/search"><input name="q"></form>
      <form method="post" action="/consent?x=1&amp;y=2"><input type=hidden name="csrf" value="a&amp;b">
      <button name="decision" value="approve">Yes</button><button name="decision" value="deny">No</button></form>
      <form method="post" action="/other"><input name="other" value="z"></form>"""
    form = Form(page)
    assert (form.action, form.fields) == ("/consent?x=1&y=2", {"csrf": "a&b", "decision": "approve"})
