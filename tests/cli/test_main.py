from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from traktauth import __main__
from traktauth.cli import main as cli


def test_the_installed_command_is_the_module(command):
    command.keep()
    installed = shutil.which("traktauth", path=str(Path(sys.executable).parent))
    if installed is None:
        pytest.skip("traktauth is not installed beside this python")
    for words in (["--version"], ["token"], ["frobnicate"]):
        done = subprocess.run([installed, *words], env=command.env, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == command(*words)


def test_an_interruption_before_any_command_is_there_shows_no_traceback(monkeypatch):
    def interrupted(_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)
    assert __main__.main() == 2
