"""What is shown on a real terminal: the QR code, the countdown, colours, and none of them if they are turned off."""

from __future__ import annotations

import re
import signal

import pytest

from support.pseudo_terminal import Terminal

pytestmark = pytest.mark.slow

pty = pytest.importorskip("pty")


def test_a_device_code_has_a_qr_code_and_a_countdown_that_runs(at_local, local):
    with Terminal(at_local, "login", "--device") as terminal:
        terminal.read_until(r"9:5[0-9] left")
        terminal.read_until(r"(?s)9:5(\d) left.*9:5(?!\1)\d left")
        assert "█" in terminal.shown
        code = re.search(r"and enter the code\s+(?:\x1b\[\d+m)?(\w+)", terminal.shown)[1]
        local.device(code)
        shown = terminal.read_to_the_end()
        assert "Signed in as sean (account default)" in shown
        assert terminal.process.returncode == 0


def test_a_terminal_of_80_columns_and_24_rows_shows_the_qr_code_and_all_below_it(at_local):
    with Terminal(at_local, "login", "--device", rows=24, columns=80) as terminal:
        shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.read_until(r"9:5[0-9] left"))
        lines = shown[: shown.index(" left")].splitlines()
        assert "█" in lines[0] or "▄" in lines[0]
        assert len(lines) <= 24, "the code has scrolled out"
        assert max(map(len, lines)) <= 80


def test_a_terminal_that_is_too_low_shows_the_code_in_words_alone(at_local):
    with Terminal(at_local, "login", "--device", rows=20, columns=80) as terminal:
        assert "█" not in terminal.read_until(r"9:5[0-9] left")


def test_ctrl_c_takes_the_countdown_away(at_local):
    with Terminal(at_local.unmeasured(), "login", "--device") as terminal:
        terminal.read_until("left")
        terminal.process.send_signal(signal.SIGINT)
        shown = terminal.read_to_the_end()
        assert terminal.process.returncode == 2
        assert "\x1b[?25l" not in shown  # the cursor was never hidden
        assert re.search(r"left\r\x1b\[K.*Interrupted", shown)
        assert at_local.record().token is None


def test_an_error_is_coloured_on_a_terminal_and_plain_under_no_color(command):
    with Terminal(command, "token") as terminal:
        assert "\x1b[31mError:" in terminal.read_to_the_end()
    with Terminal(command, "token", NO_COLOR="1") as terminal:
        assert "\x1b" not in terminal.read_to_the_end()


def test_a_terminal_without_block_characters_gets_no_qr_code(at_local):
    with Terminal(at_local, "login", "--device", PYTHONIOENCODING="ascii") as terminal:
        shown = terminal.read_until("enter the code")
        assert "?????" not in shown


def test_a_body_on_a_terminal_is_indented_in_colour_safe_and_ends_its_line(at_local, local):
    at_local.keep_real(local)
    fault = {"path": "/users/settings", "times": 2, "status": 404, "body": {"name": "a\x1b]52;c;x\x07\u202eb"}}
    local.control("PUT", "faults", [fault])
    with Terminal(at_local, "request", "/users/settings", both=True) as terminal:
        shown = terminal.read_to_the_end()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown).replace("\r\n", "\n")
    assert '{\n  "name": "a\\u001b]52;c;x\\u0007\\u202eb"\n}\nError: Trakt answered 404' in plain
    assert "\x1b[" in shown  # colours
    with Terminal(at_local, "request", "/users/settings", both=True, NO_COLOR="1") as terminal:
        assert "\x1b" not in terminal.read_to_the_end()


def test_the_doctors_findings_break_between_words_and_its_commands_do_not_break(command):
    command.keep(left=-5, not_refreshable_reason="Trakt refused its refresh token")
    with Terminal(command, "doctor", "--offline", both=True, rows=60, columns=80, NO_COLOR="1") as terminal:
        lines = terminal.read_to_the_end().replace("\r\n", "\n").splitlines()
    findings = [line for line in lines if "→" not in line and not line.startswith(" " * 13)]
    assert [line for line in findings if len(line) > 80 and len(max(line.split(), key=len)) < 60] == []
    assert any(line.startswith(" " * 11) for line in findings)


def test_an_error_and_its_hint_break_between_words_and_a_command_stays_in_one_line(command):
    for name in ("TRAKTAUTH_CLIENT_ID", "TRAKTAUTH_CLIENT_SECRET", "TRAKTAUTH_REDIRECT_URI"):
        del command.env[name]
    with Terminal(command, "login", "--device", both=True, rows=24, columns=80, NO_COLOR="1") as terminal:
        lines = terminal.read_to_the_end().replace("\r\n", "\n").splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("Error: ")
    hint = lines.index("→ Set it up: traktauth setup; or set TRAKTAUTH_CLIENT_ID,")
    assert 1 < hint < len(lines) - 1
    assert all(line.startswith("  ") for line in [*lines[1:hint], *lines[hint + 1 :]])


def test_each_sentence_of_a_long_hint_begins_a_line_and_its_command_can_be_copied(command):
    command.keep(left=-5, not_refreshable_reason="Trakt refused its refresh token")
    with Terminal(command, "token", rows=24, columns=80, NO_COLOR="1") as terminal:
        lines = terminal.read_to_the_end().replace("\r\n", "\n").splitlines()
    assert lines[1:] == [
        "→ Sign in: traktauth login",
        "  A free Trakt account can connect one community app:",
        "  https://app.trakt.tv/settings/apps/connected",
        "  Why: traktauth explain refresh-token-invalid",
    ]
