"""The control page: what happened, told without a secret, and its buttons."""

from __future__ import annotations

import html
import http.client
import re
import time
from contextlib import closing
from urllib.parse import urlencode, urlsplit

import pytest

from server.conftest import APPS, CALLBACK, CHALLENGE, Browser
from traktauth.server.control.live_page import MOST_READ
from traktauth.server.http.request_log import fingerprint

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


def results_of(client):
    """Request, parameters and result of each row, the newest first."""
    page = client.get("/_control").text
    found = re.findall(r"<summary>(.*?)</summary><p>(.*?)</p><p>(.*?)</p>", page)
    return [tuple(map(text_of, one)) for one in found]


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


@pytest.mark.slow
def test_the_victims_of_a_replay_are_not_counted_to_the_end(current):
    """The page looks at the last tokens alone, and says so."""
    used = newest = current.login()
    for _ in range(MOST_READ):
        newest = current.renewed(newest.refresh)
    current.refresh(used.refresh)
    (alarm,) = [row for row in rows_of(current) if row[0] == "alarm"]
    assert f"Trakt ended the whole family: at least {MOST_READ + 1} valid tokens of sean." in alarm[2]


def test_a_replay_that_kills_nothing_is_refused(classic):
    first = classic.login()
    new = classic.renewed(first.refresh)
    assert classic.use(new.access) == 200
    assert classic.refresh(first.refresh).status == 400
    kind, _, meaning = rows_of(classic)[0]
    assert kind == "bad"
    assert fingerprint(first.refresh) in meaning or "refused the refresh" in meaning


def test_a_new_login_after_a_replay_is_no_victim(current):
    first = current.login()
    current.renewed(first.refresh)
    current.refresh(first.refresh)
    current.login()
    assert tokens_of(current)[0] == ["valid", "valid"]


def test_tokens_made_by_the_control_api_are_shown(current):
    made = current.control("tokens", client_id="first-app", count=2, username="sean")["tokens"]
    current.refresh(made[0]["refresh_token"])
    current.refresh(made[0]["refresh_token"])
    assert tokens_of(current) == [[KILLED, "used"], [KILLED, KILLED], [KILLED, KILLED]]
    assert rows_of(current)[-1][2] == "A test signed in 2 times at The first app."


def test_their_fingerprints_are_shown_in_the_tree(current):
    (made,) = current.control("tokens", client_id="first-app", count=1, username="sean")["tokens"]
    page = text_of(current.get("/_control").text)
    assert f"Access {fingerprint(made['access_token'])} valid" in page
    assert f"Refresh {fingerprint(made['refresh_token'])} valid" in page


def test_a_time_of_another_day_has_its_date(current):
    current.login()
    times = r"<time>([^<]*)</time>"
    now, *shown = re.findall(times, current.get("/_control").text)
    assert {len(one) for one in shown} == {len("09:58:41")}
    current.control("clock", advance=2 * 86_400)
    _, newest, *older = re.findall(times, current.get("/_control").text)
    assert len(newest) == len("09:58:41")
    assert older == [f"{now[:10]} {one}" for one in shown]


def test_a_long_login_shows_its_first_and_its_last_pairs(current):
    login = current.login()
    for _ in range(20):
        login = current.renewed(login.refresh)
    assert len(tokens_of(current)) == 12
    assert "9 earlier refreshes left out" in text_of(current.get("/_control").text)


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
    assert [(kind, meaning) for kind, _, meaning in rows if kind == "fault"] == [
        ("fault", "An injected fault cut the connection. The request was processed, the response lost."),
        ("fault", "An injected fault answered 503."),
    ]


def test_rate_limits_are_shown(start):
    client = start(rate_limits="trakt")
    for _ in range(21):
        client.refresh("x")
    assert rows_of(client)[0][2].endswith("sent too many requests; the request was not read.")


def test_polls_without_a_decision_are_one_row(either):
    code = either.post("/oauth/device/code", client_id="first-app").json
    for _ in range(7):
        either.post("/oauth/device/token", code=code["device_code"], **APPS["first"].credentials)
    rows = rows_of(either)
    assert [request for _, request, _ in rows] == ["POST /oauth/device/token", "POST /oauth/device/code"]
    assert rows[0][2] == "The first app polled; the user has not decided yet (7 polls)."


def test_calls_of_the_api_have_the_fingerprint_of_their_token(either):
    login = either.login()
    either.use(login.access)
    either.control("expire", kind="access", value=login.access)
    either.use(login.access)
    token = fingerprint(login.access)
    rows = rows_of(either)
    assert rows[2][2] == f"The API accepted access token {token} of sean."
    assert rows[0][2].startswith(f"The API refused access token {token}: 401 invalid_token")


