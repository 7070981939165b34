"""`traktauth setup`: asked at a terminal, told by options, checked at the service, written as a whole or not at all."""

from __future__ import annotations

import json
import re
import signal
import tomllib

import pytest

from support.local import APP, PUBLIC
from traktauth.cli.setup import with_settings

PROPOSED = "http://127.0.0.1:9876/callback"


@pytest.fixture
def bare(at_local, local):
    """`traktauth` without any setting, beside a local Trakt that setup is to name."""
    for name in ("CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI", "SERVICE"):
        at_local.env.pop(f"TRAKTAUTH_{name}")
    at_local.base = local.base
    return at_local


def config(command):
    return command.folder / "home" / ".config" / "traktauth" / "config.toml"


def written(command):
    return tomllib.loads(config(command).read_text())


def write_config(command, text):
    config(command).parent.mkdir(parents=True, exist_ok=True)
    config(command).write_text(text)
    config(command).chmod(0o600)


def app_settings(command, **changed):
    settings = {
        "client_id": APP.client_id,
        "client_secret": APP.client_secret,
        "redirect_uri": PROPOSED,
        "service": command.base,
    }
    return {name: value for name, value in {**settings, **changed}.items() if value is not None}


# ---------------------------------------------------------------- at a terminal
def answer(command, steps, *words):
    return command.show("setup", *words, on="in err", steps=steps)


def test_setup_asks_checks_and_writes_a_file_for_this_user_alone(bare):
    outcome = answer(
        bare,
        [
            ("Client ID: ", APP.client_id),
            (r"Client Secret \(not shown; empty: public app\): ", APP.client_secret),
            (r"Redirect address, exactly as registered \[http://127.0.0.1:9876/callback\]: ", ""),
            (r"Service \[trakt\]: ", bare.base),
        ],
    )
    assert outcome.status == 0
    assert APP.client_secret not in outcome.err
    assert "https://app.trakt.tv/settings/apps/api" in outcome.err
    assert "Register exactly this redirect address there:" in outcome.err
    assert "The service knows this client id and secret" in outcome.err
    assert outcome.err.rstrip().endswith("Now: traktauth login")
    assert written(bare) == app_settings(bare)
    assert config(bare).stat().st_mode & 0o777 == 0o600
    assert config(bare).parent.stat().st_mode & 0o777 == 0o700
    assert list(config(bare).parent.iterdir()) == [config(bare)]
    assert "knows this client id and secret" in bare("doctor").out


def test_a_wrong_id_and_then_a_wrong_secret_are_reported_and_can_be_corrected(bare):
    outcome = answer(
        bare,
        [
            ("Client ID: ", "wrong-id"),
            ("not shown", "some-secret"),
            ("registered", ""),
            ("Service", bare.base),
            (r"does not know the client id wrong-id\n(?s:.*)Correct the client id\? \[Y/n\]: ", ""),
            (r"Client ID \[wrong-id\]: ", APP.client_id),
            ("not shown", "wrong-secret"),
            (r"does not belong to the client id(?s:.*)Enter the secret again\? \[Y/n\]: ", "y"),
            ("not shown", APP.client_secret),
        ],
    )
    assert outcome.status == 0
    assert "wrong-secret" not in outcome.err
    assert written(bare) == app_settings(bare)


def test_a_secret_of_a_public_app_can_be_left_out(bare):
    outcome = answer(
        bare,
        [
            ("not shown", "some-secret"),
            ("registered", ""),
            ("Service", bare.base),
            (r"public app(?s:.*)Leave the secret out\? \[Y/n\]: ", ""),
        ],
        "--client-id",
        PUBLIC.client_id,
    )
    assert outcome.status == 0
    assert written(bare) == app_settings(bare, client_id=PUBLIC.client_id, client_secret=None)


def test_what_cannot_be_right_is_asked_again(bare):
    answer(
        bare,
        [
            ("Client ID: ", ""),
            (r"client id is missing(?s:.*)Client ID: ", "two words"),
            (r"unprintable character(?s:.*)Client ID: ", APP.client_id),
            ("not shown", APP.client_secret),
            ("registered", "localhost:8080/x"),
            (r"lacks http://(?s:.*)registered \[http://127", ""),
            ("Service", "trackt"),
            (r"Did you mean 'trakt'\?(?s:.*)Service", bare.base),
        ],
    )
    assert written(bare) == app_settings(bare)


def test_other_settings_stay_and_a_different_app_is_replaced_only_after_a_question(bare):
    text = '# mine\nclient_id = "old"\nstore = "memory:"\n'
    write_config(bare, text)
    for reply, status in (("", text), ("y", f'# mine\nclient_id = "{APP.client_id}"\nstore = "memory:"\n')):
        outcome = answer(
            bare,
            [
                (r"Client ID \[old\]: ", APP.client_id),
                ("not shown", APP.client_secret),
                ("registered", ""),
                ("Service", bare.base),
                (r"has\s+another client_id\.(?s:.*)Replace it\? \[y/N\]: ", reply),
            ],
        )
        assert outcome.status == 0
        assert ("Nothing was changed." in outcome.err) is (reply == "")
        assert config(bare).read_text().startswith(status)
    assert written(bare) == {"store": "memory:", **app_settings(bare)}


def test_a_present_secret_is_kept_if_its_app_stays(bare):
    write_config(bare, f'client_id = "{APP.client_id}"\nclient_secret = "{APP.client_secret}"\n')
    answer(
        bare,
        [("Client ID", ""), ("empty: keep it; none: public app", ""), ("registered", ""), ("Service", bare.base)],
    )
    assert written(bare) == app_settings(bare)


