"""The timeline: what happened, told without a secret."""

from __future__ import annotations

import html
import re

import pytest

from traktauth.server.storage.base import StorageDown
from traktauth.server.timeline import Timeline, fingerprint, line_of


def lives_at(client):
    page = client.get("/_control").text
    rows = re.findall(r"<tr><td>(\d+)</td><td>([^<]*)</td><td>([^<]*)</td><td>([^<]*)</td><td>([^<]*)</td></tr>", page)
    return {int(number): rest for number, *rest in rows}


def lines_at(client):
    """What was asked, what was said, and what came of it; the newest first."""
    page = client.get("/_control").text
    rows = re.findall(r"<tr[^>]*><td>\d{4}-[^<]*</td><td>([^<]*)</td><td>([^<]*)</td><td>([^<]*)</td></tr>", page)
    return [tuple(map(html.unescape, row)) for row in rows]


def test_it_tells_which_token_came_from_which_and_what_ended_it(current):
    first = current.login()
    device = current.login()
    current.renewed(first.refresh)
    current.refresh(first.refresh)
    revoked = current.login("second")
    current.revoke(revoked.access, "second")
    lives = lives_at(current)
    first_row, device_row, second_row = (int(one.access[32:]) for one in (first, device, revoked))
    assert lives[first_row][2:] == ["killed with its family", "rotated"]
    assert lives[device_row][2:] == ["killed with its family", "killed with its family"]
    assert lives[second_row][0] == "sean at The second app"
    assert lives[second_row][2:] == ["revoked", "alive"]
    refreshed = next(life for life in lives.values() if life[1] == f"pair {first_row}, refreshed")
    assert refreshed[2:] == ["killed with its family", "killed with its family"]


def test_a_pair_that_the_control_api_made_is_told_of_to_its_end(current):
    made = current.control("tokens", client_id="first-app", count=2, username="sean")["tokens"]
    signed_in = current.server.sign_in("sean")
    current.refresh(made[0]["refresh_token"])
    current.refresh(made[0]["refresh_token"])
    lives = lives_at(current)
    first, second, third = (lives[int(one["access_token"][32:])] for one in (*made, signed_in))
    killed = "killed with its family"
    assert first == ["sean at The first app", "the control API", killed, "rotated"]
    assert second == third == ["sean at The first app", "the control API", killed, killed]
    assert lines_at(current)[-2:] == [
        ("POST /_control/tokens", "client_id=first-app", "200 1 pair"),
        ("POST /_control/tokens", "client_id=first-app", "200 2 pairs"),
    ]


def test_of_many_pairs_made_at_once_the_last_are_told_of(current):
    made = current.control("tokens", client_id="first-app", count=60)["tokens"]
    assert list(lives_at(current)) == [int(one["access_token"][32:]) for one in reversed(made[10:])]


def test_a_request_that_a_fault_took_is_a_line_that_says_so(current):
    login = current.login()
    current.control("reset")
    current.server.fail_next("/oauth/token", status=503)
    current.server.fail_next("/oauth/token", drop="before")
    current.server.fail_next("/oauth/token", drop="after")
    current.server.fail_next("/users/me", status=429, method="GET")
    login = current.server.sign_in("sean")["refresh_token"]
    assert current.refresh(login).status == 503
    for _ in range(2):
        with pytest.raises(OSError, match="closed"):
            current.refresh(login)
    assert current.get("/users/me").status == 429
    lines = lines_at(current)
    assert [(asked, came) for asked, _, came in lines if "a fault" in came] == [
        ("GET /users/me", "429, a fault"),
        ("POST /oauth/token", "cut, a fault, after it was done"),
        ("POST /oauth/token", "cut, a fault, before it was done"),
        ("POST /oauth/token", "503, a fault"),
    ]
    assert lines[2][2].startswith("200 access #"), "it was done"
    assert [came for asked, _, came in lines if asked == "POST /oauth/token"][2:] == [
        "cut, a fault, before it was done",
        "503, a fault",
    ]