def test_secrets_are_fingerprints(either):
    code = either.code()
    tokens = either.exchange(code).json
    either.refresh(tokens["refresh_token"], client_secret="wr0ng-secret")
    either.post("/oauth/device/token", code="U" * 40, client_id="first-app", client_secret="first-secret")
    page = either.get("/_control").text + either.get("/_control/live").text
    for secret in (code, tokens["access_token"], tokens["refresh_token"], "first-secret", "wr0ng-secret", "U" * 40):
        assert secret not in page
    assert fingerprint(tokens["refresh_token"]) in page
    assert "invalid_client" in page


def test_an_unread_request_is_a_row(current):
    current.post("/api/auth/oauth2/token", grant_type="refresh_token")
    request, parameters, result = results_of(current)[0]
    assert (request, parameters) == ("POST /api/auth/oauth2/token", "")
    assert result.startswith("415 ")


def test_a_web_page_elsewhere_gets_nothing(current, start):
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


@pytest.mark.parametrize(
    ("seconds", "distance"),
    [
        (7 * 86_400, "forward by 7 days"),
        (3600, "forward by 1 hour"),
        (-120, "back by 2 minutes"),
        (90, "forward by 90 s"),
        (1.5, "forward by 1.5 s"),
    ],
)
def test_the_distance_of_the_clock_is_shown_in_whole_units(current, seconds, distance):
    current.control("clock", advance=seconds)
    assert rows_of(current)[0][2] == f"The clock was moved {distance}."


@pytest.mark.parametrize(("kind", "what"), [("access", "An access token"), ("refresh", "A refresh token")])
def test_what_expired_is_named(current, kind, what):
    login = current.login()
    current.control("expire", kind=kind, value=getattr(login, kind))
    assert rows_of(current)[0][2] == f"{what} was made to expire."


def test_a_question_a_cancellation_and_a_revocation_of_an_app_are_told_apart(current):
    browser = Browser(current)
    browser.sign_in()
    current.login()
    number = re.search(r'value="(\d+)" aria-label="Revoke', browser.go("/connected-apps").text)[1]
    question = browser.submit(browser.go("/connected-apps"), app=number)
    browser.submit(question, action="back")
    browser.submit(question, app=number)
    meanings = [meaning for _, request, meaning in rows_of(current) if request == "POST /connected-apps"]
    assert meanings == [
        "sean revoked a connected app.",
        "sean revoked no connected app.",
        "The browser asks whether to revoke a connected app.",
    ]


def test_a_decision_that_leads_to_no_address_of_the_app_is_named(current):
    browser = Browser(current)
    browser.sign_in()
    asked = {"response_type": "code", "client_id": "first-app", "redirect_uri": "urn:ietf:wg:oauth:2.0:oob"}
    for decision in ("deny", "approve"):
        decided = browser.submit(browser.walk("/oauth/authorize?" + urlencode(asked)), decision=decision)
    browser.go(decided.location)
    rows = [(kind, request, meaning) for kind, request, meaning in rows_of(current) if "authorize?" not in request]
    assert ("plain", "POST /consent", "sean denied The first app access.") in rows
    assert rows[0] == ("plain", "GET /oauth/authorize/native", "The browser shows the code to copy into the app.")


@pytest.mark.parametrize(("client_id", "app"), [("first-app", "The first app"), ("", "an app"), ("x", "unknown app x")])
def test_an_authorization_request_that_is_refused_is_called_so(current, client_id, app):
    current.get("/oauth/authorize?" + urlencode({"client_id": client_id, "redirect_uri": "https://elsewhere.example/"}))
    assert rows_of(current)[0][2] == f"Trakt refused the authorization request of {app}: 400."


def test_an_app_without_a_name_begins_no_word_with_a_capital_within_a_sentence(current):
    current.post("/oauth/revoke", token="x")
    assert rows_of(current)[0][2].startswith("Trakt refused the request of an app: ")


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


def test_a_form_without_its_token_does_nothing(current):
    before = current.server.clock()
    reply = current.form("/_control/act", action="clock", seconds="86400")
    assert reply.status == 403
    assert current.server.clock() - before < 86_400


def test_a_form_from_elsewhere_does_nothing(current):
    reply = current.form("/_control/act", {"origin": "https://evil.example"}, action="clock", seconds="86400")
    assert reply.status == 403


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
    log, clock = current.server._context.request_log, current.server.clock
    entry = log.entries[-1]
    for _ in range(10_000):
        log.add(clock(), "POST", "/oauth/token", entry.request).finish(entry.outcome)
    current.use(login.access)
    sizes, seconds = [], []
    for _ in range(5):
        began = time.process_time()  # of the server, too, which is in this process
        sizes.append(len(current.get("/_control").text))
        seconds.append(time.process_time() - began)
    assert max(sizes) < 1_000_000
    assert min(seconds) < 1, "a tenth of it where nothing else runs, and coverage takes as much again"
    print(f"{max(sizes)} bytes, {min(seconds) * 1000:.0f} ms")
