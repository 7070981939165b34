"""The app refuses what cannot be right, and says which setting fixes it."""

from __future__ import annotations

import copy
import pickle

import pytest

from traktauth.errors import AppInvalid, AppRejected
from traktauth.models import App
from traktauth.protocol import OUT_OF_BAND

SECRET = "0123456789abcdef"
REDIRECT = "http://127.0.0.1:9876/callback"


def refusal(client_id="the-app", *, client_secret=SECRET, redirect_uri=REDIRECT):
    with pytest.raises(AppInvalid) as caught:
        App(client_id, client_secret=client_secret, redirect_uri=redirect_uri)
    assert isinstance(caught.value, AppRejected | ValueError)
    assert SECRET not in str(caught.value) + caught.value.hint + repr(caught.value)
    return caught.value


def test_an_app_needs_an_id_alone():
    app = App("the-app")
    assert (app.client_id, app.client_secret, app.redirect_uri) == ("the-app", None, OUT_OF_BAND)
    assert app.out_of_band
    assert not app.loopback


@pytest.mark.parametrize("client_id", ["", None])
def test_a_missing_id_names_its_setting(client_id):
    error = refusal(client_id)
    assert error.message == "The app's client id is missing"
    assert "client_id" in error.hint


@pytest.mark.parametrize("value", [0, 7, b"bytes", [], object()], ids=lambda value: type(value).__name__)
def test_a_value_of_another_type_is_named(value):
    right = {"client_id": "the-app", "client_secret": SECRET, "redirect_uri": REDIRECT, "user_agent": "my-app/1.0"}
    for name in right:
        with pytest.raises(TypeError, match=f"^{name} must be a str, not {type(value).__name__}$"):
            App(**right | {name: value})


def test_an_empty_secret_is_not_taken_for_a_public_app():
    error = refusal(client_secret="")
    assert "empty" in error.message
    assert "client_secret" in error.hint
    assert "public app" in error.message


PASTED = {
    "line end": ("\n", "U+000A"),
    "carriage return": ("\r", "U+000D"),
    "tab": ("\t", "U+0009"),
    "blank": (" ", "U+0020"),
    "Ctrl-V": ("\x16", "U+0016"),
    "zero byte": ("\x00", "U+0000"),
    "delete": ("\x7f", "U+007F"),
    "escape": ("\x1b", "U+001B"),
    "no-break space": ("\xa0", "U+00A0"),
    "zero-width space": ("\u200b", "U+200B"),
    "byte order mark": ("\ufeff", "U+FEFF"),
    "umlaut": ("ä", "U+00E4"),
}


@pytest.mark.parametrize("extra", PASTED)
@pytest.mark.parametrize(("before", "after"), [("", SECRET), (SECRET, ""), (SECRET, SECRET)])
def test_what_a_clipboard_adds_to_a_secret_is_refused_and_found(extra, before, after):
    character, named = PASTED[extra]
    error = refusal(client_secret=before + character + after)
    assert named in error.message
    assert f"at position {len(before) + 1} of {len(before + after) + 1}" in error.message
    assert "Copy the secret again" in error.hint


@pytest.mark.parametrize("extra", PASTED)
def test_what_a_clipboard_adds_to_an_id_is_refused_and_found(extra):
    character, named = PASTED[extra]
    error = refusal("the-app" + character)
    assert named in error.message
    assert "client id" in error.message
    assert error.hint.startswith(("Copy", "Compare"))


@pytest.mark.parametrize(
    ("redirect_uri", "problem"),
    [
        ("", "lacks http:// or https://"),
        ("/callback", "lacks http:// or https://"),
        ("callback", "lacks http:// or https://"),
        ("127.0.0.1:9876/callback", "lacks http:// or https://"),
        ("//127.0.0.1:9876/callback", "lacks http:// or https://"),
        ("localhost:9876/callback", "lacks http:// or https://"),
        ("app.example:443", "lacks http:// or https://"),
        ("http:///callback", "names no host"),
        ("http:/callback", "names no host"),
        ("https://", "names no host"),
        ("http://:9876/callback", "names no host"),
        (REDIRECT + "#top", "fragment"),
        (REDIRECT + "#", "fragment"),
        (REDIRECT + "?next=1", "query"),
        (REDIRECT + "?", "query"),
        (REDIRECT + "\n", "blank, a line end"),
        (" " + REDIRECT, "blank, a line end"),
        (REDIRECT + "\x16", "blank, a line end"),
        ("http://exämple.test/callback", "another character"),
        ("http://[::1/callback", "not an address"),
        ("http://127.0.0.1:port/callback", "not an address"),
        ("http://127.0.0.1:99999/callback", "not an address"),
        ("http://127.0.0.1:0/callback", "port 0"),
    ],
)
def test_a_redirect_address_that_cannot_be_registered_is_refused(redirect_uri, problem):
    error = refusal(redirect_uri=redirect_uri)
    assert error.message.startswith("The redirect address ")
    assert problem in error.message
    assert error.hint


@pytest.mark.parametrize(
    "redirect_uri",
    [
        REDIRECT,
        "http://127.0.0.1/",
        "http://localhost:8080/cb",
        "http://[::1]:9876/callback",
        "https://app.example/trakt/callback",
        "com.example.app:/trakt",
        "kodi://trakt/callback",
        OUT_OF_BAND,
    ],
)
def test_every_address_that_can_be_registered_is_kept_as_it_stands(redirect_uri):
    assert App("the-app", redirect_uri=redirect_uri).redirect_uri == redirect_uri


@pytest.mark.parametrize(
    ("redirect_uri", "loopback"),
    [
        ("http://127.0.0.1:9876/callback", True),
        ("http://localhost/callback", True),
        ("http://LOCALHOST/callback", True),
        ("http://[::1]:1/callback", True),
        ("https://127.0.0.1:9876/callback", False),
        ("http://127.0.0.1.example/callback", False),
        ("http://sean@127.0.0.1/callback", False),
        ("http://192.168.1.2/callback", False),
        ("myapp://localhost/callback", False),
        (OUT_OF_BAND, False),
    ],
)
def test_only_plain_http_on_this_machine_is_a_loopback_address(redirect_uri, loopback):
    assert App("the-app", redirect_uri=redirect_uri).loopback is loopback


@pytest.mark.parametrize(
    "host", ["[::1]evil.example", "[::1].evil.example", "[::1]@evil.example", "a[::1]", "[::1]\\evil"]
)
def test_a_host_that_only_begins_like_loopback_is_refused_on_every_python(host):
    with pytest.raises(AppInvalid, match="is not an address"):
        App("the-app", redirect_uri=f"http://{host}/callback")


def test_an_app_does_not_show_its_secret():
    app = App("the-app", client_secret=SECRET, redirect_uri=REDIRECT)
    assert SECRET not in repr(app) + str(app)
    assert "the-app" in repr(app)


def test_an_app_is_a_value():
    app = App("the-app", client_secret=SECRET)
    assert app == App("the-app", client_secret=SECRET) == copy.deepcopy(app) == pickle.loads(pickle.dumps(app))
    assert len({app, App("the-app", client_secret=SECRET)}) == 1
    with pytest.raises(AttributeError):
        app.client_id = "another"


def test_secret_and_address_are_passed_by_name():
    with pytest.raises(TypeError):
        App("the-app", SECRET)
