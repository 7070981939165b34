"""Help, topics, suggestions, completion and the man page, on terminals of every width."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from traktauth.cli.commands import traktauth
from traktauth.cli.help import TOPICS, man_page


def top_context(**settings):
    """A context as the command makes it: click keeps the help option of the first context that asks for it."""
    return click.Context(traktauth, info_name="traktauth", **{**traktauth.context_settings, **settings})


def all_commands(group=traktauth, context=None, before=()):
    context = context or top_context()
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from all_commands(command, click.Context(command, info_name=name, parent=context), (*before, name))
        else:
            yield (*before, name), command


README = Path(__file__).parents[2] / "README.md"
COMMANDS = dict(all_commands())
NAMES = list(COMMANDS)


def rendered(words, width):
    context = top_context(terminal_width=width, max_content_width=width)
    command = traktauth
    for word in words:
        command = command.get_command(context, word)
        context = click.Context(command, info_name=word, parent=context, terminal_width=width, max_content_width=width)
    return command.get_help(context)


def test_no_line_of_a_help_is_wider_than_the_terminal():
    for words in ((), ("store",), *NAMES):
        assert [line for line in rendered(words, 60).splitlines() if len(line) > 60] == []


def test_every_help_has_an_example_that_names_the_command():
    for words in NAMES:
        assert f"traktauth {' '.join(words)}" in rendered(words, 80).partition("\nExamples:\n")[2]


def test_the_first_help_fits_a_terminal_of_40_lines_and_names_the_configuration_file(command):
    outcome = command()
    assert len(outcome.out.splitlines()) <= 40
    assert "~/.config/traktauth/config.toml" in outcome.out
    assert command("--help").out == outcome.out == command("help").out


def test_the_configuration_file_that_is_read_is_named(command):
    (command.folder / "mine.toml").write_text("")
    assert "mine.toml" in command("--help", TRAKTAUTH_CONFIG=str(command.folder / "mine.toml")).out


def test_topics_fit_80_columns_in_ascii(command):
    for topic, (_, expected) in TOPICS.items():
        text = command("help", topic).out
        assert text.startswith(expected)
        assert text.isascii()
        assert max(map(len, text.splitlines())) < 80


def test_every_setting_is_in_the_topic_on_the_environment():
    from traktauth.client.settings import _NAMES  # noqa: PLC0415 - only here

    named = set(re.findall(r"TRAKTAUTH_[A-Z_]+", TOPICS["environment"][1]))
    for_a_test = {"TRAKTAUTH_CLOCK_URL"}  # set by a fixture
    assert {f"TRAKTAUTH_{name.upper()}" for name in _NAMES} - for_a_test <= named


def test_the_help_of_a_command_comes_in_three_ways(command):
    assert command("help", "store", "move").out == command("store", "move", "--help").out != ""
    assert command("store", "move", "-h").out == command("help", "store", "move").out


@pytest.mark.parametrize("word", ["-V", "--version", "version"])
def test_the_version_is_printed(command, word):
    assert re.fullmatch(r"traktauth \d+\.\d+\.\d+\S*\n", command(word).out)


@pytest.mark.parametrize("words", [("keep",), ("store", "reseal")])
def test_an_option_that_would_do_nothing_is_not_there(words):
    assert "--account" not in rendered(words, 80)


# ---------------------------------------------------------------- completion
def completed(command, *words):
    """What fish would offer for the last of some words."""
    env = {
        "_TRAKTAUTH_COMPLETE": "fish_complete",
        "COMP_WORDS": " ".join(["traktauth", *words]),
        "COMP_CWORD": words[-1],
    }
    outcome = command(**env)
    assert outcome.err == ""
    return [line.partition(",")[2].partition("\t")[0] for line in outcome.out.splitlines() if line]


def test_commands_options_and_values_are_completed(command):
    command.keep(account="tv")
    command.keep(account="phone")
    command.keep(account="bad\x1b]0;")
    assert "login" in completed(command, "lo")
    assert completed(command, "store", "mo") == ["move"]
    assert completed(command, "token", "--account", "t") == ["tv"]
    assert completed(command, "import", "k") == ["kometa"]
    assert completed(command, "token", "--service", "st") == ["staging"]
    assert completed(command, "token", "--store", "sq") == ["sqlite:"]
    assert completed(command, "serve", "--profile", "cl") == ["classic"]
    assert completed(command, "serve", "--rotation", "un") == ["until-used"]
    assert completed(command, "help", "exit") == ["exit-codes"]


def test_a_name_that_a_shell_would_run_is_not_offered(command):
    """Bash inserts what it is offered as it is, and others may be able to write the store."""
    command.keep(account="tv")
    command.keep(account="tv;touch${IFS}RAN;#")
    assert completed(command, "token", "--account", "t") == ["tv"]


def test_a_store_that_cannot_be_read_completes_nothing_and_says_nothing(command):
    command.path.parent.mkdir(parents=True)
    command.path.write_text("{")
    assert completed(command, "token", "--account", "t") == []
    assert completed(command, "token", "--store", "redis://127.0.0.1:9/0", "--account", "t") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_that_it_understands(command, shell):
    outcome = command("completion", shell)
    assert (outcome.status, outcome.err) == (0, "")
    assert f"_TRAKTAUTH_COMPLETE={shell}_complete" in outcome.out
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=outcome.out, text=True, check=True, timeout=60)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_offers_what_the_script_says(command):
    command.keep(account="living-room")
    script = command("completion", "bash").out
    bin_folder = command.folder / "bin"
    bin_folder.mkdir()
    (bin_folder / "traktauth").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m traktauth "$@"\n')
    (bin_folder / "traktauth").chmod(0o755)
    asked = ["COMP_WORDS=(traktauth token --account liv)", "COMP_CWORD=3", "_traktauth_completion traktauth"]
    ask = "\n".join([script, *asked, 'echo "${COMPREPLY[@]}"'])
    env = {**command.env, "PATH": f"{bin_folder}:{command.env['PATH']}"}
    done = subprocess.run(
        ["bash", "--norc", "-c", ask], env=env, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["living-room"]


# ---------------------------------------------------------------- the man page
@pytest.mark.skipif(shutil.which("mandoc") is None, reason="needs mandoc")
def test_the_man_page_is_clean(command):
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning"],
        input=command("help", "--man").out,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_man_page_has_the_help_of_every_command_and_every_topic():
    text = man_page(traktauth, top_context())
    for words in NAMES:
        assert f".SS traktauth {' '.join(words)}\n.nf\nUsage: traktauth {' '.join(words)}" in text.replace("\\-", "-")
    for name in TOPICS:
        assert f".SH {name.replace('-', ' ').upper()}" in text


def test_the_readme_lists_every_command():
    section = README.read_text(encoding="utf-8").split("\n## The command\n")[1].split("\n## ")[0]
    listed = set(re.findall(r"`(?:traktauth )?((?:store )?[a-z]+)", section))
    assert [" ".join(words) for words in NAMES if " ".join(words) not in listed and words != ("version",)] == []
