"""Settings, seeds, strings and addresses: what is refused, and how that is said."""

from __future__ import annotations

import json
import re

import pytest

from traktauth.server.http.throttle import Throttle, network_of
from traktauth.server.messages import as_pairs, first_duplicate, parse_json, redirect
from traktauth.server.oauth.redirect_uri import (
    host_of,
    is_registered,
    origin_of,
    problem_of,
    with_query,
)
from traktauth.server.seed import read_seed
from traktauth.server.settings import SettingError, Settings
from traktauth.server.tokens import generate_password, hash_password, password_matches

BAD = {
    "a life that is a text": ({"access_life": "60"}, "access_life must be a whole number, not str"),
    "a life that is a truth value": ({"code_life": True}, "code_life must be a whole number, not bool"),
    "a host that is a number": ({"host": 1}, "host must be a str, not int"),
    "a switch that is a text": ({"insecure": "no"}, "insecure must be True or False, not str"),
    "a database in memory with a name": ({"database": "memory:x"}, "database memory: has no name"),
    "profile": ({"profile": "modern"}, "current or classic"),
    "port": ({"port": 70000}, "port"),
    "host": ({"host": ""}, "host"),
    "a public host": ({"host": "0.0.0.0"}, "set insecure"),
    "control in public": (
        {"host": "0.0.0.0", "insecure": True, "plain_http": True, "control": True},
        "TRAKTAUTH_CONTROL_KEY",
    ),
    "control behind a public address": (
        {"public_url": "https://trakt.example", "control": True},
        "control behind public_url https://trakt.example needs TRAKTAUTH_CONTROL_KEY",
    ),
    "an empty control key": (
        {"public_url": "https://trakt.example", "control": True, "control_key": ""},
        "needs TRAKTAUTH_CONTROL_KEY",
    ),
    "a short control key": ({"control": True, "control_key": "a" * 15}, "at least 16 characters"),
    "a control key with a blank": ({"control": True, "control_key": "a" * 16 + " b"}, "without spaces"),
    "a control key that no header field holds": ({"control": True, "control_key": "\u00e9" * 16}, "ASCII"),
    "a public host in the clear": ({"host": "0.0.0.0", "insecure": True}, "host 0.0.0.0 would be reached without TLS"),
    "a public address in the clear": (
        {"public_url": "http://trakt.example"},
        "public_url http://trakt.example would be reached without TLS",
    ),
    "a public host and address in the clear": (
        {"host": "0.0.0.0", "insecure": True, "public_url": "http://trakt.example"},
        "set plain_http",
    ),
    "database": ({"database": "mysql://x"}, "sqlite:/PATH"),
    "a database without a path": ({"database": "sqlite:"}, "path"),
    "access_life": ({"access_life": 0}, "access_life"),
    "an access_life without end": ({"access_life": 10**20}, "a hundred years"),
    "rotation": ({"rotation": "never"}, "until-used"),
    "grace without seconds": ({"rotation": "grace:"}, "grace:SECONDS"),
    "grace beyond every life": ({"rotation": "grace:1e10"}, "at most 3153600000"),
    "rate_limits": ({"rate_limits": "on"}, "off or trakt"),
    "a public address that is invalid": ({"public_url": "not a url"}, "public_url must be an origin"),
    "an empty public address": ({"public_url": ""}, "https://trakt.example"),
    "PostgreSQL": ({"database": "postgresql://db/trakt"}, "database PostgreSQL was removed"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_invalid_setting_is_refused_with_a_valid_one(name):
    changes, word = BAD[name]
    with pytest.raises(ValueError, match=re.escape(word)):
        Settings(**changes)


def test_a_bad_setting_is_named_as_python_or_the_command_line_has_it():
    with pytest.raises(SettingError) as raised:
        Settings(rate_limits="{port}")
    assert str(raised.value) == "rate_limits must be off or trakt, not '{port}'"
    assert raised.value.for_command() == "--rate-limits must be off or trakt, not '{port}'"


NO_ORIGINS = (
    "trakt.example ftp://trakt.example https:// https://:443 https://[::1 https://trakt.example:0 "
    "https://trakt.example:99999 https://sean:pa55word@trakt.example https://trakt.example/trakt "
    "https://trakt.example/?a=1 https://trakt.example#a https://tr\u00e4kt.example"
)


@pytest.mark.parametrize("address", [*NO_ORIGINS.split(), "https://trakt.example\n", "https://trakt example"])
def test_a_public_address_that_is_no_origin_is_refused_and_not_quoted(address):
    with pytest.raises(ValueError, match="public_url must be an origin") as raised:
        Settings(public_url=address)
    assert "pa55word" not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "loopback"),
    [
        ({}, True),
        ({"public_url": "https://localhost:8443"}, True),
        ({"public_url": "http://[::1]:8712"}, True),
        ({"public_url": "https://trakt.localhost"}, True),
        ({"public_url": "https://trakt.example"}, False),
        ({"public_url": "https://192.168.1.2:8443"}, False),
        ({"public_url": "https://127.0.0.1.example"}, False),
        ({"host": "0.0.0.0", "insecure": True, "public_url": "https://localhost"}, False),
        ({"host": "0.0.0.0", "insecure": True, "plain_http": True}, False),
        ({"public_url": "http://trakt.example", "plain_http": True}, False),
    ],
)
def test_a_server_is_on_loopback_only_if_no_other_machine_can_reach_it(settings, loopback):
    assert Settings(**settings).loopback is loopback


