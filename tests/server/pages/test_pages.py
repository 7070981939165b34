"""The pages, walked as a browser without scripts does."""

from __future__ import annotations

import concurrent.futures
import re
import socket
from collections import Counter
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

import pytest

from server.conftest import CALLBACK, OOB

ASKED = {"response_type": "code", "client_id": "first-app", "redirect_uri": CALLBACK, "state": "xyz"}
AUTHORIZE = f"/oauth/authorize?{urlencode(ASKED)}"
OUT_OF_BAND = f"/oauth/authorize?{urlencode({**ASKED, 'redirect_uri': OOB})}"
RIGHT = {"username": "sean", "password": "correct horse battery"}


def test_sign_in_consent_and_back_to_the_app_with_a_code_that_works(either, browser):
    visitor = browser(either)
    page = visitor.walk(AUTHORIZE)
    assert "<h1>Sign in</h1>" in page.text
    consent = visitor.submit(page, **RIGHT)
    assert "The first app" in consent.text
    assert "127.0.0.1:9876" in consent.text
    back = visitor.submit(consent, decision="approve")
    assert back.status == 303
    assert back.query["state"] == "xyz"
    assert either.exchange(back.query["code"]).status == 200


def test_signup_true_prefers_the_sign_up_page(either, browser):
    visitor = browser(either)
    page = visitor.walk(f"{AUTHORIZE}&signup=true")
    assert "<h1>Make an account</h1>" in page.text
    consent = visitor.submit(page, username="new-one", email="new@example.test", password="long enough")
    back = visitor.submit(consent, decision="approve")
    tokens = either.exchange(back.query["code"]).json
    assert either.api(tokens["access_token"]).json["user"]["username"] == "new-one"


@pytest.mark.parametrize(
    "entered",
    [
        {"username": "x", "email": "a@b.c", "password": "long enough"},
        {"username": "new", "email": "none", "password": "long enough"},
        {"username": "new", "email": "a@b.c", "password": "short"},
        {"username": "sean", "email": "a@b.c", "password": "long enough"},
    ],
)
def test_an_invalid_account_is_not_made(current, browser, entered):
    visitor = browser(current)
    page = visitor.submit(visitor.go("/sign-up"), **entered)
    assert page.status in (400, 409)
    assert 'role="alert"' in page.text


def test_wrong_passwords_are_slowed_down(either, browser):
    visitor = browser(either)
    for _ in range(5):
        assert visitor.submit(visitor.go("/sign-in"), username="sean", password="no").status == 400
    blocked = visitor.submit(visitor.go("/sign-in"), **RIGHT)
    assert blocked.status == 429
    assert 0 < int(blocked.headers["retry-after"]) <= 61
    either.control("clock", advance=61)
    assert "Signed in as" in visitor.sign_in().text


@pytest.mark.parametrize(("password", "statuses"), [("no", {400: 5, 429: 7}), (RIGHT["password"], {303: 12})])
def test_of_many_passwords_at_once_each_is_counted(either, browser, password, statuses):
    visitor = browser(either)
    csrf = re.search(r'name="csrf" value="([^"]+)"', visitor.go("/sign-in").text)[1]
    form = {"csrf": csrf, "username": "sean", "password": password}
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda _: visitor.go("/sign-in", method="POST", form=form), range(12)))
    assert Counter(reply.status for reply in replies) == statuses


def test_a_form_without_its_token_does_nothing(either, browser):
    visitor = browser(either)
    visitor.go("/sign-in")
    for csrf in ("", "0" * 64):
        reply = visitor.go("/sign-in", method="POST", form={**RIGHT, "csrf": csrf})
        assert reply.status == 403
    assert not any("session" in name for name in visitor.cookies)


def test_a_form_of_another_browser_does_nothing(either, browser):
    mine, theirs = browser(either), browser(either)
    page = theirs.go("/sign-in")
    mine.go("/sign-in")
    assert mine.submit(page, **RIGHT).status == 403


