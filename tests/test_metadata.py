"""What a package index shows: links that lead somewhere, and a demo that says what it needs."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
RELATIVE = re.compile(r"\]\((?!https?:|mailto:|#)")


@pytest.fixture
def metadata(tmp_path):
    """Build a wheel and return its metadata."""
    if not (CHECKOUT / "hatch_build.py").exists():
        pytest.skip("not a checkout")

    def build(home):
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
        env = {**os.environ, "TRAKTAUTH_HOME": home}
        subprocess.run(command, cwd=CHECKOUT, env=env, check=True, capture_output=True)
        with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
            (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
            return email.message_from_bytes(wheel.read(name))

    return build


@pytest.mark.slow
def test_every_link_of_a_release_is_absolute_and_leads_to_its_tag(metadata):
    made = metadata("https://git.example/them/traktauth/")
    text = made.get_payload()
    tag = f"v{made['Version']}"
    assert RELATIVE.findall(text) == []
    assert f"](https://git.example/them/traktauth/blob/{tag}/CONTRIBUTING.md)" in text
    assert f"](https://git.example/them/traktauth/raw/{tag}/docs/sign-in.png)" in text
    urls = dict(line.split(", ", 1) for line in made.get_all("Project-URL"))
    assert urls["Homepage"] == "https://git.example/them/traktauth"
    assert {"Documentation", "Changelog", "Issues", "Security"} <= urls.keys()
    assert made["Author"] == "The traktauth authors"


@pytest.mark.slow
def test_without_an_address_no_link_leads_nowhere(metadata):
    made = metadata("")
    assert RELATIVE.findall(made.get_payload()) == []
    assert "sign-in.png" not in made.get_payload()
    assert made.get_all("Project-URL") is None


@pytest.mark.slow
def test_a_malformed_repository_address_is_refused(metadata):
    with pytest.raises(subprocess.CalledProcessError) as refused:
        metadata("traktauth")
    assert b"TRAKTAUTH_HOME must be the repository's address" in refused.value.stderr


def test_every_file_that_the_readme_links_to_is_there():
    paths = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", (CHECKOUT / "README.md").read_text())
    assert len(paths) > 5
    assert [path for path in paths if not (CHECKOUT / path).exists()] == []


def test_the_first_section_installs_what_the_demo_needs():
    section = (CHECKOUT / "README.md").read_text().split("\n## ")[1]
    assert "pip install 'traktauth[server]'" in section
    assert "\ntraktauth demo\n" in section
