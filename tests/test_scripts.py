"""What the scripts say to somebody whose machine lacks something; nothing is installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture
def bootstrap(tmp_path):
    """Run the bootstrap in a checkout of its own with a python that is a shell script."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(CHECKOUT / "scripts" / "bootstrap", tmp_path / "scripts")
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)

    def run(kind, python):
        fake = tmp_path / "python"
        fake.write_text("#!/bin/sh\n" + python)
        fake.chmod(0o755)
        command = ["sh", "scripts/bootstrap", kind]
        env = {**os.environ, "PYTHON": str(fake)}
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    return run


def test_a_python_that_is_too_old_is_named_with_what_to_do(bootstrap):
    done = bootstrap("test", '[ "$1" = -V ] && echo Python 3.9.2; exit 1\n')
    assert done.returncode != 0
    assert "3.11 or newer" in done.stderr
    assert "Python 3.9.2" in done.stderr
    assert "sh scripts/test" in done.stderr


def test_a_python_without_venv_is_told_which_package_brings_it(bootstrap, tmp_path):
    done = bootstrap("run", f'case "$2" in *ensurepip*) exit 1;; esac; exec {sys.executable} "$@"\n')
    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_an_environment_that_is_up_to_date_is_left_alone(bootstrap, tmp_path):
    environment = tmp_path / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").write_text(f'#!/bin/sh\n[ "$2" = pip ] && exit 9; exec {sys.executable} "$@"\n')
    (environment / "bin" / "python").chmod(0o755)
    assert bootstrap("run", "exit 1\n").returncode != 0  # there is no stamp yet, and installing fails
    version = subprocess.run([sys.executable, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    sums = subprocess.run("cksum <pyproject.toml", shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    (environment / "made-for-test").write_text(f"{tmp_path} {version} {sums.stdout.strip()}\n")
    done = bootstrap("run", "exit 1\n")
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert bootstrap("run", "exit 1\n").returncode != 0


def test_an_unknown_kind_installs_nothing(bootstrap, tmp_path):
    assert bootstrap("everything", f'exec {sys.executable} "$@"\n').returncode == 2
    assert not (tmp_path / ".venv").exists()
