"""`--tokens FORMAT:PATH`: the login is written as the formats of import and export have it."""

from __future__ import annotations

import json
import stat

import pytest

from traktauth.errors import LoginExists
from traktauth.migrate.formats import NAMES, FormatError, find_format
from traktauth.models import App, Token
from traktauth.sandbox.logins import DEFAULT_PATHS, FORMATS, read_login_place

APP = App("id", client_secret="secret", redirect_uri="https://app.example/callback")
TOKEN = Token(access_token="access", refresh_token="refresh", expires_in=604_800, expires_at=2_000_000_000.0)


def test_every_format_of_import_is_one():
    assert FORMATS == tuple(DEFAULT_PATHS) == ("traktauth", *NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_login_is_written_where_its_program_reads_it(name, tmp_path):
    place = read_login_place(name)
    assert place.write(APP, TOKEN, tmp_path) == {}
    path = tmp_path / DEFAULT_PATHS[name]
    found = find_format(name).read(path.read_text(), now=1_999_999_000.0)
    assert (found.access_token, found.refresh_token, found.expires_at) == ("access", "refresh", 2_000_000_000.0)
    assert name == "token" or (found.client_id, found.client_secret) == ("id", "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        place.write(APP, TOKEN, tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("kometa", "plex:\n  url: http://plex  # mine\ntrakt:\n  client_id: old\n"),
        ("pytrakt", json.dumps({"APPLICATION_ID": "http://plex", "OAUTH_TOKEN": "old"})),
    ],
)
def test_the_rest_of_a_file_stays_if_its_login_is_replaced(name, content, tmp_path):
    path = tmp_path / DEFAULT_PATHS[name]
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    read_login_place(name).write(APP, TOKEN, tmp_path, replace=True)
    assert "http://plex" in path.read_text()
    assert find_format(name).read(path.read_text(), now=0).access_token == "access"


def test_a_damaged_file_is_named_and_stays(tmp_path):
    (tmp_path / ".pytrakt.json").write_text("{")
    with pytest.raises(FormatError, match="line 1, column 2"):
        read_login_place("pytrakt").write(APP, TOKEN, tmp_path, replace=True)
    assert (tmp_path / ".pytrakt.json").read_text() == "{"


def test_a_store_is_one_of_its_places(tmp_path):
    place = read_login_place("traktauth:sqlite:logins.sqlite")
    assert place.write(APP, TOKEN, tmp_path) == {"TRAKTAUTH_STORE": f"sqlite:{tmp_path}/logins.sqlite"}
    with pytest.raises(LoginExists):
        place.write(APP, TOKEN, tmp_path)
    place.write(APP, TOKEN, tmp_path, replace=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kodi", "'kodi' is not a format of logins; give one of traktauth, pytrakt, kometa, homeassistant, token"),
        ("traktauth:redis://x", "'redis://x' is not a store of one file"),
    ],
)
def test_an_invalid_place_of_a_login_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        read_login_place(text)
