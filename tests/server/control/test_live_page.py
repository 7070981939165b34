"""The control page: what happened, told without a secret, and its buttons."""

from __future__ import annotations

import copy
import html
import http.client
import re
import time
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from server.conftest import CALLBACK, CHALLENGE, Browser
from traktauth.server.http.exchange import fingerprint

KILLED = "killed"


def text_of(markup):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", markup))).strip()


def rows_of(client):
    """Kind, request and meaning of each row, the newest first."""
    page = client.get("/_control").text
    rows = re.findall(r'<tr class="is-(\w+)">(.*?)</tr>', page, re.DOTALL)
    return [
        (kind, text_of(re.search(r"<summary>(.*?)</summary>", row)[1]), text_of(re.search(r"<td><p>(.*?)</p>", row)[1]))
        for kind, row in rows
    ]


def tokens_of(client):
    """The states of access and refresh token of each pair, by the row that its Expire button or fingerprint names."""
    page = client.get("/_control").text.partition("tokens-title")[2]
    pairs = re.findall(r'<ul class="tokens">(.*?)</ul>', page, re.DOTALL)
    return [re.findall(r'class="state (\w+)"', pair) for pair in pairs]


def test_a_browser_sign_in_is_shown_step_by_step(current):
    browser = Browser(current)
    page = browser.walk(
        f"/oauth/authorize?response_type=code&client_id=first-app&redirect_uri={CALLBACK}&code_challenge={CHALLENGE}"
        "&code_challenge_method=S256"
    )
    page = browser.submit(page, username="sean", password="correct horse battery")
    page = browser.submit(page, decision="approve")
    rows = rows_of(current)
    code = fingerprint(page.query["code"])
    assert [meaning for _, _, meaning in reversed(rows)] == [
        "The first app sent the browser to Trakt to sign in.",
        "The browser shows the sign-in page.",
        "sean signed in.",
        "The browser asks the user whether The first app may have access.",
        f"Trakt sent the browser back to The first app with code {code}.",
    ]
    assert page.query["code"] not in current.get("/_control").text


def test_a_replay_is_one_event_that_names_cause_and_victims(current):
    first, device = current.login(), current.login()
    new = current.renewed(first.refresh)
    current.refresh(first.refresh)
    rows = rows_of(current)
    alarms = [row for row in rows if row[0] == "alarm"]
    # Access tokens outlive their refresh tokens on this profile: three of them and two refresh tokens were valid.
    meaning = (
        f"Replay: The first app sent refresh token {fingerprint(first.refresh)} again, which was used before. "
        "Trakt ended the whole family: 5 valid tokens of sean."
    )
    assert alarms == [("alarm", "POST /oauth/token", meaning)]
    assert tokens_of(current) == [[KILLED, "used"], [KILLED, KILLED], [KILLED, KILLED]]
    page = text_of(current.get("/_control").text)
    assert page.count(f"killed by the replay of {fingerprint(first.refresh)}") == 5
    for token in (*first, *device, *new):
        assert token not in page


def test_a_replay_that_kills_nothing_is_refused(classic):
    first = classic.login()
    new = classic.renewed(first.refresh)
    assert classic.use(new.access) == 200
    assert classic.refresh(first.refresh).status == 400
    kind, _, meaning = rows_of(classic)[0]
    assert kind == "bad"
    assert fingerprint(first.refresh) in meaning or "refused the refresh" in meaning


def test_tokens_made_by_the_control_api_are_shown(current):
    made = current.control("tokens", client_id="first-app", count=2, username="sean")["tokens"]
    current.refresh(made[0]["refresh_token"])
    current.refresh(made[0]["refresh_token"])
    assert tokens_of(current) == [[KILLED, "used"], [KILLED, KILLED], [KILLED, KILLED]]
    assert rows_of(current)[-1][2] == "A test signed in 2 times at The first app."


def test_revoked_and_expired_tokens_say_so(current):
    revoked, expired = current.login(), current.login()
    current.revoke(revoked.access)
    current.control("expire", kind="access", value=expired.access)
    assert tokens_of(current) == [["expired", "valid"], ["revoked", "valid"]]
    assert rows_of(current)[1][2] == f"The first app revoked token {fingerprint(revoked.access)}."