@pytest.mark.parametrize(
    "foreign", ['theme={"mode":"dark"}', "foo[bar]=1", "expires=1", "name=gr\xfc\xdfe", "bare", "=", 'open="', "a=b=c"]
)
def test_other_programs_cookies_are_no_obstacle(current, browser, foreign):
    visitor = browser(current)
    visitor.cookies = {"first": "1; " + foreign}
    assert "Signed in as" in visitor.sign_in().text


def sign_out(visitor):
    csrf = re.search(r'name="csrf" value="([^"]+)"', visitor.go("/").text)[1]
    assert visitor.go("/sign-out", method="POST", form={"csrf": csrf}).status == 303


@pytest.mark.parametrize("kind", ["consent", "device"])
def test_a_form_shown_to_one_person_decides_nothing_for_another(either, browser, kind):
    visitor = browser(either)
    visitor.sign_in()
    device = either.post("/oauth/device/code", client_id="first-app").json
    page = visitor.walk(AUTHORIZE if kind == "consent" else f"/activate/{device['user_code']}")
    sign_out(visitor)
    visitor.submit(visitor.go("/sign-up"), username="mary", email="m@example.test", password="long enough")
    reply = visitor.submit(page, decision="approve")
    assert reply.status == 403
    assert "This form has expired" in reply.text
    assert "The first app" not in visitor.go("/connected-apps").text


def test_a_sign_in_form_from_before_another_sign_in_works(current, browser):
    visitor = browser(current)
    page = visitor.go("/sign-in")
    visitor.submit(visitor.go("/sign-up"), username="mary", email="m@example.test", password="long enough")
    assert "sean" in visitor.submit(page, **RIGHT).text


def test_signing_out_ends_the_session(current, browser):
    visitor = browser(current)
    visitor.sign_in()
    kept = dict(visitor.cookies)
    sign_out(visitor)
    visitor.cookies = kept  # anyone who copied the cookie has nothing
    assert "Signed in as" not in visitor.go("/").text


@pytest.mark.parametrize("path", ["/", "/sign-in", "/sign-up", "/activate", AUTHORIZE.replace("first-app", "none")])
def test_every_page_has_the_security_headers_and_loads_nothing_from_elsewhere(either, browser, path):
    page = browser(either).go(path)
    security_headers = page.headers["content-security-policy"]
    assert "default-src 'none'" in security_headers
    assert "frame-ancestors 'none'" in security_headers
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "not trakt.tv" in page.text
    scripts = re.findall(r"<script[^>]*>", page.text)
    assert [re.sub(r"\?[0-9a-f]+", "", script) for script in scripts] == ['<script src="/copy.js" defer>'] * (
        path == "/"
    )
    assert ("script-src 'self'" in security_headers) == (path == "/")
    assert "unsafe" not in security_headers
    assert not re.search(r'(?:src|href|action)="https?://', page.text)


KEEPS = (
    "content-security-policy",
    "x-frame-options",
    "x-content-type-options",
    "referrer-policy",
    "cache-control",
)


def test_an_unknown_address_is_a_page_for_a_browser_and_two_words_for_a_client(either):
    for method in ("GET", "HEAD", "POST"):
        for accept in ("text/html,*/*;q=0.8", "*/*"):
            reply = either.send(method, "/nope", headers={"accept": accept})
            assert reply.status == 404
            assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert set(KEEPS) <= set(reply.headers)
    page = either.get("/nope", accept="text/html")
    assert "<h1>Page not found</h1>" in page.text
    assert "not trakt.tv" in page.text
    assert either.get("/nope").text == "Not Found"


def test_answers_to_a_wrong_method_and_the_stylesheet_have_the_security_headers(either):
    style = either.get("/style.css")
    for reply in (style, either.send("DELETE", "/sign-in")):
        assert set(KEEPS) <= set(reply.headers)
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    assert "immutable" in style.headers["cache-control"]


def test_cookies_are_http_only_and_same_site_and_behind_tls_secure(start):
    for url, is_secure in ((None, False), ("https://trakt.example", True)):
        field = start(public_url=url, control=False).get("/sign-in").headers["set-cookie"]
        assert "; Path=/; HttpOnly; SameSite=Lax" in field
        assert ("; Secure" in field, field.startswith("__Host-")) == (is_secure, is_secure)


