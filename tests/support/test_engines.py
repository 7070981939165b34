"""The controls of the real engines do what they say; what Trakt's client makes of them is tested in tests/engines."""

from __future__ import annotations

import os
import signal
import time

import pytest

from support.engines import Missing, need
from support.process import NotReady, Server, free_port
from support.wire import bearer, call, query

pytestmark = pytest.mark.slow


def exchange(engine, app, code):
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": app.redirect_uri}
    secrets = {"client_id": app.client_id, "client_secret": app.client_secret}
    return call(engine.base, "POST", "/oauth/token", body=grant | secrets)


def refresh(engine, app, token):
    grant = {"grant_type": "refresh_token", "refresh_token": token, "redirect_uri": app.redirect_uri}
    secrets = {"client_id": app.client_id, "client_secret": app.client_secret}
    return call(engine.base, "POST", "/oauth/token", body=grant | secrets)


def test_better_auth_redeems_a_code_and_serves_an_api(better_auth):
    app = better_auth.apps["trusted"]
    token = exchange(better_auth, app, better_auth.code()).json()
    alive = call(better_auth.base, "GET", "/users/settings", headers=bearer(token["access_token"]))
    assert (alive.status, alive.json()["user"]["username"]) == (200, "user")
    better_auth.expire("access", token["access_token"])
    assert call(better_auth.base, "GET", "/users/settings", headers=bearer(token["access_token"])).status == 401


def test_better_auth_is_reset_between_tests(better_auth):
    token = exchange(better_auth, better_auth.apps["trusted"], better_auth.code()).json()["access_token"]
    assert better_auth.alive(token)
    better_auth.reset()
    assert not better_auth.alive(token)


def test_better_auths_clock_can_be_moved(better_auth):
    token = exchange(better_auth, better_auth.apps["trusted"], better_auth.code()).json()["access_token"]
    better_auth.pass_time(8 * 24 * 3600)
    assert not better_auth.alive(token)
    better_auth.reset()


def test_better_auths_user_can_be_played(better_auth):
    app = better_auth.apps["consent"]
    address = f"/oauth/authorize?response_type=code&client_id={app.client_id}&redirect_uri={app.redirect_uri}&state=s"
    assert query(better_auth.browse(address)["location"])["state"] == "s"
    assert (
        query(better_auth.browse(address + "&prompt=consent", decision="deny")["location"])["error"] == "access_denied"
    )


def test_better_auths_device_codes_are_answered(better_auth):
    app = better_auth.apps["trusted"]
    codes = call(better_auth.base, "POST", "/oauth/device/code", body={"client_id": app.client_id}).json()
    better_auth.device(codes["user_code"])
    body = {"code": codes["device_code"], "client_id": app.client_id, "client_secret": app.client_secret}
    assert call(better_auth.base, "POST", "/oauth/device/token", body=body).json()["refresh_token"]


def test_a_better_auth_takes_life_times_from_its_environment(start_better_auth_with):
    short = start_better_auth_with(ACCESS_TTL="7")
    assert exchange(short, short.apps["trusted"], short.code()).json()["expires_in"] == 7
    assert start_better_auth_with(ACCESS_TTL="7") is short


def test_doorkeeper_redeems_a_code_and_serves_an_api(doorkeeper):
    token = exchange(doorkeeper, doorkeeper.app, doorkeeper.code()).json()
    assert call(doorkeeper.base, "GET", "/me", headers=bearer(token["access_token"])).status == 200
    doorkeeper.expire("access", token["access_token"])
    assert call(doorkeeper.base, "GET", "/me", headers=bearer(token["access_token"])).status == 401


@pytest.mark.parametrize(("rotation", "status"), [("until-used", 200), ("once", 400)])
def test_doorkeepers_rule_for_used_refresh_tokens_can_be_chosen(start_doorkeeper_with, rotation, status):
    engine = start_doorkeeper_with(ROTATION=rotation)
    app = engine.app
    first = exchange(engine, app, engine.code()).json()["refresh_token"]
    assert refresh(engine, app, first).status == 200
    assert refresh(engine, app, first).status == status


def test_a_missing_program_is_named():
    with pytest.raises(Missing, match="no-such-program"):
        need("sh", "no-such-program")


def test_a_server_that_ends_early_says_what_it_had_printed(tmp_path):
    server = Server(["sh", "-c", "echo the reason; exit 3"], port=free_port(), log=tmp_path / "log")
    with pytest.raises(NotReady, match=r"(?s)ended with 3.*the reason"):
        server.wait_until_ready()


def test_stopping_a_server_ends_what_it_started_too(tmp_path):
    server = Server(["sh", "-c", "sleep 300 & echo $!; wait"], port=free_port(), log=tmp_path / "log")
    with pytest.raises(NotReady, match="no answer"):
        server.wait_until_ready(within=0.5)
    child = int(server.log.read_text())
    with pytest.raises(ProcessLookupError):
        _wait_for_end(child)
    assert server.process.returncode == -signal.SIGTERM


def _wait_for_end(pid):
    """Raise ProcessLookupError once the process is gone."""
    for _ in range(100):
        os.kill(pid, 0)
        time.sleep(0.05)
