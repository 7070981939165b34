"""The script of docs/automation.md, as printed, with no variable but those of traktauth."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.process import free_port
from traktauth import Trakt
from traktauth.testing import LocalTrakt

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "docs" / "automation.md"


@pytest.fixture
def server():
    with LocalTrakt() as running:
        yield running


@pytest.fixture
def env(server, tmp_path, monkeypatch):
    values = {
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TRAKTAUTH_CLIENT_ID": server.app.client_id,
        "TRAKTAUTH_CLIENT_SECRET": server.app.client_secret or "",
        "TRAKTAUTH_REDIRECT_URI": server.app.redirect_uri,
        "TRAKTAUTH_SERVICE": server.url,
        "TRAKTAUTH_STORE": f"file:{tmp_path}/tokens.json",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with Trakt.from_env() as trakt:
        server.sign_in_at(trakt)
    return values


def run(env, tmp_path):
    (script,) = re.findall(r"```sh\n(#!/bin/sh\n.*?)```", PAGE.read_text(), re.DOTALL)
    path = tmp_path / "script.sh"
    path.write_text(script)
    path.chmod(0o700)
    return subprocess.run([path], check=False, env=env, capture_output=True, text=True, timeout=120)


def stored():
    with Trakt.from_env() as trakt:
        return trakt.token()


def test_the_script_prints_the_settings(env, tmp_path):
    done = run(env, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"username":"sean"' in done.stdout.replace(" ", "")


def test_the_script_gets_another_token_after_a_401(server, env, tmp_path):
    server.expire("access", stored().access_token)
    done = run(env, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert server.ledger["rotations"] == 1


def test_the_script_ends_with_4_if_the_login_has_ended(server, env, tmp_path):
    token = stored()
    server.expire("access", token.access_token)
    server.expire("refresh", token.refresh_token or "")
    done = run(env, tmp_path)
    assert (done.returncode, done.stdout) == (4, "")


def test_the_script_ends_with_5_if_trakt_is_busy(server, env, tmp_path):
    server.fail_next("/users/settings", status=503)
    assert run(env, tmp_path).returncode == 5


def test_the_script_ends_with_5_if_trakt_cannot_be_reached(env, tmp_path):
    token = stored()
    with Trakt.from_env(service=(dead := f"http://127.0.0.1:{free_port()}")) as elsewhere:
        elsewhere.adopt(token)
    assert run({**env, "TRAKTAUTH_SERVICE": dead}, tmp_path).returncode == 5


def test_the_script_ends_with_1_for_a_wrong_app(env, tmp_path):
    assert run({**env, "TRAKTAUTH_CLIENT_ID": ""}, tmp_path).returncode == 1