def test_behind_tls_every_answer_has_strict_transport_security(start):
    client = start(public_url="https://trakt.example", control=False)
    for path in ("/sign-in", "/healthz", "/nothing", "/users/me"):
        assert client.get(path).headers["strict-transport-security"] == "max-age=31536000"
    for url in (None, "https://localhost:8443"):  # which other programs of this machine are called, too
        assert "strict-transport-security" not in start(public_url=url).get("/sign-in").headers


PATHS = ("/", "/sign-up", "/your-apps/first-app", "/users/me", "/oauth/token", "/style.css", "/healthz", "/nothing")
HOSTS = ("evil.example", "evil.example:8712", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "[")


def test_on_loopback_nothing_is_answered_under_another_name(either):
    for host in HOSTS:
        for path in PATHS:
            reply = either.get(path, host=host)
            assert (reply.status, "--public-url" in reply.text) == (403, True), (host, path)
            assert "set-cookie" not in reply.headers


def test_on_loopback_its_own_names_are_answered(current):
    for host in ("127.0.0.1", "127.0.0.1:1", "localhost", "LOCALHOST:8712", "[::1]:8712", "a.localhost"):
        assert current.get("/sign-in", host=host).status == 200


def test_a_second_host_header_is_refused(current):
    with socket.create_connection(("127.0.0.1", urlsplit(current.url).port), timeout=60) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("settings", [{"public_url": "https://trakt.example"}, {"public_url": "https://localhost"}])
def test_behind_a_public_address_its_name_is_answered(start, settings):
    client = start(control=False, **settings)
    for host in ("127.0.0.1:8712", settings["public_url"].removeprefix("https://")):
        assert client.get("/sign-in", host=host).status == 200


def test_behind_a_proxy_addresses_begin_with_the_public_origin_and_one_slash(start):
    client = start(public_url="https://trakt.example/", control=False)
    reported = client.get("/.well-known/oauth-authorization-server").json
    assert (reported["issuer"], reported["token_endpoint"]) == (
        "https://trakt.example",
        "https://trakt.example/api/auth/oauth2/token",
    )
    assert client.server.announcement["url"] == "https://trakt.example"


UNFIT = {
    "current": [
        {"code_challenge": "abc", "code_challenge_method": "plain"},
        {"prompt": "bogus"},
        {"redirect_uri": "nonsense"},
    ],
    "classic": [],
}


def test_consent_checks_a_request_as_the_authorization_endpoint_does(either, browser):
    profile = either.server.settings.profile
    visitor = browser(either)
    consent = visitor.submit(visitor.walk(AUTHORIZE), **RIGHT)
    visitor.submit(consent, decision="approve")
    repeated = [[*ASKED.items(), (name, value)] for name, value in {"client_id": "second-app", **ASKED}.items()]
    unfit = [*repeated, *({**ASKED, **changes} for changes in UNFIT[profile])]
    for query in unfit:
        assert visitor.go(f"/consent?{urlencode(query)}").status == 400
        answered = re.sub(r'action="/consent\?[^"]*"', f'action="/consent?{urlencode(query)}"', consent.text)
        for decision in ("approve", "deny"):
            assert visitor.submit(replace(consent, text=answered), decision=decision).status == 400
    for query in unfit:
        assert visitor.submit(visitor.go(f"/sign-in?{urlencode(query)}"), **RIGHT).status == 400