def test_a_request_that_a_rate_limit_took_is_a_line_that_says_so(start):
    client = start(rate_limits="trakt")
    for _ in range(21):
        client.refresh("x")
    bearer = {"authorization": f"Bearer {client.server.sign_in('sean')['access_token']}"}
    for _ in range(2):
        client.send("POST", "/sync/history", headers={**bearer, "trakt-api-key": "first-app"})
    limited = [(asked, said) for asked, said, came in lines_at(client) if came == "429, a rate limit"]
    assert limited == [("POST /sync/history", ""), ("POST /oauth/token", "")]


def test_a_delayed_request_is_told_of_once_as_what_it_was(current):
    current.server.fail_next("/users/me", delay=0.01)
    current.get("/users/me")
    assert lines_at(current) == [("GET /users/me", "", "403")]


def test_calls_of_the_api_are_lines_with_the_bearers_fingerprint(either):
    login = either.login()
    either.use(login.access)
    either.post("/users/me")
    headers = {"authorization": f"Bearer {login.access}", "trakt-api-key": "first-app"}
    either.send("POST", "/sync/history", headers=headers, body="{}")
    either.control("expire", kind="access", value=login.access)
    either.get("/users/me", authorization=f"Bearer {login.access}", trakt_api_key="first-app")
    either.get("/users/me", authorization=f"Bearer {login.access}", trakt_api_key="nobody")
    bearer = f"bearer={fingerprint(login.access)}"
    assert lines_at(either)[:4] == [
        ("GET /users/me", bearer, "403"),
        ("GET /users/me", bearer, "401 invalid_token: The access token expired"),
        ("POST /sync/history", bearer, "201 sean"),
        ("GET /users/settings", bearer, "200 sean"),
    ]
    assert login.access not in either.get("/_control").text


def test_what_could_not_be_read_is_a_line_too(current):
    current.post("/api/auth/oauth2/token", grant_type="refresh_token")
    asked, said, came = lines_at(current)[0]
    assert (asked, said) == ("POST /api/auth/oauth2/token", "")
    assert came.startswith("415 ")


@pytest.mark.parametrize(("error", "came"), [(StorageDown("full"), "503 the database"), (RuntimeError("x"), "500")])
def test_what_went_wrong_here_is_not_under_way_for_ever(error, came):
    entry = Timeline(kept=True).add(0, "GET", "/users/me")
    assert line_of(entry).came == "under way"
    entry.failed(error)
    assert line_of(entry).came.startswith(came)
    assert not line_of(entry).good


def test_it_shows_fingerprints_in_place_of_secrets(either):
    code = either.code()
    tokens = either.exchange(code).json
    either.refresh(tokens["refresh_token"], client_secret="wr0ng-secret")
    either.post("/oauth/device/token", code="U" * 40, client_id="first-app", client_secret="first-secret")
    page = either.get("/_control").text
    for secret in (code, tokens["access_token"], tokens["refresh_token"], "first-secret", "wr0ng-secret", "U" * 40):
        assert secret not in page
    assert fingerprint(tokens["refresh_token"]) in page
    assert "grant_type=refresh_token" in page
    assert "invalid_client" in page


def test_a_reset_clears_it_and_it_looks_again_by_itself(current):
    current.refresh("x")
    current.control("reset")
    page = current.get("/_control")
    assert "Nothing has been asked yet" in page.text
    assert page.headers["refresh"] == "2"
    assert "refresh" not in current.get("/_control?pause=1").headers
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_web_page_elsewhere_does_not_see_it(current, start):
    assert current.get("/_control", host="evil.example").status == 403
    assert current.send("POST", "/_control").status == 405
    assert start(control=False).get("/_control").status == 404


@pytest.mark.parametrize(("kept", "length"), [(True, 500), (False, 0)])
def test_it_has_an_end(kept, length):
    timeline = Timeline(kept=kept)
    for at in range(600):
        timeline.add(at, "POST", "/oauth/token")
    assert len(timeline.newest_first()) == length
