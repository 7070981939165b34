"""What the scripts say if the machine lacks something; nothing is installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


def program(path, text):
    """Write a shell script that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


@pytest.fixture
def bootstrap(tmp_path):
    """Run the bootstrap in a checkout of its own with a python that is a shell script."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(CHECKOUT / "scripts" / "bootstrap", tmp_path / "scripts")
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)

    def run(kind, python, **env):
        fake = program(tmp_path / "python", python)
        command = ["sh", "scripts/bootstrap", kind]
        ours = {name: value for name, value in os.environ.items() if name not in {"VENV", "LINT", "COVERAGE"}}
        env = {**ours, "PYTHON": str(fake), **env}
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    return run


def test_a_python_that_is_too_old_is_named_with_what_to_do(bootstrap):
    done = bootstrap("test", '[ "$1" = -V ] && echo Python 3.9.2; exit 1\n')
    assert done.returncode != 0
    assert "3.11 or newer" in done.stderr
    assert "Python 3.9.2" in done.stderr
    assert "sh scripts/test" in done.stderr


def test_a_python_without_venv_names_the_package_that_brings_it(bootstrap, tmp_path):
    done = bootstrap("run", f'case "$2" in *ensurepip*) exit 1;; esac; exec {sys.executable} "$@"\n')
    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.fixture
def made(tmp_path):
    """Pretend that an environment was made: its python is this one, and its pip fails."""

    def make(name):
        program(tmp_path / name / "bin" / "python", f'[ "$2" = pip ] && exit 9; exec {sys.executable} "$@"\n')
        version = subprocess.run([sys.executable, "-V"], capture_output=True, text=True, check=True).stdout.strip()
        sums = subprocess.run("cksum <pyproject.toml", shell=True, cwd=tmp_path, capture_output=True, check=True)
        (tmp_path / name / "made-for-test").write_text(f"{tmp_path} {version} {sums.stdout.decode().strip()}\n")

    return make


def test_an_environment_that_is_up_to_date_is_left_alone(bootstrap, made, tmp_path):
    same = f'exec {sys.executable} "$@"\n'
    made(".venv")
    done = bootstrap("run", same)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert bootstrap("run", "exit 1\n").returncode != 0  # it is not, and installing fails


def test_an_environment_of_another_version_than_pythons_is_made_anew(bootstrap, made, tmp_path):
    made(".venv")
    other = 'case "$*" in *"*sys.version_info"*) echo 3 99 0 final 0; exit;; *"-m venv"*) exit 9;; esac\n'
    done = bootstrap("test", other)
    assert done.returncode != 0
    assert "making .venv with" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_venv_names_another_environment(bootstrap, made, tmp_path):
    made(".venv-other")
    done = bootstrap("test", f'exec {sys.executable} "$@"\n', VENV=".venv-other")
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / ".venv").exists()


def test_an_unknown_kind_installs_nothing(bootstrap, tmp_path):
    assert bootstrap("everything", f'exec {sys.executable} "$@"\n').returncode == 2
    assert not (tmp_path / ".venv").exists()


# ---------------------------------------------------------------- every Python of a machine
NEEDED = "bash cat chmod cut dirname grep head id sed sh sleep sort tail timeout tr"


@pytest.fixture
def machine(tmp_path):
    """Run one of our scripts on a machine that has some Pythons, made up: `machine(script, {name: version})`."""
    for name in NEEDED.split():
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    for name in ("scripts/pythons", ".ci/run"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(CHECKOUT / name, tmp_path / name)

    def run(script, pythons, **env):
        for name, version in pythons.items():
            program(tmp_path / name, f"echo {version}\n" if version else "exit 1\n")
        env = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path / "home"), "ELSEWHERE": "", **env}
        shell = "bash" if script == ".ci/run" else "sh"
        command = [shutil.which(shell), script]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    return run


PYTHONS = {
    "bin/python3": "3.12.1",
    "bin/python3.12": "3.12.1",
    "bin/python3.13": "",  # too old, without venv, or broken
    "home/.pyenv/versions/3.9.18/bin/python3": "",
    "home/.pyenv/versions/3.11.10/bin/python3": "3.11.10",
    "home/.pyenv/versions/3.11.9/bin/python3": "3.11.9",
    "home/.local/share/uv/python/cpython-3.14/bin/python3": "3.14.0",
}


def test_every_python_is_found_once_and_the_oldest_first(machine, tmp_path):
    done = machine("scripts/pythons", PYTHONS)
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["3.11.9", f"{tmp_path}/home/.pyenv/versions/3.11.9/bin/python3"],
        ["3.11.10", f"{tmp_path}/home/.pyenv/versions/3.11.10/bin/python3"],
        ["3.12.1", f"{tmp_path}/bin/python3"],
        ["3.14.0", f"{tmp_path}/home/.local/share/uv/python/cpython-3.14/bin/python3"],
    ]


TESTS = """
echo "$VENV lint=${LINT:-yes} coverage=${COVERAGE:-yes} $*" >>runs
[ "$VENV" != "$FAILS" ] || { echo '== 1 failed =='; exit 1; }
echo "== 7 passed after$TRAKTAUTH_FAILED_CHECKS =="
[ -z "$TRAKTAUTH_FAILED_CHECKS" ]
"""


def test_ci_runs_all_tests_on_the_oldest_and_the_newest_and_the_fast_ones_between(machine, tmp_path):
    program(tmp_path / "scripts" / "test", TESTS)
    done = machine(".ci/run", PYTHONS, FAILS="")
    assert (tmp_path / "runs").read_text().splitlines() == [
        ".venv-3.11.9 lint=yes coverage=no ",
        ".venv-3.12.1 lint=no coverage=no --fast",
        ".venv-3.11.10 lint=no coverage=no --fast",
        ".venv-3.14.0 lint=no coverage=lines ",
    ]
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "== 7 passed after ==")


def test_ci_runs_the_fast_tests_on_the_newest_where_all_would_take_too_long(machine, tmp_path):
    program(tmp_path / "scripts" / "test", TESTS)
    done = machine(".ci/run", {"bin/python3": "3.12.1", "bin/python3.11": "3.11.9"}, FAILS="", CI_TARGET="-1000")
    assert (tmp_path / "runs").read_text().splitlines() == [
        ".venv-3.11.9 lint=yes coverage=no ",
        ".venv-3.12.1 lint=no coverage=lines --fast",
    ]
    assert "only the fast tests, for want of time: Python 3.12.1" in done.stdout


def test_ci_measures_coverage_where_there_is_one_python_too(machine, tmp_path):
    program(tmp_path / "scripts" / "test", TESTS)
    machine(".ci/run", {"bin/python3": "3.12.1"}, FAILS="")
    assert (tmp_path / "runs").read_text().splitlines() == [".venv-3.12.1 lint=yes coverage=yes "]


def test_ci_leaves_out_a_second_patch_version_that_would_leave_no_time_for_the_last_run(machine, tmp_path):
    program(tmp_path / "scripts" / "test", TESTS)
    done = machine(".ci/run", PYTHONS, FAILS="", CI_TARGET="100", CI_FAST_SECONDS="1000")
    assert (tmp_path / "runs").read_text().splitlines() == [
        ".venv-3.11.9 lint=yes coverage=no ",
        ".venv-3.12.1 lint=no coverage=no --fast",
        ".venv-3.14.0 lint=no coverage=lines ",
    ]
    assert "left out, for want of time before the last run: Python 3.11.10" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("fails", ["3.11.9", "3.12.1"])
def test_ci_fails_where_an_earlier_run_failed_and_its_last_line_is_still_pytests(machine, tmp_path, fails):
    program(tmp_path / "scripts" / "test", TESTS)
    done = machine(".ci/run", PYTHONS, FAILS=f".venv-{fails}")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == f"== 7 passed after python-{fails} =="


def test_ci_fails_where_the_last_run_failed(machine, tmp_path):
    program(tmp_path / "scripts" / "test", TESTS)
    done = machine(".ci/run", PYTHONS, FAILS=".venv-3.14.0")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "== 1 failed ==")


def test_ci_stops_what_takes_longer_than_its_limit(machine, tmp_path):
    program(tmp_path / "scripts" / "test", "sleep 300\n")
    done = machine(".ci/run", {"bin/python3": "3.12.1"}, CI_SECONDS="2")
    assert done.returncode == 124
    assert "may take 2 s" in done.stderr


@pytest.mark.parametrize("path", sorted((CHECKOUT / "soak").glob("*.py")), ids=lambda path: path.name)
def test_each_soak_script_starts_and_says_how_it_is_used(path, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, str(path), "--help"]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "usage:" in ran.stdout


@pytest.mark.slow
def test_the_soak_of_a_fleet_goes_on_where_it_was(tmp_path):
    command = [sys.executable, str(CHECKOUT / "soak" / "fleet.py"), "40"]
    for days in ("4", "8"):
        ran = subprocess.run(
            [*command, days, "--state", tmp_path / "state"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in ran.stderr
        assert f" x {days} of {days} days" in ran.stdout
        assert " 0 logins lost, 0 sent again, 0 over the pace" in ran.stdout
