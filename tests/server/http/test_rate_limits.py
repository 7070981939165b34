"""Rate limits, health, metrics and the description of the protocol."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from server.conftest import APPS, FORM, JSON
from traktauth.server.http.throttle import Counters, Limit


def test_the_token_endpoint_refuses_the_21st_request_in_better_auths_way(start):
    client = start(rate_limits="trakt")
    assert [client.refresh("x").status for _ in range(20)] == [400] * 20
    refused = client.refresh("x")
    assert refused.status == 429
    assert refused.json == {"message": "Too many requests. Please try again later."}
    assert refused.headers["content-type"] == "text/plain;charset=UTF-8"
    assert refused.headers["x-retry-after"] == "60"
    assert "retry-after" not in refused.headers
    client.control("clock", advance=61)
    assert client.refresh("x").status == 400


def test_limits_are_off_unless_asked_for(current):
    assert {current.refresh("x").status for _ in range(40)} == {400}


def asked(client, method, path, authorization=None, *, app="first-app"):
    token = {} if authorization is None else {"authorization": authorization}
    return client.send(method, path, headers={**token, "trakt-api-key": app})


def wrote(client, authorization):
    return asked(client, "POST", "/sync/history", authorization).status


def test_writes_are_one_a_second_and_reads_many(start):
    client = start(rate_limits="trakt")
    login = client.login()
    bearer = f"Bearer {login.access}"
    assert wrote(client, bearer) == 201
    refused = asked(client, "POST", "/sync/history", bearer)
    assert refused.status == 429
    assert refused.headers["retry-after"] == "1"
    reported = json.loads(refused.headers["x-ratelimit"])
    assert (reported["name"], reported["limit"], reported["remaining"]) == ("AUTHED_API_POST_LIMIT", 1, 0)
    assert refused.text == "AUTHED_API_POST_LIMIT rate limit exceeded. Please wait 1 seconds then retry your request."
    assert {client.use(login.access) for _ in range(50)} == {200}
    client.control("clock", advance=1)
    assert wrote(client, bearer) == 201


def test_the_api_counts_a_persons_tokens_together_and_no_others(start):
    client = start(rate_limits="trakt")
    one, two, others = client.login(), client.login("second"), client.login(user="another-else")
    assert wrote(client, f"Bearer {one.access}") == 201
    assert wrote(client, f"Bearer {two.access}") == 429
    assert wrote(client, f"Bearer {client.renewed(one.refresh).access}") == 429
    assert wrote(client, f"Bearer {others.access}") == 201


def test_a_token_in_other_words_is_the_same_token(start):
    client = start(rate_limits="trakt")
    token = client.login().access
    spelled = [f"Bearer {token}", f"bearer {token}", f"BEARER {token}", f"Bearer  {token} "]
    assert [wrote(client, one) for one in spelled] == [201, 429, 429, 429]


def test_the_api_counts_reads_at_all_its_addresses_together(start):
    client = start(rate_limits="trakt")
    bearer = f"Bearer {client.login().access}"
    paths = ["/users/me", "/users/settings"] * 250
    assert {asked(client, "GET", path, bearer).status for path in paths} == {200}
    for path in ("/users/me", "/users/settings"):
        refused = asked(client, "GET", path, bearer)
        assert refused.status == 429
        assert json.loads(refused.headers["x-ratelimit"])["name"] == "AUTHED_API_GET_LIMIT"
    assert wrote(client, bearer) == 201, "writes are counted by themselves"


def test_requests_without_a_valid_token_are_counted_by_app_and_address(start):
    client = start(rate_limits="trakt")
    login = client.login()
    client.revoke(login.access)
    none = [None, "Bearer ", f"Bearer {login.access}", f"Basic {login.access}", *(f"Bearer x{at}" for at in range(496))]
    assert {asked(client, "GET", "/users/me", one).status for one in none} == {401}
    refused = asked(client, "GET", "/users/settings", "Bearer another")
    assert refused.status == 429
    assert json.loads(refused.headers["x-ratelimit"])["name"] == "UNAUTHED_API_GET_LIMIT"
    assert asked(client, "GET", "/users/me", app="second-app").status == 401
    assert client.use(client.login().access) == 200


def test_apps_that_do_not_exist_count_as_one(start):
    client = start(rate_limits="trakt")
    statuses = [asked(client, "GET", "/users/me", app=f"app {at}").status for at in range(501)]
    assert statuses == [403] * 500 + [429]


def test_a_clock_that_goes_back_empties_the_buckets():
    for is_idle in (False, True):
        counters, limit = Counters(), Limit(1, 60, is_idle=is_idle)
        assert counters.wait("key", limit, now=1000) == 0
        assert counters.wait("key", limit, now=999) == 0
        assert counters.wait("key", limit, now=999) == 60


def test_a_reset_forgets_what_limits_have_counted(start):
    client = start(rate_limits="trakt")
    bearer = f"Bearer {client.login().access}"
    assert [wrote(client, bearer) for _ in range(2)] == [201, 429]
    client.control("clock", advance=8 * 86_400)
    assert [client.refresh("x").status for _ in range(21)] == [400] * 20 + [429]
    client.control("reset")
    assert client.refresh("x").status == 400
    assert wrote(client, f"Bearer {client.login().access}") == 201


def test_buckets_have_an_end():
    counters = Counters()
    for at in range(50_050):
        counters.wait(str(at), Limit(1, 60), now=0)
    assert len(counters._counts) == 50_000


def test_health_readiness_and_numbers(either):
    either.renewed(either.login().refresh)
    assert either.get("/healthz").json == {"status": "ok"}
    assert either.get("/readyz").json == {"status": "ok"}
    numbers = either.get("/metrics")
    assert numbers.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "local_trakt_rotations_total 1" in numbers.text
    assert 'local_trakt_requests_total{method="POST",path="/oauth/token"} 2' in numbers.text
    assert either.send("POST", "/healthz").status == 405


def test_it_is_not_ready_without_its_database(start, tmp_path):
    client = start(database=f"sqlite:{tmp_path / 'db'}")
    client.server._built.context.database._connection.close()
    assert client.get("/readyz").status == 503
    assert client.get("/healthz").status == 200


def test_the_description_names_what_is_served_and_nothing_else(either):
    reported = either.get("/openapi.json").json
    assert reported["openapi"].startswith("3.")
    for path, operations in reported["paths"].items():
        for method in ("get", "post"):
            reply = either.send(method.upper(), path)
            if method in operations:
                assert str(reply.status) in operations[method]["responses"], (method, path)
            else:
                assert reply.status in (404, 405), (method, path)


def test_the_description_lists_the_bodies_that_an_address_reads_and_no_others(either):
    client = either
    message = APPS["first"].credentials | dict.fromkeys(("token", "code", "device_code"), "x")
    message["grant_type"] = "refresh_token"
    reported = client.get("/openapi.json").json["paths"]
    taking = {path for path, operations in reported.items() if "requestBody" in operations.get("post", {})}
    assert {"/oauth/token", "/oauth/revoke", "/oauth/device/code"} <= taking
    for path in taking:
        bodies = (JSON, json.dumps(message)), (FORM, urlencode(message))
        answers = {media["content-type"]: client.send("POST", path, headers=media, body=body) for media, body in bodies}
        unheard = client.send("POST", path)
        heard = {media for media, reply in answers.items() if reply.status != 415 and reply.text != unheard.text}
        assert heard == set(reported[path]["post"]["requestBody"]["content"]), path
        refuses = any(reply.status == 415 for reply in answers.values())
        assert not refuses or "415" in reported[path]["post"]["responses"], path
