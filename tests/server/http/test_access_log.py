"""The access log: a line for each request, none of which holds what a client chose."""

from __future__ import annotations

import http.client
import json
import time

import pytest

from traktauth.server.app import build
from traktauth.server.settings import Settings

CANARY = "s3cret-c4nary"


@pytest.fixture
def logged(start, tmp_path):
    path = tmp_path / "access.log"

    def lines(count=1):
        """Read the log; a line is written once its answer has left, so it may come a little later."""
        until = time.monotonic() + 60
        while len(path.read_text().splitlines()) < count and time.monotonic() < until:
            time.sleep(0.01)
        return [json.loads(line) for line in path.read_text().splitlines()]

    return start(access_log=path), lines


def test_each_request_has_its_line_with_status_size_and_time(logged):
    client, lines = logged
    reply = client.refresh("x")
    client.get("/healthz")
    first, second = lines(2)
    assert list(first) == ["at", "client", "method", "path", "status", "bytes", "ms"]
    assert (first["method"], first["path"], first["status"]) == ("POST", "/oauth/token", 400)
    assert (first["client"], first["bytes"]) == ("127.0.0.1", len(reply.text))
    assert (second["path"], second["status"]) == ("/healthz", 200)
    assert first["at"] <= second["at"]
    assert first["ms"] > 0


def test_nothing_that_a_client_chose_comes_into_it(logged, tmp_path):
    client, lines = logged
    for path in (
        "/oauth/token",
        "/activate",
        f"/activate/{CANARY}",
        f"/{CANARY}",
        f"/your-apps/{CANARY}",
        "/_control/x",
    ):
        for method in ("GET", "POST", "PROPFIND"):
            headers = {"authorization": f"Bearer {CANARY}", "cookie": f"a={CANARY}", "user-agent": CANARY}
            client.send(method, f"{path}?code={CANARY}", headers=headers, body=f"refresh_token={CANARY}")
    login = client.login()
    client.use(client.renewed(login.refresh).access)
    assert len(lines(22)) >= 22
    text = (tmp_path / "access.log").read_text()
    assert CANARY not in text
    assert "PROPFIND" not in text
    for secret in (login.access, login.refresh, "first-secret", "sean"):
        assert secret not in text
    assert {line["path"] for line in lines()} >= {"/activate/{code}", "/your-apps/{client_id}", "/oauth/token", "other"}


def test_a_cut_connection_is_logged_without_a_status(logged):
    client, lines = logged
    client.server.fail_next("/oauth/token", drop="after")
    with pytest.raises(http.client.RemoteDisconnected):
        client.refresh("x")
    assert [line["status"] for line in lines()] == [0]


def test_it_is_off_unless_asked_for(start, tmp_path, capfd):
    start().refresh("x")
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_a_dash_is_standard_output(start, capfd):
    client = start(access_log="-")
    client.get("/healthz")
    client.server.__exit__(None, None, None)
    assert json.loads(capfd.readouterr().out)["path"] == "/healthz"


def test_a_full_disk_costs_the_line_and_no_answer(start):
    client = start(access_log="/dev/full")
    assert client.use(client.login().access) == 200


def test_a_log_that_cannot_be_written_is_an_error_before_anything_is_served(tmp_path):
    with pytest.raises(ValueError, match=r"access_log .* cannot be written"):
        build(Settings(database="memory:", access_log=tmp_path), "http://x")
