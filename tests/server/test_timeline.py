"""The timeline: what happened, told without a secret."""

from __future__ import annotations

import re

import pytest

from traktauth.server.attempt import Spoken
from traktauth.server.timeline import Timeline, fingerprint


def test_it_tells_which_token_came_from_which_and_what_ended_it(current):
    first = current.login()
    device = current.login()
    current.renewed(first.refresh)
    current.refresh(first.refresh)
    revoked = current.login("second")
    current.revoke(revoked.access, "second")
    page = current.get("/_control").text
    rows = re.findall(r"<tr><td>(\d+)</td><td>([^<]*)</td><td>([^<]*)</td><td>([^<]*)</td><td>([^<]*)</td></tr>", page)
    lives = {int(number): rest for number, *rest in rows}
    first_row, device_row, second_row = (int(one.access[32:]) for one in (first, device, revoked))
    assert lives[first_row][2:] == ["killed with its family", "rotated"]
    assert lives[device_row][2:] == ["killed with its family", "killed with its family"]
    assert lives[second_row][0] == "sean at The second app"
    assert lives[second_row][2:] == ["revoked", "alive"]
    refreshed = next(life for life in lives.values() if life[1] == f"pair {first_row}, refreshed")
    assert refreshed[2:] == ["killed with its family", "killed with its family"]


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
        timeline.add(at, "/oauth/token", Spoken({}, "", ""))
    assert len(timeline.newest_first()) == length
