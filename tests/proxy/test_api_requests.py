"""API requests of a program: the current token takes the place of an earlier one, and nothing else changes."""

from __future__ import annotations

import asyncio
import ssl

import httpx2
import pytest

from traktauth import Trakt

LARGE = b"[" + b" " * 2_000_000 + b"]"


def test_an_earlier_access_token_is_replaced_by_the_current_one(proxied, server, held):
    server.advance(days=9)
    assert proxied.call(held["access_token"]).status_code == 200
    assert proxied.call(held["access_token"]).status_code == 200
    assert server.ledger["rotations"] == 2


def test_the_token_before_the_last_eight_is_not(proxied, server, held):
    for _ in range(8):
        server.advance(days=9)
        proxied.refresh(held["refresh_token"])
    assert proxied.call(held["access_token"]).status_code == 401


def test_a_token_that_the_api_rejects_is_refreshed_once(proxied, server, held):
    server.expire("access", held["access_token"])
    assert proxied.call(held["access_token"]).status_code == 200
    assert server.ledger["rotations"] == 2
    assert server.ledger["counts"]["GET /users/settings"] == 3  # one is of the adoption


def test_a_small_body_is_sent_again(new_proxy, server, own):
    proxied = new_proxy()
    held = proxied.refresh(own["refresh_token"]).json()
    server.expire("access", held["access_token"])
    answer = proxied.call(held["access_token"], "POST", "/sync/history", content=b'{"movies": []}')
    assert answer.status_code != 401
    assert server.ledger["rotations"] == 2


def test_a_large_body_is_streamed_and_its_401_returned(proxied, server, held):
    server.fail_next("/sync/history", status=401)
    answer = proxied.call(held["access_token"], "POST", "/sync/history", content=LARGE)
    assert answer.status_code == 401
    assert proxied.call(held["access_token"]).status_code == 200
    assert server.ledger["rotations"] == 2  # the 401 was told to the life cycle


def test_while_no_refresh_is_possible_the_answer_is_503(proxied, server, held):
    server.advance(days=9)
    server.fail_next("/oauth/token", status=429, headers={"retry-after": "9"})
    answer = proxied.call(held["access_token"])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "9")
    assert proxied.call(held["access_token"]).status_code == 200


def test_the_end_of_the_login_is_the_apis_401(proxied, server, held):
    server.disconnect("sean")
    assert proxied.call(held["access_token"]).status_code == 401
    server.advance(days=9)
    assert proxied.call(held["access_token"]).status_code == 401


def test_a_token_of_no_login_is_passed_on_unchanged(proxied, server, held):
    other = server.sign_in("justin")["access_token"]
    assert proxied.call(other).json()["user"]["username"] == "justin"
    assert proxied.call("made-up").status_code == 401


def test_after_a_sign_out_the_token_is_passed_on_unchanged(proxied, server, held):
    with Trakt(proxied.app, service=server.url, store=proxied.store, clock=server.clock) as trakt:
        trakt.logout(local=True)
    assert proxied.call(held["access_token"]).status_code == 200  # it is valid at Trakt


def test_a_store_that_fails_answers_503(proxied, held, tmp_path):
    proxied.client.close()
    path = tmp_path / "logins.sqlite"
    path.rename(tmp_path / "away")
    path.write_text("no database")
    proxied.client = proxied.new_client()
    assert proxied.call("another").status_code == 503


def test_fields_status_and_body_are_passed_on_as_they_are(proxied, server, held):
    headers = {"x-own": "v", "x-pagination-page": "2", "location": "https://elsewhere.example/"}
    server.fail_next("/movies/trending", status=302, body={"own": [1]}, headers=headers)
    answer = proxied.call(held["access_token"], path="/movies/trending?page=2&extended=full%20x")
    assert (answer.status_code, answer.json()) == (302, {"own": [1]})
    assert {name: answer.headers[name] for name in headers} == headers
    assert "via" not in answer.headers


def test_a_dropped_response_is_told_as_502(proxied, server, held):
    server.fail_next("/movies/trending", drop="after")
    answer = proxied.call(held["access_token"], path="/movies/trending")
    assert (answer.status_code, answer.json()["error"]) == (502, "bad_gateway")


def test_an_upgrade_is_refused_clearly(proxied):
    fields = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "x", "Sec-WebSocket-Version": "13"}
    answer = proxied.client.get("https://api.trakt.tv/socket", headers=fields)
    assert (answer.status_code, answer.json()["error"]) == (501, "not_implemented")


def test_an_offer_of_http_2_is_ignored(proxied, held):
    fields = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABk"}
    fields |= {"trakt-api-key": proxied.app.client_id, "Authorization": f"Bearer {held['access_token']}"}
    assert proxied.client.get("http://api.trakt.tv/users/settings", headers=fields).status_code == 200


def test_plain_http_to_trakt_is_answered_like_https(proxied, held):
    fields = {"trakt-api-key": proxied.app.client_id, "Authorization": f"Bearer {held['access_token']}"}
    assert proxied.client.get("http://api.trakt.tv/users/settings", headers=fields).status_code == 200


def test_fifty_requests_at_once_are_answered(proxied, held):
    async def many():
        fields = {"trakt-api-key": proxied.app.client_id, "Authorization": f"Bearer {held['access_token']}"}
        tls = ssl.create_default_context(cadata=proxied.authority)
        async with httpx2.AsyncClient(proxy=proxied.proxy, verify=tls, trust_env=False, timeout=60) as client:
            url = "https://api.trakt.tv/users/settings"
            return await asyncio.gather(*(client.get(url, headers=fields) for _ in range(50)))

    assert {answer.status_code for answer in asyncio.run(many())} == {200}


@pytest.mark.parametrize("path", ["/users/settings", "//users//settings"])
def test_a_head_request_has_no_body(proxied, held, path):
    answer = proxied.call(held["access_token"], "HEAD", path)
    assert answer.content == b""