def test_no_password_and_no_secret_is_in_the_repr_of_settings_and_seeds():
    settings = Settings(database="memory:", control_key="HUNTER2-and-longer", seed={"apps": [], "users": []})
    app = {"client_id": "a", "client_secret": "HUNTER2", "redirect_uris": []}
    seed = read_seed({"apps": [app], "users": [{"username": "sean", "password": "HUNTER2"}]})
    assert "HUNTER2" not in repr(settings) + repr(seed) + repr(seed.users[0])


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ("https://trakt.example", "https://trakt.example"),
        ("https://trakt.example/", "https://trakt.example"),
        ("HTTPS://Trakt.Example:8443/", "https://trakt.example:8443"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("http://127.0.0.1:8712/", "http://127.0.0.1:8712"),
    ],
)
def test_a_public_address_is_kept_as_an_origin(values, kept):
    assert Settings(public_url=values).public_url == kept


APP = {"client_id": "a", "redirect_uris": []}
BAD_SEEDS = {
    "a list": ([], "must be an object"),
    "apps that are no list": ({"apps": {}}, "$.apps"),
    "an app without an id": ({"apps": [{"redirect_uris": []}]}, "`client_id` - at `$.apps[0]`"),
    "an address that cannot be read": (
        {"apps": [{**APP, "redirect_uris": ["x:/y", "http://["]}]},
        "is not an absolute address - at `$.apps[0].redirect_uris[1]`",
    ),
    "two addresses in one": ({"apps": [{**APP, "redirect_uris": ["https://a.b/\nhttps://c.d/"]}]}, "has blanks"),
    "an empty secret": ({"apps": [{**APP, "client_secret": ""}]}, "length >= 1 - at `$.apps[0].client_secret`"),
    "a user without a password": ({"users": [{"username": "a"}]}, "`password` - at `$.users[0]`"),
    "an app twice": ({"apps": [APP, APP]}, "two apps in the seed are called 'a'"),
    "a user twice": ({"users": [{"username": "a", "password": "p"}] * 2}, "two users in the seed are called 'a'"),
    "an unknown member": ({"aps": []}, "unknown field `aps`"),
    "an unknown member of an app": ({"apps": [{**APP, "redirect_uri": "x:/y"}]}, "unknown field `redirect_uri`"),
    "an unpaired surrogate": ({"users": [{"username": "a", "password": "\ud800"}]}, "unpaired surrogate"),
    "a NUL": ({"apps": [{**APP, "client_id": "a\0"}]}, "contains a NUL"),
}


@pytest.mark.parametrize("name", BAD_SEEDS)
def test_an_invalid_seed_is_refused_with_the_place(name, tmp_path):
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


def test_an_app_without_a_secret_is_public():
    app = read_seed({"apps": [{"client_id": "a", "client_secret": None, "redirect_uris": ["x:/y"]}]}).apps[0]
    assert not app.confidential


def test_a_password_is_hashed_with_a_salt_and_compared():
    stored = hash_password("correct horse")
    assert "horse" not in stored
    assert hash_password("correct horse") != stored
    assert password_matches("correct horse", stored)
    assert not password_matches("wrong horse", stored)
    assert not password_matches("anything", None)
    assert generate_password() != generate_password()


@pytest.mark.parametrize(
    ("addresses", "network"),
    [
        (["127.0.0.1", "::1", "::ffff:127.0.0.1", "127.8.9.1"], "loopback"),
        (["2001:db8::1", "2001:db8::ffff"], "2001:db8::/64"),
        (["203.0.113.1", "::ffff:203.0.113.1"], "203.0.113.1"),
    ],
)
def test_the_addresses_of_one_host_are_counted_together(addresses, network):
    assert {network_of(address) for address in addresses} == {network}


REGISTERED = "http://127.0.0.1:9876/callback"


