"""Settings, seeds, strings and addresses: what is refused, and how that is said."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traktauth.server import passwords, strings
from traktauth.server.http.answers import sent_to
from traktauth.server.http.encodings import basic_of, members_of, once, repeated_member
from traktauth.server.redirects import (
    fault_of,
    host_of,
    is_registered,
    origin_of,
    same_but_for_loopback_port,
    with_query,
)
from traktauth.server.seed import demo, read_seed
from traktauth.server.settings import Settings, grace_seconds, is_loopback
from traktauth.server.throttle import Throttle

BAD = {
    "profile": ({"profile": "modern"}, "current, classic"),
    "port": ({"port": 70000}, "port"),
    "host": ({"host": ""}, "host"),
    "a public host": ({"host": "0.0.0.0"}, "--insecure"),
    "control in public": ({"host": "0.0.0.0", "insecure": True, "control": True}, "TRAKTAUTH_CONTROL_KEY"),
    "database": ({"database": "mysql://x"}, "sqlite:/PATH"),
    "a database without a path": ({"database": "sqlite:"}, "path"),
    "access_life": ({"access_life": 0}, "access_life"),
    "an access_life without end": ({"access_life": 10**20}, "a hundred years"),
    "refresh_life": ({"refresh_life": -1}, "refresh_life"),
    "code_life": ({"code_life": -1}, "code_life"),
    "rotation": ({"rotation": "never"}, "until-used"),
    "grace without seconds": ({"rotation": "grace:"}, "grace:SECONDS"),
    "endless grace": ({"rotation": "grace:inf"}, "grace:SECONDS"),
    "grace beyond every life": ({"rotation": "grace:1e10"}, "at most 3153600000"),
    "rate_limits": ({"rate_limits": "on"}, "off or trakt"),
    "a public address that is none": ({"public_url": "not a url"}, "public_url is no origin"),
    "an empty public address": ({"public_url": ""}, "https://trakt.example"),
    "workers": ({"workers": 0}, "workers"),
    "workers on a file": ({"workers": 2}, "postgresql"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_setting_that_makes_no_sense_says_what_would(name):
    changes, word = BAD[name]
    with pytest.raises(ValueError, match=re.escape(word)):
        Settings(**changes)


@pytest.mark.parametrize(
    "address",
    [
        "trakt.example",
        "//trakt.example",
        "ftp://trakt.example",
        "https://",
        "https://:443",
        "https://[::1",
        "https://[1:2]",
        "https://trakt.example:",
        "https://trakt.example:0",
        "https://trakt.example:99999",
        "https://sean:pa55word@trakt.example",
        "https://trakt.example/trakt",
        "https://trakt.example//",
        "https://trakt.example?",
        "https://trakt.example/?a=1",
        "https://trakt.example#a",
        "https://trakt.example\n",
        "https://trakt example",
        "https://tr\u00e4kt.example",
    ],
)
def test_a_public_address_that_is_no_origin_is_refused_and_not_quoted(address):
    with pytest.raises(ValueError, match="public_url is no origin") as raised:
        Settings(public_url=address)
    assert "pa55word" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://trakt.example", "https://trakt.example"),
        ("https://trakt.example/", "https://trakt.example"),
        ("HTTPS://Trakt.Example:8443/", "https://trakt.example:8443"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("http://127.0.0.1:8712/", "http://127.0.0.1:8712"),
    ],
)
def test_a_public_address_is_kept_as_an_origin(given, kept):
    assert Settings(public_url=given).public_url == kept


def test_the_default_database_is_a_file_in_the_platforms_folder():
    assert Settings().database_address.startswith("sqlite:/")
    assert Settings(database="memory:").database_address == "memory:"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_loopback_hosts(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org", "localhost.example", "", "127.0.0.1.example"])
def test_other_hosts(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(("text", "seconds"), [("grace:30", 30), ("grace:0.5", 0.5), ("grace:0", None), ("once", None)])
def test_grace_seconds(text, seconds):
    assert grace_seconds(text) == seconds


BAD_SEEDS = {
    "a list": ([], "object"),
    "apps that are no list": ({"apps": {}}, '"apps"'),
    "an app without an id": ({"apps": [{"redirect_uris": []}]}, 'apps[0] in the seed needs "client_id"'),
    "an app without addresses": ({"apps": [{"client_id": "a"}]}, "redirect_uris"),
    "addresses that are none": ({"apps": [{"client_id": "a", "redirect_uris": [1]}]}, "redirect_uris"),
    "an address that cannot be read": (
        {"apps": [{"client_id": "a", "redirect_uris": ["x:/y", "http://["]}]},
        "apps[0] in the seed: redirect_uris[1] is not an absolute address",
    ),
    "an address with a fragment": (
        {"apps": [{"client_id": "a", "redirect_uris": ["https://app.example/#x"]}]},
        "redirect_uris[0] must not have a fragment",
    ),
    "an address in the clear": (
        {"apps": [{"client_id": "a", "redirect_uris": ["http://app.example/cb"]}]},
        "redirect_uris[0] must use https",
    ),
    "two addresses in one": (
        {"apps": [{"client_id": "a", "redirect_uris": ["https://a.example/\nhttps://b.example/"]}]},
        "redirect_uris[0] has blanks",
    ),
    "a secret that is a number": (
        {"apps": [{"client_id": "a", "redirect_uris": [], "client_secret": 5}]},
        "client_secret",
    ),
    "a user without a password": ({"users": [{"username": "a"}]}, 'users[0] in the seed needs "password"'),
    "a user that is a text": ({"users": ["a"]}, "users[0] in the seed must be an object"),
    "an app twice": ({"apps": [{"client_id": "a", "redirect_uris": []}] * 2}, "two apps in the seed are called 'a'"),
    "a user twice": ({"users": [{"username": "a", "password": "p"}] * 2}, "two users in the seed are called 'a'"),
    "a list of another name": ({"aps": []}, "unknown members: aps; it may have apps, users"),
    "a member of another name": (
        {"apps": [{"client_id": "a", "redirect_uris": [], "redirect_uri": "x:/y"}]},
        "apps[0] in the seed has unknown members: redirect_uri;",
    ),
    "a flag that is a text": (
        {"apps": [{"client_id": "a", "redirect_uris": [], "trusted": "false"}]},
        'apps[0] in the seed: "trusted" must be true or false',
    ),
    "an empty secret": ({"apps": [{"client_id": "a", "redirect_uris": [], "client_secret": ""}]}, "not empty"),
    "half a character": (
        {"users": [{"username": "a", "password": "\ud800"}]},
        'users[0] in the seed: "password" has a NUL or half a character in it',
    ),
    "a NUL": ({"apps": [{"client_id": "a\0", "redirect_uris": []}]}, '"client_id" has a NUL'),
}


@pytest.mark.parametrize("name", BAD_SEEDS)
def test_a_seed_that_is_none_says_where(name, tmp_path):
    content, word = BAD_SEEDS[name]
    file = tmp_path / "seed.json"
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="seed") as raised:
        read_seed(file)
    assert word in str(raised.value)


@pytest.mark.parametrize("text", ["{", "", None, "[" * 100_000])
def test_a_seed_file_that_cannot_be_read_is_named(tmp_path, text):
    file = tmp_path / "the-seed.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ValueError, match=r"the-seed\.json"):
        read_seed(file)


def test_null_is_as_good_as_absent_in_a_seed():
    app = {"client_id": "a", "redirect_uris": [], "name": None, "confidential": None}
    seed = read_seed({"apps": [app], "users": [{"username": "a", "password": "p", "email": None}]})
    assert seed.apps[0].name == "An app"
    assert seed.users[0].email == "a@example.test"


def test_an_app_without_a_secret_is_public():
    app = read_seed({"apps": [{"client_id": "a", "client_secret": None, "redirect_uris": ["x:/y"]}]}).apps[0]
    assert not app.confidential


def test_the_demo_is_what_others_reckon_with():
    seed = demo()
    assert seed.apps[0].name == "Demo app"
    assert seed.apps[0].redirects == ["http://127.0.0.1:9876/callback", "urn:ietf:wg:oauth:2.0:oob"]
    assert demo().users[0].password != seed.users[0].password
    assert demo().apps[0].client_id != seed.apps[0].client_id


def test_a_carried_string_is_found_by_its_row_and_known_by_its_hash():
    made = strings.fresh()
    carried = made.carried(42)
    assert strings.row_of(carried) == 42
    assert strings.is_of(carried, made.hash)
    assert not strings.is_of(strings.fresh().carried(42), made.hash)
    assert made.text.encode() not in made.hash
    assert strings.row_of(f"{made.text}042") == strings.row_of(f"{made.text}0") == 0, "it was not given like that"


def test_no_two_are_alike():
    assert len({strings.fresh().text for _ in range(5_000)}) == 5_000
    assert all(len(strings.fresh().text) == strings.RANDOM for _ in range(100))


@given(st.text(max_size=80))
def test_whatever_is_carried_has_a_row_or_none(text):
    assert 0 <= strings.row_of(text) < 10**18
    assert not strings.is_of(text, None)


@given(st.text(alphabet=strings.USER_CODE_ALPHABET, min_size=8, max_size=8), st.sampled_from([" ", "-", ".", "_", ""]))
def test_a_user_code_is_read_however_it_is_typed(code, mark):
    assert strings.as_typed(f" {code[:4].lower()}{mark}{code[4:]}\n") == code


def test_passwords_are_hashed_two_at_a_time_whatever_loop_asks(monkeypatch):
    now, most = [], []

    def slow(password, kept):
        now.append(password)
        most.append(len(now))
        time.sleep(0.02)
        now.remove(password)
        return kept is None

    async def three(name):
        return await asyncio.gather(*(passwords.matches_aside(f"{name} {at}", None) for at in range(3)))

    monkeypatch.setattr(passwords, "matches", slow)
    with concurrent.futures.ThreadPoolExecutor(3) as loops:
        answers = list(loops.map(lambda name: asyncio.run(three(name)), ["a", "b", "c"]))
    assert answers == [[True] * 3] * 3
    assert max(most) == 2


def test_a_throttle_keeps_little_of_what_was_typed():
    throttle = Throttle(3, 60)
    for _ in range(3):
        throttle.failed("x" * 60_000, now=0)
    assert throttle.wait("x" * 60_000, now=1) > 0
    assert throttle.wait("x" * 59_999, now=1) == 0
    assert sum(map(len, throttle._failures)) < 100


def test_user_codes_have_no_letters_that_look_alike():
    made = "".join(strings.user_code() for _ in range(500))
    assert not set("IO01") & set(made)


def test_passwords_are_argon2id_and_compare():
    kept = passwords.hashed("correct horse")
    assert kept.startswith("$argon2id$")
    assert passwords.matches("correct horse", kept)
    assert not passwords.matches("wrong horse", kept)
    assert not passwords.matches("anything", None)
    assert not passwords.matches("anything", "no hash at all")
    assert passwords.invented() != passwords.invented()


REGISTERED = "http://127.0.0.1:9876/callback"


@pytest.mark.parametrize("asked", [REGISTERED, "http://127.0.0.1/callback", "http://127.0.0.1:1/callback"])
def test_addresses_that_are_alike(asked):
    assert is_registered(asked, ["https://app.example/", REGISTERED])


@pytest.mark.parametrize(
    "asked",
    [
        "https://127.0.0.1:9876/callback",
        "http://127.0.0.1:9876/callback/",
        "http://127.0.0.1:9876/callback?x=1",
        "http://127.0.0.1:9876/callback#x",
        "http://127.0.0.1:9876/callback#",
        "http://a@127.0.0.1:9876/callback",
        "http://127.0.0.1:99999/callback",
        "http://localhost:9876/callback",
        "http://[::1]:9876/callback",
        "http://127.0.0.1.evil.example:9876/callback",
        "",
    ],
)
def test_addresses_that_are_not(asked):
    assert not is_registered(asked, [REGISTERED])


def test_no_other_host_may_have_another_port():
    assert not same_but_for_loopback_port("https://app.example:8443/", "https://app.example/")
    assert same_but_for_loopback_port("http://[::1]:1/a", "http://[::1]:2/a")


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("https://app.example/cb", None),
        ("http://localhost:1/cb", None),
        ("http://127.0.0.1/cb", None),
        ("com.example.app:/cb", None),
        ("urn:ietf:wg:oauth:2.0:oob", None),
        ("http://app.example/cb", "https"),
        ("javascript:alert(1)", "javascript"),
        ("https://app.example/#x", "fragment"),
        ("https:///x", "host"),
        ("/relative", "absolute"),
        ("nonsense", "absolute"),
        ("https://app.example/a b", "blanks"),
        ("http://[::1", "absolute"),
        ("http://[::1]:1/cb", None),
        ("https://€.test/", None),
        ("https://*/", "host"),
        ("https://a;b/", "host"),
        ("https://a..b/", "host"),
        ("https://%41.test/", "host"),
        ("https://straße.test/", "host"),
        ("https://app.example\\@evil.example/", "host"),
        ("http://[::1]x/", "host"),
        ("https://[::1]@evil.example/", "host"),
        ("https://app\x0b.example/", "blanks"),
    ],
)
def test_what_an_address_may_be(address, fault):
    found = fault_of(address)
    assert found is None if fault is None else fault in (found or "")


def test_what_a_person_reads_of_an_address():
    assert host_of("https://app.example:8443/cb?x=1") == "app.example:8443"
    assert host_of("com.example.app:/cb") == "com.example.app:"
    assert host_of("com.example.app://accounts.trakt.tv/cb") == "com.example.app:"
    assert host_of("https://accounts.trakt.tv@evil.test/cb") == "evil.test"
    assert host_of("http://x:y@[::1]:8080/cb") == "[::1]:8080"
    assert host_of("https://\u0430pp.test/") == "xn--pp-6kc.test"  # its first letter is Cyrillic


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://app.example:8443/cb?x=1", "https://app.example:8443"),
        ("https://accounts.trakt.tv@evil.test/cb", "https://evil.test"),
        ("https://ex€.test/", "https://xn--ex-9fu.test"),
        ("http://[::1]:8080/cb", "http:"),
        ("com.example.app:/cb", "com.example.app:"),
        ("com.example.app://home/cb", "com.example.app:"),
        ("https://*/", ""),
        ("https://a'b/", ""),
        ("https://app\x7f.example/", ""),
        ("https:app.example", ""),
        ("javascript:alert(1)", ""),
        ("/relative", ""),
        ("http://[::1", ""),
        ("", ""),
    ],
)
def test_what_a_policy_calls_an_address(address, origin):
    assert origin_of(address) == origin


def test_a_query_is_added_to_one_that_is_there():
    assert with_query("https://a.b/c?d=1", {"code": "x y"}) == "https://a.b/c?d=1&code=x+y"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"a":1,"b":{"a":2}}', None),
        (b'{"a":1,"a":2}', "a"),
        (b'{"a":"x","a":1}', "a"),
        (b'{"a":1,"\\u0061":"x"}', "a"),
        (b'{"a":"a","b":"\\""}', None),
        (b'{"x":1,"x":2}', None),
        (b'["a","a"]', None),
    ],
)
def test_repeated_members(body, name):
    assert repeated_member(body, json.loads(body), frozenset("ab")) == name


def test_repeated_parameters():
    assert once([("a", "1"), ("x", "1"), ("x", "2")], frozenset("a")) is None
    assert once([("a", "1"), ("a", "1")], frozenset("a")) == "a"


@pytest.mark.parametrize(
    ("field", "found"),
    [("Basic YTpi", ("a", "b")), ("Basic YTpiOmM=", ("a", "b:c")), ("Basic YQ==", None), ("Basic é", None)],
)
def test_http_basic(field, found):
    assert basic_of(field) == found


def test_members_of_what_is_no_object():
    assert members_of([1]) is None
    assert members_of({"a": 1}) == {"a": 1}


def test_a_throttle_forgives_some_forgets_all_in_time_and_has_an_end():
    throttle = Throttle(3, 60)
    for at in range(3):
        assert throttle.wait("x", now=at) == 0
        throttle.failed("x", now=at)
    assert throttle.wait("x", now=3) == 57
    assert throttle.wait("y", now=3) == 0
    assert throttle.wait("x", now=60.5) == 0
    throttle.succeeded("x")
    assert throttle.wait("x", now=3) == 0
    for at in range(10_100):
        throttle.failed(f"user {at}", now=5)
    assert len(throttle._failures) == 10_000


def test_a_redirect_holds_no_line_end_whatever_it_is_given():
    assert "\n" not in sent_to("https://a.b/\r\nset-cookie: x").headers["location"]
    assert sent_to("https://a.b/é?x=%20+y#z").headers["location"] == "https://a.b/%C3%A9?x=%20+y#z"
