"""The folders are those that platformdirs has."""

from __future__ import annotations

import sys

import platformdirs
import pytest

from traktauth.stores.user_folders import user_folder


@pytest.mark.parametrize("parent", [None, "", "/absolute", "/with blank"])
@pytest.mark.parametrize("home", ["/home-of-mine", "/"])
def test_user_folders_are_those_of_platformdirs(monkeypatch, parent, home):
    monkeypatch.setenv("HOME", home)
    for variable in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        if parent is None:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, parent)
    assert user_folder("data") == platformdirs.user_data_dir("traktauth", appauthor=False)
    assert user_folder("config") == platformdirs.user_config_dir("traktauth", appauthor=False)


def test_other_platforms_are_left_to_platformdirs(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: "/Library/traktauth")
    assert user_folder("data") == "/Library/traktauth"

    def nobody(*_, **__):
        raise RuntimeError("no home")

    monkeypatch.setattr("platformdirs.user_config_dir", nobody)
    assert user_folder("config") is None