def test_faults_differ_from_refusals(current):
    current.server.fail_next("/oauth/token", status=503)
    current.server.fail_next("/oauth/token", drop="after")
    login = current.server.sign_in("sean")["refresh_token"]
    assert current.refresh(login).status == 503
    with pytest.raises(OSError, match="closed"):
        current.refresh(login)
    rows = rows_of(current)
    lost, answered = [meaning for kind, _, meaning in rows if kind == "fault"]
    assert lost.startswith(f"The first app refreshed with {fingerprint(login)} and got access token #")
    assert lost.endswith(". An injected fault cut the connection: the response was lost.")
    assert answered == "An injected fault answered 503."


def test_secrets_are_shown_as_fingerprints(either):
    code = either.code()
    tokens = either.exchange(code).json
    either.refresh(tokens["refresh_token"], client_secret="wr0ng-secret")
    either.post("/oauth/device/token", code="U" * 40, client_id="first-app", client_secret="first-secret")
    page = either.get("/_control").text + either.get("/_control/live").text
    for secret in (code, tokens["access_token"], tokens["refresh_token"], "first-secret", "wr0ng-secret", "U" * 40):
        assert secret not in page
    assert fingerprint(tokens["refresh_token"]) in page
    assert "invalid_client" in page


def test_a_page_of_another_site_is_refused(current, start):
    for path in ("/_control", "/_control/live", "/_control/events"):
        assert current.get(path, host="evil.example").status == 403
        assert current.get(path, origin="https://evil.example").status == 403
        assert start(control=False).get(path).status == 404
    assert current.send("POST", "/_control").status == 405


# ---------------------------------------------------------------- buttons
def press(client, **form):
    """Press a button of the page as a browser does; follow the redirect."""
    browser = Browser(client)
    csrf = re.search(r'name="csrf" value="([^"]*)"', browser.go("/_control").text)[1]
    reply = browser.go("/_control/act", method="POST", form={"csrf": csrf, **form})
    return browser.go(reply.location) if reply.status == 303 else reply


def test_the_clock_is_moved(current):
    before = current.server.clock()
    assert "The clock was moved." in press(current, action="clock", seconds="86400").text
    assert current.server.clock() - before >= 86_400
    assert press(current, action="clock", seconds="7").status == 400


def test_the_token_endpoint_fails_for_two_minutes(current):
    press(current, action="outage")
    assert current.refresh("x").status == 503
    assert current.refresh("x").status == 503
    current.control("clock", advance=121)
    assert current.refresh("x").status == 400


def test_the_next_response_is_lost_or_the_fault_removed(current):
    login = current.login()
    press(current, action="lost")
    with pytest.raises(OSError, match="closed"):
        current.refresh(login.refresh)
    press(current, action="lost")
    press(current, action="faults")
    assert current.refresh("x").status == 400


def test_a_token_is_expired(current):
    login = current.login()
    press(current, action="expire", kind="access", pair="1")
    assert current.use(login.access) == 401
    assert press(current, action="expire", kind="access", pair="x").status == 400


def test_everyone_is_signed_out(current):
    browser = Browser(current)
    browser.sign_in()
    press(current, action="signout")
    assert "Signed in as" not in browser.go("/").text


def test_a_reset_is_confirmed_first(current):
    current.login()
    assert "Reset the server?" in press(current, action="reset").text
    assert rows_of(current)
    press(current, action="reset", sure="1")
    assert "No requests yet" in current.get("/_control").text


@pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.example"}])
def test_a_form_without_its_token_or_from_elsewhere_does_nothing(current, headers):
    before = current.server.clock()
    reply = current.form("/_control/act", headers, action="clock", seconds="86400")
    assert reply.status == 403
    assert current.server.clock() - before < 86_400


# ---------------------------------------------------------------- events and size
def test_a_change_is_an_event(start):
    client = start()
    with closing(http.client.HTTPConnection(urlsplit(client.url).netloc, timeout=30)) as connection:
        connection.request("GET", "/_control/events")
        reply = connection.getresponse()
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert reply.readline() == b"retry: 1000\n"
        reply.readline()
        client.refresh("x")
        assert reply.readline() == b"event: change\n"


@pytest.mark.slow
def test_ten_thousand_requests_make_a_small_page(current):
    login = current.login()
    log = current.server._context.exchanges
    exchange = log.kept[-1]
    for _ in range(10_000):
        log.add(copy.copy(exchange))
    current.use(login.access)
    sizes, seconds = [], []
    for _ in range(5):
        began = time.process_time()  # of the server, too, which is in this process
        sizes.append(len(current.get("/_control").text))
        seconds.append(time.process_time() - began)
    assert max(sizes) < 1_000_000
    assert min(seconds) < 1, "a tenth of it where nothing else runs, and coverage takes as much again"
    print(f"{max(sizes)} bytes, {min(seconds) * 1000:.0f} ms")
