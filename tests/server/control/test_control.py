"""The control API: what it does, and whom it lets in."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

JSON = {"content-type": "application/json"}
KEY = "a-key-of-sixteen-characters-or-more"


def test_tokens_in_bulk_each_for_a_user_of_its_own(either):
    made = either.control("tokens", client_id="first-app", count=1001)["tokens"]
    assert len({token["username"] for token in made}) == 1001
    assert len({token["access_token"] for token in made}) == 1001
    last = made[-1]
    assert either.api(last["access_token"]).json["user"]["username"] == last["username"]
    assert either.refresh(last["refresh_token"]).status == 200
    assert last["expires_in"] == either.exchange(either.code()).json["expires_in"]


def test_the_clock_moves_and_is_put_back(either):
    before = either.control("clock", advance=0)["now"]
    assert either.control("clock", advance=1000.5)["now"] - before == pytest.approx(1000.5)
    either.control("reset")
    assert either.control("clock", advance=0)["now"] - before == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("seconds", [9e11, -9e11, 1e13])
def test_a_clock_that_would_leave_its_dates_says_how_far_it_goes_and_stays(either, seconds):
    before = either.control("clock", advance=0)["now"]
    refused = either.post("/_control/clock", advance=seconds)
    assert refused.status == 400
    assert "1970-01-01 to 9000-01-01" in refused.json["error"]
    assert either.control("clock", advance=0)["now"] - before == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("profile", ["current", "classic"])
@pytest.mark.parametrize("year", [1970, 9000])
def test_wherever_the_clock_goes_everything_has_a_date(start, browser, profile, year):
    client = start(profile=profile, access_life=100 * 365 * 86_400)
    now, edge = client.control("clock", advance=0)["now"], datetime(year, 1, 1, tzinfo=UTC).timestamp()
    client.control("clock", advance=edge - now + (10 if year == 1970 else -10))
    token = client.exchange(client.code(user="another-new")).json
    assert datetime.fromtimestamp(token["created_at"] + token["expires_in"], UTC).year == year + 99
    assert client.api(token["access_token"]).json["user"]["joined_at"].startswith(str(min(year, 8999)))
    assert client.renewed(token["refresh_token"])
    assert client.get("/_control").status == 200
    client.code()
    visitor = browser(client)
    visitor.sign_in()
    assert visitor.go("/connected-apps").status == 200


def test_the_clock_goes_back_and_tokens_live_longer(either):
    login = either.login()
    either.control("clock", advance=8 * 86_400)
    assert either.use(login.access) == 401
    either.control("clock", advance=-8 * 86_400)
    assert either.use(login.access) == 200


@pytest.mark.parametrize(
    ("call", "members", "unknown"),
    [
        ("tokens", {"client_id": "first-app", "count": 1, "usernam": "sean"}, "usernam"),
        ("device", {"user_code": "X", "username": "sean", "decision": "deny", "descision": "deny"}, "descision"),
        ("clock", {"advance": 5, "seconds": 5}, "seconds"),
        ("expire", {"kind": "access", "value": "x", "token": "x"}, "token"),
        ("revoke-consent", {"client_id": "first-app", "username": "sean"}, "username"),
        ("disable-app", {"client_id": "first-app", "disabled": False, "enabled": True}, "enabled"),
        ("signout", {"username": "sean"}, "username"),
        ("reset", {"tokens": True}, "tokens"),
    ],
)
def test_a_misspelt_member_is_not_taken_as_left_out(current, call, members, unknown):
    refused = current.post(f"/_control/{call}", **members)
    assert refused.status == 400
    assert refused.json["error"] == f"Object contains unknown field `{unknown}`"


@pytest.mark.parametrize("kind", ["code", "access", "refresh", "device"])
def test_one_thing_expires_and_no_other(either, kind):
    login, other = either.login(), either.login()
    code, other_code = either.code(), either.code()
    device = either.post("/oauth/device/code", client_id="first-app").json
    value = {"code": code, "access": login.access, "refresh": login.refresh, "device": device["device_code"]}[kind]
    either.control("expire", kind=kind, value=value)
    assert (either.use(login.access) == 401) is (kind == "access")
    assert (either.refresh(login.refresh).status != 200) is (kind == "refresh")
    assert (either.exchange(code).status != 200) is (kind == "code")
    assert either.use(other.access) == 200
    assert either.exchange(other_code).status == 200


def test_what_does_not_exist_cannot_expire(either):
    assert either.post("/_control/expire", kind="code", value="nothing").status == 404


def test_the_ledger_counts_requests_by_path_and_grant(either):
    login = either.login()
    either.renewed(login.refresh)
    either.revoke(login.access)
    either.refresh("U" * 32)
    ledger = either.ledger()
    assert ledger["counts"]["POST /oauth/token"] == {"authorization_code": 1, "refresh_token": 2}
    assert ledger["counts"]["POST /oauth/revoke"] == 1
    assert ledger["rotations"] == 1
    assert set(ledger["alive"]) == {"access", "refresh"}


def test_reset_forgets_tokens_and_keeps_apps_and_users(either):
    login, code = either.login(), either.code()
    either.control("reset")
    assert either.use(login.access) == 401
    assert either.exchange(code).status != 200
    assert either.ledger()["counts"]["POST /oauth/token"] == {"authorization_code": 1}
    assert either.login().access != login.access


WRONG = {
    "no username": ("authorize", {"client_id": "first-app"}, 400),
    "an unknown decision": ("authorize", {"username": "sean", "decision": "maybe"}, 400),
    "an unknown door": ("authorize", {"username": "sean", "via": "window"}, 400),
    "an unknown user code": ("device", {"user_code": "AAAAAAAA", "username": "sean", "decision": "approve"}, 404),
    "an unknown app": ("tokens", {"client_id": "unknown", "count": 1}, 404),
    "no count": ("tokens", {"client_id": "first-app"}, 400),
    "a text for a number": ("clock", {"advance": "1"}, 400),
    "a truth for a number": ("clock", {"advance": True}, 400),
    "an unknown kind": ("expire", {"kind": "session", "value": "x"}, 400),
    "no truth": ("disable-app", {"client_id": "first-app"}, 400),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_invalid_call_is_refused_with_the_reason(current, name):
    call, members, status = WRONG[name]
    reply = current.post(f"/_control/{call}", **members)
    assert reply.status == status
    assert reply.json["error"]


@pytest.mark.parametrize("body", ["[1]", "null", "5", "{", '"x"'])
def test_a_body_that_is_no_object_is_refused(current, body):
    for call in ("authorize", "tokens", "clock", "expire", "device", "disable-app"):
        assert current.send("POST", f"/_control/{call}", headers=JSON, body=body).status == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({**JSON, "host": "evil.example"}, 403),
        ({**JSON, "host": "evil.example:80"}, 403),
        *(({**JSON, "host": host}, 403) for host in ("[", "[::1", "[zz]", "a[b]", "")),
        ({**JSON, "origin": "https://evil.example"}, 403),
        ({**JSON, "origin": "null"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({}, 415),
    ],
)
def test_a_web_page_cannot_reach_it(either, headers, status):
    reply = either.send("POST", "/_control/clock", headers=headers, body=json.dumps({"advance": 5}))
    assert reply.status == status
    assert "access-control-allow-origin" not in reply.headers


def test_a_reading_call_wants_a_loopback_host_too(current):
    assert current.get("/_control/ledger", host="evil.example").status == 403


def test_its_own_origin_is_let_in(current):
    headers = {**JSON, "origin": current.url}
    assert current.send("POST", "/_control/clock", headers=headers, body='{"advance":0}').status == 200


def test_without_control_there_is_none(start):
    client = start(control=False)
    assert client.server.announcement["control"] is False
    for name in ("ledger", "reset", "authorize"):
        assert client.get(f"/_control/{name}").status == 404


@pytest.mark.parametrize(
    "settings", [{"host": "0.0.0.0", "insecure": True, "plain_http": True}, {"public_url": "https://trakt.example"}]
)
def test_elsewhere_than_on_loopback_it_wants_its_key_whatever_the_host(start, settings):
    client = start(control_key=KEY, **settings)
    client.url = client.url.replace("0.0.0.0", "127.0.0.1")
    for host in ("127.0.0.1", "localhost:8712", "trakt.example"):
        assert client.get("/_control/ledger", host=host).status == 401
        assert client.get("/_control/ledger", host=host, authorization="Bearer wrong").status == 401
        assert client.get("/_control", host=host).status == 401
        assert client.get("/_control/ledger", host=host, authorization=f"Bearer {KEY}").status == 200
    body = {"headers": {**JSON, "host": "127.0.0.1"}, "body": '{"client_id": "first-app", "count": 1}'}
    assert client.send("POST", "/_control/tokens", **body).status == 401


@pytest.mark.parametrize(
    "field", ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"]
)
@pytest.mark.parametrize("path", ["/_control/ledger", "/_control"])
def test_a_call_through_a_proxy_wants_the_key_on_loopback_too(start, field, path):
    for client, status in ((start(), 403), (start(control_key=KEY), 200)):
        headers = {field: "for=1.2.3.4", "authorization": f"Bearer {KEY}"}
        assert client.send("GET", path, headers={field: "for=1.2.3.4"}).status == 403
        assert client.send("GET", path, headers=headers).status == status


@pytest.mark.parametrize(
    ("method", "site", "status"),
    [
        ("POST", "cross-site", 403),
        ("GET", "cross-site", 403),
        ("POST", "same-site", 403),
        ("GET", "same-site", 200),
        ("POST", "same-origin", 200),
        ("POST", "none", 200),
    ],
)
def test_a_call_that_another_site_causes_is_refused(current, method, site, status):
    path = "/_control/reset" if method == "POST" else "/_control/ledger"
    assert current.send(method, path, headers={"sec-fetch-site": site}).status == status


def test_guesses_of_the_key_are_slowed_down(start):
    client = start(public_url="https://trakt.example", control_key=KEY)
    message = [client.get("/_control/ledger", authorization=f"Bearer wrong-{at}").status for at in range(25)]
    assert message == [401] * 20 + [429] * 5


def test_a_wrong_method_is_answered_with_the_right_one(current):
    reply = current.get("/_control/reset")
    assert (reply.status, reply.headers["allow"]) == (405, "POST")


def test_a_reset_forgives_wrong_guesses(current, browser):
    visitor = browser(current)
    page = visitor.go("/sign-in")
    wrong = {"username": "sean", "password": "not the password"}
    assert [visitor.submit(page, **wrong).status for _ in range(6)][-1] == 429
    current.control("reset")
    assert visitor.submit(page, **wrong).status == 400
