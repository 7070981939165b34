"""What is shown on a terminal: the QR code, the countdown, colours, and none of them if they are turned off."""

from __future__ import annotations

import io
import json
import re
import signal

import pytest
import segno

from traktauth.cli.login_screen import JsonScreen, Screen
from traktauth.models.token import DeviceCode
from traktauth.steps import EnterCode


def without_styles(shown):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)


def test_a_terminal_of_24_rows_shows_the_qr_code_and_a_countdown_that_ctrl_c_takes_away(at_local):
    step = (r"(?s)(\d+:\d\d) left.*?(?!\1)\d+:\d\d left", lambda _: signal.raise_signal(signal.SIGINT))
    outcome = at_local.show("login", "--device", rows=24, columns=80, steps=[step])
    lines = without_styles(outcome.err).partition(" left")[0].splitlines()
    assert "█" in lines[0] or "▄" in lines[0]
    assert len(lines) <= 24, "the code has scrolled out"
    assert max(map(len, lines)) <= 80
    assert outcome.status == 2
    assert "\x1b[?25l" not in outcome.err  # the cursor was never hidden
    assert re.search(r"left\r\x1b\[K\s*\S*Error.*Interrupted", outcome.err)
    assert at_local.record().token is None


def test_a_terminal_that_is_too_low_or_without_blocks_shows_the_code_in_words_alone(at_local):
    steps = [(r"\d left", lambda _: signal.raise_signal(signal.SIGINT))]
    assert "█" not in at_local.show("login", "--device", rows=20, columns=80, steps=steps).err
    shown = at_local.show("login", "--device", PYTHONIOENCODING="ascii", steps=steps).err
    assert "enter the code" in shown
    assert "?????" not in shown


def test_an_error_is_coloured_on_a_terminal_and_plain_under_no_color(command):
    assert "\x1b[31mError:" in command.show("token").err
    assert "\x1b" not in command.show("token", NO_COLOR="1").err


def test_a_body_on_a_terminal_is_indented_in_colour_safe_and_ends_its_line(at_local, local):
    at_local.keep_real(local)
    fault = {"path": "/users/settings", "times": 2, "status": 404, "body": {"name": "a\x1b]52;c;x\x07\u202eb"}}
    local.control("PUT", "faults", [fault])
    outcome = at_local.show("request", "/users/settings", on="out err")
    assert '{\n  "name": "a\\u001b]52;c;x\\u0007\\u202eb"\n}\n' in without_styles(outcome.out)
    assert '\x1b[34m"name"\x1b[0m: \x1b[32m"a' in outcome.out
    assert without_styles(outcome.err).startswith("Error: Trakt answered 404")
    assert "\x1b" not in at_local.show("request", "/users/settings", on="out err", NO_COLOR="1").out


def test_the_findings_of_doctor_break_between_words_and_its_commands_do_not_break(command):
    command.keep(left=-5, not_refreshable_reason="Trakt refused its refresh token")
    lines = command.show("doctor", "--offline", on="out err", columns=80, NO_COLOR="1").out.splitlines()
    findings = [line for line in lines if "→" not in line and not line.startswith(" " * 13)]
    assert [line for line in findings if len(line) > 80 and len(max(line.split(), key=len)) < 60] == []
    assert any(line.startswith(" " * 11) for line in findings)


PLAIN = "https://auth.trakt.tv/activate"
FILLED_IN = "https://trakt.tv/activate/ABCD2345"


def device(page):
    return EnterCode(DeviceCode("the-device-code", "ABCD2345", page, 600, 5))


def picture(address):
    """Draw the QR code that leads to an address."""
    drawn = io.StringIO()
    segno.make(address, micro=False, error="l").terminal(drawn, border=2, compact=True)
    return drawn.getvalue()


@pytest.fixture(autouse=True)
def _size(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "50")


@pytest.mark.parametrize(("page", "address"), [(PLAIN, PLAIN), ("https://trakt.tv/activate", FILLED_IN)])
def test_the_qr_code_and_programs_get_the_address_that_the_host_takes(page, address, capsys):
    Screen(opens=False, is_live=True)(device(page))
    shown = capsys.readouterr().err
    assert shown.startswith(picture(address))
    assert (f"or open at once      {address}\n" in shown) == (address != page)
    JsonScreen(opens=False)(device(page))
    shown = json.loads(capsys.readouterr().out)
    assert (shown["verification_url"], shown["filled_in_url"]) == (page, address)
