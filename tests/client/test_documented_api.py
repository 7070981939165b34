"""`docs/library.md`: its blocks run, one after another, and its tables name what there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import traktauth
from traktauth import LoginState, Trakt, TraktAuthError
from traktauth.testing import LocalTrakt

TEXT = (Path(__file__).parents[2] / "docs" / "library.md").read_text()


@pytest.fixture
def signed_in(monkeypatch, tmp_path):
    with LocalTrakt() as server:
        monkeypatch.setenv("TRAKTAUTH_CLIENT_ID", server.app.client_id)
        monkeypatch.setenv("TRAKTAUTH_CLIENT_SECRET", server.app.client_secret)
        monkeypatch.setenv("TRAKTAUTH_REDIRECT_URI", server.app.redirect_uri)
        monkeypatch.setenv("TRAKTAUTH_SERVICE", server.url)
        monkeypatch.setenv("TRAKTAUTH_STORE", f"file:{tmp_path}/tokens.json")
        with Trakt.from_env() as trakt:
            server.sign_in_at(trakt)
        yield server


def test_the_blocks_of_the_page_run(signed_in, capsys):
    names = {}
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)):
        exec(compile(block, f"docs/library.md, block {number}", "exec"), names)
    with names["trakt"]:
        shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "200 sean"
    assert shown[1] == "200"
    assert shown[2].startswith("valid ")
    assert shown[3:] == ["default valid"]


def test_the_page_names_every_state_and_every_error():
    assert [state for state in LoginState if f"`{state}`" not in TEXT] == []
    errors = [
        name
        for name in traktauth.__all__
        if inspect.isclass(kind := getattr(traktauth, name)) and issubclass(kind, TraktAuthError)
    ]
    assert [name for name in errors if f"`{name}`" not in TEXT and name != "AppInvalid"] == []