@pytest.mark.parametrize("asked", [REGISTERED, "http://127.0.0.1/callback", "http://127.0.0.1:1/callback"])
def test_registered_addresses_with_another_loopback_port_match(asked):
    assert is_registered(asked, ["https://app.example/", REGISTERED])


OTHERS = (
    "https://127.0.0.1:9876/callback http://127.0.0.1:9876/callback/ http://127.0.0.1:9876/callback?x=1 "
    "http://127.0.0.1:9876/callback#x http://a@127.0.0.1:9876/callback http://localhost:9876/callback "
    "http://[::1]:9876/callback http://127.0.0.1.evil.example:9876/callback HTTP://127.0.0.1:9876/callback "
    "http://127.0.0.1:/callback http://127.0.0.1:00080/callback http://127.0.0.1:\u0661/callback "
    "http://127.0.0.1\\.evil.example/callback"
)


@pytest.mark.parametrize("asked", ["", *OTHERS.split()])
def test_other_addresses_do_not_match(asked):
    assert not is_registered(asked, [REGISTERED])
    assert not is_registered("https://app.example:8443/", ["https://app.example/"])


@pytest.mark.parametrize(
    "host", ["[::1]evil.example", "[::1].evil.example", "[::1]\\evil", "[::1%25lo]", "[0::1]", "[::2]"]
)
@pytest.mark.parametrize("port", ["", ":9"])
def test_a_host_that_only_begins_like_the_registered_one_is_another(host, port):
    assert not is_registered(f"http://{host}{port}/cb", ["http://[::1]:9/cb"])
    assert is_registered("http://[::1]:10/cb", ["http://[::1]:9/cb"])


PROBLEMS = {
    "": "https://app.example/cb http://localhost:1/cb com.example.app:/cb urn:ietf:wg:oauth:2.0:oob http://[::1]:1/cb "
    "https://€.test/",
    "https": "http://app.example/cb",
    "javascript": "javascript:alert(1)",
    "fragment": "https://app.example/#x",
    "host": "https:///x https://*/ https://%41.test/ https://straße.test/ https://app.example\\@evil.example/ "
    "http://[::1]x/ https://[::1]@evil.example/ http://[zz]/cb",
    "absolute": "/relative nonsense http://[::1 https://app.example:port/",
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_which_redirect_addresses_are_valid(problem):
    for address in PROBLEMS[problem].split():
        found = problem_of(address) or ""
        assert problem in found, address
        assert bool(found) == bool(problem), address
    assert problem_of("https://app.example/a b") == problem_of("https://app\x0b.example/") == "has blanks in it"


@pytest.mark.parametrize("scheme", ["file", "FILE", "blob", "about", "ftp", "filesystem", "view-source"])
def test_a_scheme_that_leads_to_no_app_is_not_registered(scheme):
    address = f"{scheme}:///x"
    with pytest.raises(ValueError, match=rf"must not use {scheme.lower()}:"):
        read_seed({"apps": [{"client_id": "a", "redirect_uris": [address]}]})
    assert problem_of(address) is None, "a request is judged as the engines judge it"


def test_the_host_shown_for_an_address():
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
        ("https://*/", ""),
        ("https://app\x7f.example/", ""),
        ("https:app.example", ""),
        ("javascript:alert(1)", ""),
        ("/relative", ""),
        ("", ""),
    ],
)
def test_the_origin_of_an_address_for_the_security_policy(address, origin):
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
    assert first_duplicate(as_pairs(parse_json(body)), frozenset("ab")) == name


def test_repeated_parameters():
    assert first_duplicate([("a", "1"), ("x", "1"), ("x", "2")], frozenset("a")) is None
    assert first_duplicate([("a", "1"), ("a", "1")], frozenset("a")) == "a"


def test_a_throttle_forgives_some_forgets_all_in_time_and_has_an_end():
    throttle = Throttle(3, 60)
    for at in range(3):
        assert throttle.wait("x", now=at) == 0
        throttle.count("x", now=at)
    assert throttle.wait("x", now=3) == 57
    assert throttle.wait("y", now=3) == 0
    assert throttle.wait("x", now=60.5) == 0
    throttle.forgive("x")
    assert throttle.wait("x", now=3) == 0
    for at in range(10_100):
        throttle.count(f"user {at}", now=5)
    assert len(throttle._failures) == 10_000


def test_a_redirect_holds_no_line_end():
    assert "\n" not in redirect("https://a.b/\r\nset-cookie: x").headers["location"]
    assert redirect("https://a.b/é?x=%20+y#z").headers["location"] == "https://a.b/%C3%A9?x=%20+y#z"
