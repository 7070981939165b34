"""Authlib, which knows nothing of Trakt, as a client of the local Trakt: forms instead of JSON, PKCE, HTTP Basic."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("authlib_driver.py")
ENDPOINTS = ("authorize", "token", "introspect", "revoke")
TRAKTS_PATHS = {name: f"/oauth/{name}" for name in ENDPOINTS} | {"scope": None}
NATIVE = {name: f"/api/auth/oauth2/{name}" for name in ENDPOINTS}
NATIVE_PATHS = NATIVE | {"scope": "public offline_access"}


@pytest.fixture
def authlib(authlib_python):
    """Walk Authlib through a login at *trakt* and return its answers."""

    def walk(trakt, app, paths, *, transport, auth_method):
        values = {
            "base": trakt.base,
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "redirect_uri": app.redirect_uri,
            "auth_method": auth_method,
            **paths,
        }
        process = subprocess.Popen(
            [authlib_python, "-u", DRIVER, transport],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            process.stdin.write(json.dumps(values) + "\n")
            process.stdin.flush()
            asked = process.stdout.readline()
            landed = trakt.browse(json.loads(asked)["address"])["location"] if asked else ""
            printed, errors = process.communicate(landed + "\n", timeout=60)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == 0, errors
        return [json.loads(line) for line in printed.splitlines()]

    return walk


def check(answers, trakt):
    signed_in, renewed, *introspected, revoked = answers
    assert signed_in["status"] == renewed["status"] == 200
    assert signed_in["username"] == renewed["username"] == trakt.user["username"]
    assert renewed["token"]["access_token"] != signed_in["token"]["access_token"]
    assert renewed["token"]["refresh_token"] != signed_in["token"]["refresh_token"]
    assert introspected in ([], [{"active": True, "client_id": trakt.app.client_id}])
    assert revoked == {"revoked": 200, "status": 401}
    return len(introspected)


@pytest.mark.parametrize("transport", ["requests", "httpx"])
@pytest.mark.parametrize("profile", ["current", "classic"])
def test_authlib_signs_in_renews_calls_introspects_and_revokes(authlib, local_trakt, profile, transport):
    trakt = local_trakt(profile)
    assert (
        check(authlib(trakt, trakt.app, TRAKTS_PATHS, transport=transport, auth_method="client_secret_post"), trakt)
        == 1
    )


@pytest.mark.parametrize("profile", ["current", "classic"])
def test_authlib_signs_in_a_public_app(authlib, local_trakt, profile):
    trakt = local_trakt(profile)
    assert check(authlib(trakt, trakt.public, TRAKTS_PATHS, transport="httpx", auth_method="none"), trakt) == 0


@pytest.mark.parametrize(("profile", "paths"), [("current", NATIVE_PATHS), ("classic", TRAKTS_PATHS)])
def test_authlib_signs_in_by_http_basic(authlib, local_trakt, profile, paths):
    trakt = local_trakt(profile)
    assert check(authlib(trakt, trakt.app, paths, transport="httpx", auth_method="client_secret_basic"), trakt) == 1
