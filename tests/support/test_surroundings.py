"""The browser and the environments of other clients are what they are said to be."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support.chromium import ARTEFACTS, picture

pytestmark = pytest.mark.slow


def test_chromium_shows_a_page_and_keeps_its_picture(page):
    page.set_content("<title>Hello</title><h1>Hello</h1>")
    assert page.title() == "Hello"
    kept = picture(page, "support-hello")
    assert kept.parent == ARTEFACTS
    assert kept.read_bytes().startswith(b"\x89PNG")


def test_pytrakt_has_an_environment_of_its_own(pytrakt_python):
    subprocess.run([pytrakt_python, "-c", "import trakt.core"], check=True)
    assert subprocess.run([sys.executable, "-c", "import trakt"], capture_output=True, check=False).returncode


def test_authlib_has_an_environment_of_its_own(authlib_python):
    subprocess.run([authlib_python, "-c", "import authlib, httpx2, requests"], check=True)
    assert subprocess.run([authlib_python, "-c", "import traktauth"], capture_output=True, check=False).returncode
