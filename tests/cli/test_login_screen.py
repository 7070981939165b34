"""What the screens of a device sign-in show of the address, called in this process."""

from __future__ import annotations

import io
import json

import pytest
import segno

from traktauth.cli.login_screen import JsonScreen, Screen
from traktauth.models.device_code import DeviceCode
from traktauth.steps import EnterCode

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