def test_ctrl_c_leaves_nothing(bare):
    steps = [("Client ID: ", "some-id"), ("not shown", lambda _: signal.raise_signal(signal.SIGINT))]
    outcome = answer(bare, steps)
    assert outcome.status == 2
    assert "Interrupted" in outcome.err
    assert not config(bare).parent.exists()


def test_the_end_of_the_input_is_reported_on_a_line_of_its_own(bare):
    outcome = answer(bare, [])
    assert outcome.status == 2
    assert re.search(
        r"Client ID: \n\S*Error:\S* The input ended before the question was answered; nothing\s+was changed\n",
        outcome.err,
    )
    assert not config(bare).parent.exists()


# ---------------------------------------------------------------- by options
def by_options(command, *words, secret=f"{APP.client_secret}\n", **env):
    words = ("--client-id", APP.client_id, "--secret-stdin", *words)
    return command("setup", "--service", command.base, *words, stdin=secret, **env)


@pytest.mark.parametrize("words", [[], ["--secret-stdin"]])
def test_without_a_terminal_setup_names_the_options_and_does_not_wait(bare, words):
    outcome = bare("setup", *words)
    assert (outcome.status, outcome.out) == (2, "")
    for option in ("--client-id", "--secret-stdin", "--redirect-uri", "--service", "--yes"):
        assert option in outcome.err
    assert not config(bare).exists()


def test_the_outcome_is_json_with_json(bare):
    outcome = by_options(bare, "--json", TRAKTAUTH_CLIENT_ID="another")
    assert (outcome.status, outcome.err) == (0, "")
    assert json.loads(outcome.out) == {
        "path": str(config(bare)),
        "client_id": APP.client_id,
        "public": False,
        "redirect_uri": PROPOSED,
        "service": bare.base,
        "check": "accepted",
        "overriding": ["TRAKTAUTH_CLIENT_ID"],
    }


def test_other_settings_are_replaced_by_options_only_with_yes(bare):
    write_config(bare, 'client_id = "old"\nlost_reply = "sign-in"\n')
    outcome = by_options(bare)
    assert outcome.status == 2
    assert "has another client_id" in outcome.err
    assert re.search(r"To replace: traktauth setup --service \S+ --client-id \S+ --secret-stdin .*--yes\n", outcome.err)
    assert by_options(bare, "--yes").status == 0
    assert written(bare) == {"lost_reply": "sign-in", **app_settings(bare)}


@pytest.mark.parametrize(
    ("words", "secret", "expected", "hint"),
    [
        (["--client-id", "unknown"], "x\n", "does not know the client id unknown", "Compare it with the app's page at"),
        ([], "wrong\n", "does not belong to the client id", "give it on stdin: --secret-stdin"),
        ([], "", "No secret is set, and this app has one", "give it on stdin: --secret-stdin"),
        (["--client-id", PUBLIC.client_id], "x\n", "this is a public app", "Give an empty line as the secret"),
        (["--redirect-uri", "http://127.0.0.1:9/x"], f"{APP.client_secret}\n", "is not registered", "Register it on"),
    ],
)
def test_an_app_that_the_service_refuses_is_not_saved(bare, words, secret, expected, hint):
    outcome = by_options(bare, *words, secret=secret)
    assert (outcome.status, outcome.out) == (3, "")
    assert expected in outcome.err
    assert "; nothing was saved" in outcome.err
    assert hint in outcome.err
    assert not config(bare).exists()


def test_an_app_that_cannot_be_checked_is_saved_and_reported(bare):
    bare.base = "http://127.0.0.1:9"
    outcome = by_options(bare)
    assert outcome.status == 0
    assert "! The app was not checked: " in outcome.err
    assert written(bare) == app_settings(bare)


def test_another_file_is_written_if_one_is_named_and_a_link_stays(bare):
    real = bare.folder / "dotfiles" / "trakt.toml"
    real.parent.mkdir()
    link = bare.folder / "link.toml"
    link.symlink_to(real)
    assert by_options(bare, TRAKTAUTH_CONFIG=str(link)).status == 0
    assert link.is_symlink()
    assert tomllib.loads(real.read_text()) == app_settings(bare)


@pytest.mark.parametrize(
    ("text", "expected"), [("not toml", "is not valid TOML"), ("client_id = 5\n", "client_id must be a string")]
)
def test_a_damaged_file_is_left_as_it_is(bare, text, expected):
    write_config(bare, text)
    outcome = by_options(bare, "--yes")
    assert outcome.status == 2
    assert expected in outcome.err
    assert outcome.err.endswith("\n→ See: traktauth help environment\n")
    assert config(bare).read_text() == text


def test_a_file_in_the_place_of_the_folder_is_reported(bare):
    (bare.folder / "home").mkdir()
    (bare.folder / "home" / ".config").write_text("")
    outcome = by_options(bare)
    assert outcome.status == 1
    assert f"The configuration file {config(bare)} cannot be written" in outcome.err


# ---------------------------------------------------------------- the file
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'client_id = "new"\n'),
        ('client_id = "old" # mine\nclient_secret = "gone"\n', 'client_id = "new" # mine\n'),
        ('client_id = """\nold"""\nstore = "a\\"b\\u007f😀"\n', 'client_id = "new"\nstore = "a\\"b\\u007f😀"\n'),
    ],
)
def test_settings_are_changed_and_the_rest_of_the_file_stays(before, after):
    assert with_settings(before, {"client_id": "new", "client_secret": None}) == after
