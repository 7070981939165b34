"""Faults: answers replaced, delayed and cut off, in turn."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from server.conftest import APPS
from traktauth.server.engines.better_auth.profile import CURRENT
from traktauth.server.engines.doorkeeper.profile import CLASSIC
from traktauth.server.http.discovery import discovery_routes
from traktauth.server.http.faults import OAUTH_PREFIXES, Fault, read_faults, take_fault
from traktauth.server.pages.routes import page_routes

JSON = {"content-type": "application/json"}


def put(client, *faults):
    reply = client.send("PUT", "/_control/faults", headers=JSON, body=json.dumps(faults))
    assert reply.status == 200, reply.text


def test_an_answer_is_replaced_as_often_as_was_asked(either):
    login = either.login()
    put(either, {"path": "/oauth/token", "status": 503, "times": 2, "headers": {"Retry-After": "7"}, "body": "busy"})
    for _ in range(2):
        reply = either.refresh(login.refresh)
        assert (reply.status, reply.text, reply.headers["retry-after"]) == (503, "busy", "7")
    assert either.refresh(login.refresh).status == 200


def test_a_scenario_plays_in_order(current):
    login = current.login()
    put(
        current,
        {"path": "/oauth/token", "status": 503, "for": 120},
        {"path": "/oauth/token", "status": 429, "times": 1},
        {"path": "/oauth/token", "drop": "after"},
    )
    assert [current.refresh(login.refresh).status for _ in range(3)] == [503, 503, 503]
    current.control("clock", advance=121)
    assert current.refresh(login.refresh).status == 429
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        current.refresh(login.refresh)
    assert current.ledger()["rotations"] == 1
    assert current.refresh(login.refresh).json["error_description"] == "invalid refresh token"


def test_a_fault_lasts_no_longer_because_the_clock_goes_back():
    faults = [Fault("/", status=503, times=None, lasts=120)]
    assert [take_fault(faults, "GET", "/", now=now) is not None for now in (10_000, 10_119, 50, 169)] == [True] * 4
    assert take_fault(faults, "GET", "/", now=170) is None


def test_cut_before_nothing_was_done(current):
    login = current.login()
    put(current, {"path": "/oauth/token", "drop": "before"})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        current.refresh(login.refresh)
    assert current.ledger()["rotations"] == 0
    assert current.refresh(login.refresh).status == 200


@pytest.mark.parametrize(("drop", "error"), [("reset", ConnectionResetError), ("hang", TimeoutError)])
def test_a_response_is_lost_by_a_reset_or_never_comes(current, drop, error):
    login = current.login()
    put(current, {"path": "/oauth/token", "drop": drop})
    address = urlsplit(current.url)
    body = {"grant_type": "refresh_token", "refresh_token": login.refresh, **APPS["first"].credentials}
    with closing(
        http.client.HTTPConnection(address.hostname, address.port, timeout=1.0 if drop == "hang" else 60.0)
    ) as connection:
        connection.request("POST", "/oauth/token", json.dumps(body), JSON)
        with pytest.raises(error):
            connection.getresponse().read()
    assert current.ledger()["rotations"] == 1


def test_an_answer_is_delayed(current):
    put(current, {"path": "/users/settings", "delay": 0.2})
    began = time.monotonic()
    assert current.use("x") == 401
    assert time.monotonic() - began >= 0.2


def test_a_fault_is_for_its_method_and_path(current):
    put(current, {"path": "/users/settings", "method": "POST", "status": 500})
    assert current.use("x") == 401
    assert current.get("/users/me").status == 403


def test_json_stands_for_its_text(current):
    put(current, {"path": "/oauth/token", "body": {"access_token": "garbage"}})
    reply = current.refresh("x")
    assert (reply.status, reply.json) == (200, {"access_token": "garbage"})


def test_delete_and_reset_clear_them(current):
    for clear in (lambda: current.send("DELETE", "/_control/faults"), lambda: current.control("reset")):
        put(current, {"path": "/users/settings", "status": 500, "times": 9})
        clear()
        assert current.use("x") == 401


def test_a_server_can_begin_with_faults(start, tmp_path):
    file = tmp_path / "faults.json"
    file.write_text(json.dumps([{"path": "/users/settings", "status": 502}]))
    client = start(faults=file)
    assert client.use("x") == 502
    assert client.use("x") == 401


BAD = {
    "no list": ({"path": "/"}, "must be a list"),
    "no path": ([{"status": 500}], "faults[0]: "),
    "an unknown member": ([{"path": "/", "statsu": 500}], "statsu"),
    "a status that is invalid": ([{"path": "/", "status": 1000}], "$.status"),
    "a drop that is invalid": ([{"path": "/", "drop": "never"}], "$.drop"),
    "a negative delay": ([{"path": "/", "delay": -1}], "$.delay"),
    "an endless delay": ([{"path": "/", "delay": float("inf")}], "$.delay"),
    "a delay past all timeout": ([{"path": "/", "delay": 601}], "Expected `float` <= 600.0 - at `$.delay`"),
    "no time": ([{"path": "/", "times": 0}], "Expected `int` >= 1 - at `$.times`"),
    "a path without a slash": ([{"path": "oauth/token"}], "$.path"),
    "a query": ([{"path": "/oauth/token?x=1"}], "$.path"),
    "a doubled slash": ([{"path": "/oauth//token"}], "$.path"),
    "the control page": ([{"path": "/_control"}], "control API"),
    "a control call": ([{"path": "/_control/faults", "status": 503, "for": 1e6}], "control API"),
    "a status without a body": ([{"path": "/", "status": 204, "body": "x"}], "status 204 has no body"),
    "a body that is invalid": ([{"path": "/", "body": object()}], "faults[0]: "),
    "half a letter": ([{"path": "/", "body": "\ud800"}], "faults[0]: "),
    "a header's name that is invalid": ([{"path": "/", "headers": {"retry after": "1"}}], "`key` in `$.headers`"),
    "a header without a name": ([{"path": "/", "headers": {"": "1"}}], "`key` in `$.headers`"),
    "a header beyond Latin-1": ([{"path": "/", "headers": {"x-a": "\u20ac"}}], "$.headers[...]"),
    "two lines": ([{"path": "/", "headers": {"x-a": "1\r\nset-cookie: a=b"}}], "$.headers[...]"),
    "seconds without end": ([{"path": "/", "for": 10**400}], "faults[0]: "),
    "headers of no answer": ([{"path": "/", "headers": {"x-a": "1"}}], 'give its "status", too'),
    "an answer on a cut line": ([{"path": "/", "drop": "after", "status": 503}], "leave one of the two out"),
    "nothing that happens": ([{"path": "/", "times": 2}], "does nothing: give it one of status, headers, body, delay"),
    "an OAuth path that does not exist": (
        [{"path": "/oauth/tokn", "status": 503}],
        '"path" /oauth/tokn does not exist at this server; did you mean /oauth/token?',
    ),
    "an engine's path that does not exist": ([{"path": "/api/auth/x/y", "drop": "after"}], "does not exist"),
    "a length by hand": ([{"path": "/", "headers": {"Content-Length": 5}}], "leave Content-Length to the server"),
    "an encoding by hand": (
        [{"path": "/", "headers": {"transfer-encoding": "chunked"}}],
        "leave transfer-encoding to the server",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_malformed_fault_is_refused_with_its_place(name):
    source, word = BAD[name]
    with pytest.raises(ValueError, match="faults") as raised:
        read_faults(source, CURRENT.oauth_paths)
    assert word in str(raised.value)


@pytest.mark.parametrize("profile", ["current", "classic"])
def test_every_path_of_the_protocol_can_have_a_fault(start, profile):
    context = start(profile=profile).server._context
    routes = [route.path for route in [*page_routes(context), *discovery_routes(context)]]
    paths = {path for path in routes if path.startswith(OAUTH_PREFIXES)}
    paths |= {endpoint.path for endpoint in context.profile.endpoints}
    assert paths == set(context.profile.oauth_paths)
    read_faults([{"path": path, "status": 503} for path in sorted(paths)], context.profile.oauth_paths)


def test_a_path_of_another_profile_is_refused():
    with pytest.raises(ValueError, match="/api/auth/oauth2/token does not exist"):
        read_faults([{"path": "/api/auth/oauth2/token", "status": 503}], CLASSIC.oauth_paths)


def test_a_path_of_the_api_may_be_any(current):
    """A fault can stand for a response that the server does not have."""
    put(current, {"path": "/movies/popular", "body": [{"title": "Tron"}]})
    assert current.get("/movies/popular").json == [{"title": "Tron"}]


def test_a_bad_scenario_over_http_changes_nothing(current):
    put(current, {"path": "/users/settings", "status": 500})
    assert current.send("PUT", "/_control/faults", headers=JSON, body='[{"status":1}]').status == 400
    assert current.use("x") == 500


def test_what_cannot_be_carried_out_is_reported_by_every_way_in(current, start, tmp_path):
    message = current.send("PUT", "/_control/faults", headers=JSON, body='[{"path": "/users/me", "times": 0}]')
    assert (message.status, message.json) == (400, {"error": "faults[0]: Expected `int` >= 1 - at `$.times`"})
    with pytest.raises(ValueError, match="control API"):
        current.server.fail_next("/_control/ledger", status=503)
    file = tmp_path / "faults.json"
    file.write_text('[{"path": "users/me"}]')
    with pytest.raises(ValueError, match=r"\$\.path"):
        start(faults=file)


def test_what_a_header_and_a_method_may_be(current):
    put(
        current, {"path": "/users/me", "method": "get", "status": 503, "headers": {"Retry-After": 7, "x-a": "\u00e9 b"}}
    )
    reply = current.get("/users/me")
    assert (reply.status, reply.headers["retry-after"], reply.headers["x-a"]) == (503, "7", "\u00e9 b")
    put(current, {"path": "/users/me", "status": 204, "body": ""})
    assert current.get("/users/me").status == 204


def test_turns_of_a_fault():
    faults = [Fault("/a", times=1, status=500), Fault("/a", times=None, lasts=10, status=501)]
    assert take_fault(faults, "GET", "/b", now=0) is None
    assert take_fault(faults, "GET", "/a", now=0).status == 500
    assert take_fault(faults, "GET", "/a", now=5).status == 501
    assert take_fault(faults, "GET", "/a", now=14.9).status == 501
    assert take_fault(faults, "GET", "/a", now=15) is None
    assert not faults
