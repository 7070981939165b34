"""`traktauth demo`: every step real, nothing configured, nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import sys
import urllib.request
from pathlib import Path

import pytest

from support.local import APP
from traktauth import App, StoreFailed, Trakt, TraktAuthError, UnexpectedReply
from traktauth.cli.demo_steps import Form, PageWalker, run_token_processes, sign_in_by_program

# A browser whose user reads name and password off the demo's screen.
WALKS = """
import os, sys, time, urllib.error, urllib.request
from traktauth.cli.demo_steps import PageWalker
said = []
while len(said) < 2:
    time.sleep(0.05)
    said = open(os.environ["WALK"]).read().splitlines() if os.path.exists(os.environ["WALK"]) else []
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None
try:
    urllib.request.build_opener(Stay).open(sys.argv[1])
except urllib.error.HTTPError as redirected:
    PageWalker(*said, said.append).walk(redirected.headers["Location"])
"""


@pytest.mark.slow
def test_the_demo_shows_every_step_and_leaves_nothing_behind(command, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for name in [name for name in command.env if name.startswith("TRAKTAUTH_")]:
        command.env.pop(name)
    outcome = command.execute("demo", TMPDIR=str(temporary), TRAKTAUTH_ACCOUNT="another-app")
    assert (outcome.status, outcome.err) == (0, "")
    assert re.findall(r"^\d\. (.+)$", outcome.out, re.MULTILINE) == [
        "A local Trakt",
        "Sign in with a browser, which is redirected to the local Trakt and back",
        "Call the API",
        "Refresh",
        "8 processes need a token at once, and it has expired",
        "What Trakt does when a used refresh token is sent again",
        "Sign in again, then sign out",
    ]
    for told in (
        "/sign-in: filled in name and password, sent the form",
        "/consent: agreed, sent the form",
        "GET /users/settings: 200, user demo",
        "All 8 printed the same new token. The local Trakt counted 1 refresh request",
        "revokes every token of this user and app, also the newest one",
        "traktauth says: This login cannot be refreshed: Trakt refused its refresh token.",
        "valid here: 0 access tokens, 0 refresh tokens.",
    ):
        assert told in " ".join(outcome.out.split())
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert list(temporary.iterdir()) == []
    assert not Path(command.env["HOME"]).exists()


@pytest.mark.slow
def test_with_browser_the_user_signs_in_in_a_browser_of_their_own(command):
    script = command.folder / "browser.py"
    script.write_text(WALKS)
    process = command.start("demo", "--browser", BROWSER=f"{sys.executable} {script} %s", WALK=str(script) + ".pipe")
    lines = []
    for line in process.stdout:
        lines.append(line)
        if found := re.search(r"The user is (\S+), the password (\S+)", line):
            user = found.groups()
        if found := re.search(r"Watch what happens: (\S+/_control)$", line):
            with urllib.request.urlopen(found[1], timeout=60) as page:
                shown = page.read().decode()
            Path(f"{script}.pipe").write_text("\n".join(user))
    assert "<html" in shown
    assert user[1] not in shown
    assert (process.wait(60), process.stderr.read()) == (0, "")
    assert "valid here: 0 access tokens, 0 refresh tokens." in " ".join("".join(lines).split())


def test_no_module_of_the_current_folder_is_run(command):
    """A user who can write in a folder must not decide what runs there, as in /tmp or a clone."""
    (command.folder / "traktauth.py").write_text("print('a-token-of-the-folder')")
    with pytest.raises(TraktAuthError, match="got no token"):
        inside(command.folder, run_token_processes, 2)


def inside(folder, call, count):
    """Call in a folder, with no service that could answer."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        return call(count, app=APP, service="http://127.0.0.1:9", store=f"file:{folder}/none.json")
    finally:
        os.chdir(before)


@pytest.mark.parametrize("signum", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupted_demo_leaves_nothing_behind(command, tmp_path, signum):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = command.unmeasured().start("demo", TMPDIR=str(temporary))
    for line in process.stdout:
        if "Call the API" in line:
            break
    process.send_signal(signum)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err in {"Error: Interrupted\n", "Error: Ended by SIGTERM\n"}
    assert list(temporary.iterdir()) == []


def test_a_server_that_is_gone_ends_the_walk():
    with pytest.raises(UnexpectedReply, match="could not be fetched"):
        PageWalker("sean", "a password", [].append).walk("http://127.0.0.1:9/")


def test_a_page_that_fails_ends_the_sign_in_at_once(command, local):
    app = App(APP.client_id, client_secret=APP.client_secret, redirect_uri=APP.redirect_uri)
    visitor = PageWalker("sean", "a wrong password", [].append)
    with Trakt(app, service=local.base, store="memory:") as trakt, pytest.raises(UnexpectedReply):
        sign_in_by_program(visitor, trakt)


def test_a_store_that_fails_ends_the_sign_in_at_once(command, local):
    app = App(APP.client_id, client_secret=APP.client_secret, redirect_uri=APP.redirect_uri)
    with Trakt(app, service=local.base, store="file:/dev/null/x") as trakt, pytest.raises(StoreFailed):
        sign_in_by_program(PageWalker("sean", "a password", [].append), trakt)


def test_a_process_that_gets_no_token_ends_the_demo():
    app = App(APP.client_id, client_secret=APP.client_secret)
    with pytest.raises(TraktAuthError, match="2 of 2 processes got no token"):
        run_token_processes(2, app=app, service="http://127.0.0.1:9", store="memory:")


def test_a_form_is_read_as_a_browser_would():
    page = """<form action="/search"><input name="q"></form>
      <form method="post" action="/consent?x=1&amp;y=2"><input type=hidden name="csrf" value="a&amp;b">
      <button name="decision" value="approve">Yes</button><button name="decision" value="deny">No</button></form>
      <form method="post" action="/other"><input name="other" value="z"></form>"""
    form = Form(page)
    assert (form.action, form.fields) == ("/consent?x=1&y=2", {"csrf": "a&b", "decision": "approve"})
