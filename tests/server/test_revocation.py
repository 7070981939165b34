"""Revocation and the API behind the token, beyond what the recorded cases show."""

from __future__ import annotations

import pytest


def test_the_api_says_what_is_wrong_with_a_token(either):
    login = either.login()
    assert either.api(login.access).json["user"]["username"] == "sean"
    assert either.get("/users/settings", authorization=f"Bearer {login.access}").status == 403
    nothing = either.get("/users/settings", trakt_api_key="first-app")
    assert nothing.status == 401
    assert nothing.text == ""
    assert 'error="invalid_token"' in nothing.headers["www-authenticate"]
    either.control("expire", kind="access", value=login.access)
    assert "expired" in either.api(login.access).headers["www-authenticate"]


def test_writes_want_a_post(either):
    login = either.login()
    headers = {"authorization": f"Bearer {login.access}", "trakt-api-key": "first-app"}
    assert either.send("POST", "/sync/history", headers=headers, body=b"{}").status == 201
    wrong = either.send("PUT", "/sync/history", headers=headers)
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize("query", ["", "?page=0&limit=x", "?page=-1&limit=0"])
def test_a_list_has_trakts_paging_headers_whatever_page_is_asked_for(either, query):
    headers = {"authorization": f"Bearer {either.login().access}", "trakt-api-key": "first-app"}
    history = either.send("GET", f"/sync/history{query}", headers=headers)
    assert (history.status, history.json) == (200, [])
    counts = [history.headers[f"x-pagination-{name}"] for name in ("page", "limit", "page-count", "item-count")]
    assert counts == ["1", "10", "0", "0"]
