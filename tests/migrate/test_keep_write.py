"""`traktauth keep --write`: another program's file gets the access token after each refresh."""

from __future__ import annotations

import json
import stat
import subprocess
import sys

import pytest

from support.login_files import command_environment
from traktauth import Trakt
from traktauth.testing import LocalTrakt

pytestmark = pytest.mark.slow


@pytest.fixture
def keep(tmp_path):
    """Run `traktauth keep --once` over a login that is seven days old."""
    with LocalTrakt() as server:
        store = f"sqlite:{tmp_path}/logins.sqlite"
        server.advance(days=-6.5)
        with Trakt(server.app, service=server.url, store=store, clock=server.clock) as trakt:
            token = server.sign_in_at(trakt)
        server.advance(days=6.5)
        env = command_environment(server, tmp_path, store)

        def run(*words):
            command = [sys.executable, "-m", "traktauth", "keep", "--once", *words]
            done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
            return done.returncode, done.stdout + done.stderr

        yield server, token, run


def test_the_file_has_the_new_access_token_and_no_refresh_token(keep, tmp_path):
    server, token, run = keep
    path = tmp_path / "lent.json"
    code, shown = run("--write", f"pytrakt:{path}")
    assert code == 0, shown
    assert server.ledger["rotations"] == 1
    found = json.loads(path.read_text())
    assert found["OAUTH_TOKEN"] != token.access_token
    assert found["OAUTH_REFRESH"] is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--write", "pytrakt"], "must be FORMAT:PATH"),
        (["--write", "trakty:/x"], "is not a format"),
        (["--write", "sonarr:/x"], "cannot be imported"),
    ],
)
def test_what_is_not_a_format_and_a_path_is_refused_before_anything_is_sent(keep, words, message):
    server, _, run = keep
    code, shown = run(*words)
    assert code in (1, 2)
    assert message in shown
    assert server.ledger["rotations"] == 0
