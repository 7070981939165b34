"""Where the programs keep their files, by the environment and by what exists."""

from __future__ import annotations

import pytest

from traktauth.migrate.formats import NAMES, default_path


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_pytrakts_file_is_in_the_home_folder(home):
    assert default_path("pytrakt", {}) == home / ".pytrakt.json"


def test_plextraktsyncs_own_folder_is_used_if_the_file_is_there_alone(home):
    file = touch(home / "configuration" / "PlexTraktSync" / ".pytrakt.json")
    assert default_path("pytrakt", {}) == file
    assert default_path("pytrakt", {"PTS_CONFIG_DIR": str(home / "set")}) == file
    touch(home / ".pytrakt.json")
    assert default_path("pytrakt", {}) == home / ".pytrakt.json"


def test_the_folder_of_the_environment_comes_first(home):
    touch(home / ".pytrakt.json")
    named = home / "set" / ".pytrakt.json"
    assert default_path("pytrakt", {"PTS_CONFIG_DIR": str(named.parent)}) == home / ".pytrakt.json"
    touch(named)
    assert default_path("pytrakt", {"PTS_CONFIG_DIR": str(named.parent)}) == named


def test_a_file_that_does_not_exist_is_named_at_its_first_place(home):
    assert default_path("pytrakt", {"PTS_CONFIG_DIR": str(home / "set")}) == home / "set" / ".pytrakt.json"


def test_the_home_folder_may_be_a_tilde(home):
    file = touch(home / "set" / ".pytrakt.json")
    assert default_path("pytrakt", {"PTS_CONFIG_DIR": "~/set"}) == file


@pytest.mark.parametrize(
    ("name", "place"), [("kometa", "config/config.yml"), ("homeassistant", ".storage/core.config_entries")]
)
def test_others_are_in_the_working_folder(home, name, place):
    assert str(default_path(name, {})) == place
    assert (home / place) == default_path(name, {}).absolute()


def test_a_token_comes_by_standard_input():
    assert default_path("token", {}) is None


def test_every_format_has_its_place(home):
    assert {name for name in NAMES if default_path(name, {}) is None} == {"token"}
