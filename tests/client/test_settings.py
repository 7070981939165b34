"""Settings from the environment and a TOML file, and which of them wins."""

from __future__ import annotations

import os

import pytest

from traktauth import AppInvalid, AsyncTrakt, Trakt
from traktauth.client.settings import config_path, read_settings
from traktauth.stores.memory import MemoryStore


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.toml"

    def write(text):
        path.write_text(text)
        return {"TRAKTAUTH_CONFIG": str(path)}

    return write


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """An environment without any setting."""
    for name in ("CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI", "SERVICE", "STORE", "ACCOUNT", "CONFIG"):
        monkeypatch.delenv(f"TRAKTAUTH_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def test_the_environment_wins_over_the_file_and_a_caller_over_both(config):
    environ = config('client_id = "file"\naccount = "file"\nservice = "staging"\n')
    environ |= {"TRAKTAUTH_CLIENT_ID": "environment", "TRAKTAUTH_ACCOUNT": "environment"}
    settings = read_settings(environ, account="caller", store=None)
    assert (settings.client_id, settings.account, settings.service) == ("environment", "caller", "staging")
    assert settings.store == "file:"


def test_every_setting_has_a_variable_and_a_line(config):
    values = {
        "client_id": "id",
        "client_secret": "secret",
        "redirect_uri": "http://127.0.0.1:1/",
        "service": "staging",
        "store": "memory:",
        "account": "second",
        "lost_reply": "sign-in",
    }
    from_file = read_settings(config("".join(f'{name} = "{value}"\n' for name, value in values.items())))
    from_environment = read_settings(
        {f"TRAKTAUTH_{name.upper()}": value for name, value in values.items()} | config("")
    )
    assert from_file == from_environment
    assert {name: getattr(from_file, name) for name in values} == values


def test_an_empty_variable_counts_as_absent(config):
    assert read_settings(config('client_id = "file"') | {"TRAKTAUTH_CLIENT_ID": ""}).client_id == "file"


@pytest.mark.parametrize(
    ("value", "insecure"), [("1", True), ("true", True), ("Yes", True), ("on", True), ("0", False), ("FALSE", False)]
)
def test_insecure_is_yes_or_no(config, value, insecure):
    assert read_settings(config("") | {"TRAKTAUTH_INSECURE": value}).insecure is insecure
    assert read_settings(config(f'insecure = "{value}"')).insecure is insecure


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("client_id = ", "is not valid TOML"),
        ("<xml/>", "is not valid TOML"),
        ("client_secret = 12345678", "client_secret must be a string in quotes .*, not an integer"),
        ("client_id = true", "not true or false"),
        ("account = 1.5", "not a float"),
        ('service = ["trakt"]', "not an array"),
        ("store = 2026-01-01", "not a date or time"),
        ('clientid = "x"', r"unknown setting: clientid \(did you mean client_id\?\)"),
        ('client_id = "a"\ncolour = "red"', "unknown setting: colour"),
        ('insecure = "perhaps"', "insecure must be true or false"),
        ('lost_reply = "perhaps"', "TRAKTAUTH_LOST_REPLY must be one of"),
        ("account = 7", "account"),
        ("[client_id]", "client_id must be .*, not a table"),
    ],
)
def test_a_bad_file_is_reported_with_what_is_wrong(config, text, warned):
    with pytest.raises(ValueError, match=warned):
        read_settings(config(text))


def test_a_file_that_is_not_utf_8_is_reported(config, tmp_path):
    environ = config("")
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is not UTF-8"):
        read_settings(environ)


def test_a_byte_order_mark_is_accepted(config, tmp_path):
    environ = config("")
    (tmp_path / "config.toml").write_bytes(b'\xef\xbb\xbfclient_id = "bom"\r\n')
    assert read_settings(environ).client_id == "bom"


@pytest.mark.skipif(os.name == "nt", reason="no such permissions")
@pytest.mark.parametrize(
    ("mode", "taken"), [(0o600, True), (0o644, True), (0o660, True), (0o602, False), (0o666, False)]
)
def test_a_file_that_every_user_can_change_is_not_used(config, tmp_path, mode, taken):
    environ = config('client_id = "x"')
    (tmp_path / "config.toml").chmod(mode)
    if taken:
        assert read_settings(environ).client_id == "x"
        return
    with pytest.raises(ValueError, match=r"can be changed by every user of this machine.*chmod 600 "):
        read_settings(environ)


def test_no_secret_of_a_bad_file_is_shown(config):
    with pytest.raises(ValueError, match="is not valid TOML") as caught:
        read_settings(config('client_secret = "canary'))
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_named_file_must_be_there(tmp_path):
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        read_settings({"TRAKTAUTH_CONFIG": str(tmp_path / "missing.toml")})


def test_the_platforms_file_is_read_if_it_exists(bare):
    assert config_path({}) is None
    assert read_settings({}).client_id == ""
    (bare / "config" / "traktauth").mkdir(parents=True)
    (bare / "config" / "traktauth" / "config.toml").write_text('client_id = "platform"')
    assert read_settings({}).client_id == "platform"


def test_a_folder_in_the_place_of_the_platforms_file_is_reported(bare):
    (bare / "config" / "traktauth" / "config.toml").mkdir(parents=True)
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        read_settings({})


def test_a_user_without_home_has_no_file(monkeypatch):
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert config_path({}) is None


@pytest.mark.parametrize("caller", [Trakt, AsyncTrakt])
def test_from_env_reads_the_environment(caller, bare, monkeypatch):
    monkeypatch.setenv("TRAKTAUTH_CLIENT_ID", "from-the-environment")
    monkeypatch.setenv("TRAKTAUTH_SERVICE", "staging")
    store = MemoryStore()
    trakt = caller.from_env(store=store, account="second", clock=lambda: 5.0)
    assert trakt.store.identity == store.identity
    assert (trakt.config.app.client_id, trakt.config.service.name) == ("from-the-environment", "staging")
    assert (trakt.account, trakt.config.context.clock()) == ("second", 5.0)


def test_a_missing_app_names_the_variable(bare):
    with pytest.raises(AppInvalid) as caught:
        Trakt.from_env(store="memory:")
    assert "client id, secret and redirect address are missing" in caught.value.message


def test_a_service_is_found_by_the_settings():
    assert (
        read_settings({"TRAKTAUTH_CONFIG": "/dev/null"}, service="http://h", insecure=True).find_service().api
        == "http://h"
    )


@pytest.mark.parametrize("secret", [{"client_secret": "canary"}, {"store": "redis://user:canary@host/0"}])
def test_settings_show_no_secret(secret):
    assert "canary" not in repr(read_settings({"TRAKTAUTH_CONFIG": "/dev/null"}, **secret))


def test_insecure_may_be_tomls_own(config):
    assert read_settings(config("insecure = true")).insecure