PREPARED = [
    {},
    {"scope": "public", "prompt": "consent"},
    {"signup": "true"},
    {"prompt": "login consent"},
    {"response_mode": "fragment"},
    {"scope": "public", "state": "", "nonce": "n", "unheard": "of"},
    {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"},
]


@pytest.mark.parametrize("changes", PREPARED)
def test_a_request_that_was_completed_once_is_accepted_again(either, browser, changes):
    visitor = browser(either)
    page = visitor.walk(f"/oauth/authorize?{urlencode({**ASKED, **changes})}")
    consent = visitor.submit(page, username="new-one", email="n@example.test", password="long enough")
    if "signup" not in changes:
        consent = visitor.submit(page, **RIGHT)
    assert "code=" in visitor.submit(consent, decision="approve").location


def test_a_code_is_shown_to_the_session_that_it_was_made_for_and_no_other(either, browser):
    mine, elsewhere, stranger = (browser(either) for _ in range(3))
    mine.sign_in()
    elsewhere.sign_in()
    stranger.submit(stranger.go("/sign-up"), username="other", email="o@example.test", password="long enough")
    page = mine.go(mine.submit(mine.walk(OUT_OF_BAND), decision="approve").location)
    code = re.search(r'<code id="code">([^<]+)</code>', page.text)[1]
    address = f"/oauth/authorize/native?code={code}"
    assert mine.go(address).status == 200
    for other in (browser(either), elsewhere, stranger):
        refused = other.go(address)
        assert (refused.status, code in refused.text) == (400, False)
    for made_up in ("ATTACKERS-CODE", f"{code}0", "x" * 33, ""):
        refused = mine.go(f"/oauth/authorize/native?code={made_up}")
        assert (refused.status, "This code does not exist" in refused.text) == (400, True)
    assert either.exchange(code, redirect_uri=OOB).status == 200
    assert mine.go(address).status == 400, "it has been used"


NOT_ITS_OWN = ["https://*/", "https://evil.example/", "https://ex€.test/"]
NOT_ITS_OWN += [f"https://app{character}.example/" for character in "\x01\x0b\x7f"]


@pytest.mark.parametrize("address", NOT_ITS_OWN)
@pytest.mark.parametrize("page", ["/sign-in", "/sign-up"])
def test_the_form_leads_to_no_address_that_is_not_the_apps(either, page, address):
    reply = either.get(f"{page}?{urlencode({**ASKED, 'redirect_uri': address})}")
    assert reply.status == 200
    assert "form-action 'self';" in reply.headers["content-security-policy"]


REGISTERED = {
    "https://€.test/": ("https://xn--lzg.test", "xn--lzg.test"),
    "http://[::1]:8080/cb": ("http:", "[::1]:8080"),
    "https://accounts.trakt.tv@evil.test/cb": ("https://evil.test", "evil.test"),
    "urn:of:mine": ("urn:", "urn:"),
}


@pytest.mark.parametrize("address", REGISTERED)
@pytest.mark.parametrize("profile", ["current", "classic"])
def test_every_registered_address_can_be_consented_to_and_is_called_by_its_host(start, browser, profile, address):
    app = {"name": "An app", "client_id": "a", "client_secret": "s", "redirect_uris": [address]}
    visitor = browser(start(profile=profile, seed={"apps": [app], "users": [{**RIGHT}]}))
    origin, host = REGISTERED[address]
    sign_in = visitor.walk(f"/oauth/authorize?{urlencode({**ASKED, 'client_id': 'a', 'redirect_uri': address})}")
    consent = visitor.submit(sign_in, **RIGHT)
    for page in (sign_in, consent):
        assert f"form-action 'self' {origin};" in page.headers["content-security-policy"]
    assert f"You will be sent to <strong>{host}</strong>." in consent.text
    assert visitor.submit(consent, decision="approve").query["state"] == "xyz"


def test_what_a_request_says_is_shown_as_text(current, browser):
    page = browser(current).go("/sign-in?user_code=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("error_description=Call+555-1234", "this server does not know"),
        ("error=Call+555-1234", "this server does not know"),
        ("error=invalid_client&error_description=Call+555-1234", "invalid_client"),
        ("error=invalid_client&error_description=client_id+is+required", "client_id is required"),
    ],
)
def test_the_error_page_says_only_what_this_server_says(current, browser, query, shown):
    page = browser(current).go(f"/api/auth/error?{query}")
    assert (page.status, shown in page.text, "555" in page.text) == (400, True, False)
