"""A full run fails where a package is covered too little, and says so; measured on a small package of that name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.final_checks import FLOORS, PACKAGES

MODULE = """
def sign(number):
    if number < 0:
        return "-"
    return "+"
"""
SETTINGS = '[tool.coverage.run]\nbranch = true\nsource = ["traktauth"]\n'


@pytest.fixture
def run(tmp_path):
    """Run pytest over the small package, with numbers that each package is called with."""
    for package in PACKAGES:
        module = tmp_path / "traktauth" / package / "code.py"
        module.parent.mkdir(parents=True)
        module.write_text(MODULE)
    (tmp_path / "traktauth" / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["support.final_checks"]\n')

    def run(numbers, *flags, **env):
        calls = [f"    {package}.sign({number})" for package in numbers for number in numbers[package]]
        imports = [f"import traktauth.{package}.code as {package}" for package in PACKAGES]
        (tmp_path / "test_it.py").write_text("\n".join([*imports, "def test_it():", "    pass", *calls]) + "\n")
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("COV", "PYTEST"))}
        support = str(Path(__file__).resolve().parents[1])
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "pytest_cov", "-p", "no:cacheprovider", *flags],
            cwd=tmp_path,
            env={
                **clean,
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTHONPATH": f"{tmp_path}{os.pathsep}{support}",
                **env,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    return run


ALL = dict.fromkeys(PACKAGES, (1, -1))


def test_a_run_that_covers_every_package_passes(run):
    done = run(ALL, "--cov", "--cov-report=")
    assert done.returncode == 0, done.stdout
    assert "branches 100.00 %" in done.stdout
    assert "FAILED" not in done.stdout


def test_a_package_with_an_untaken_branch_fails_the_run_and_is_named(run):
    done = run({**ALL, "wire": (1,)}, "--cov", "--cov-report=")
    assert done.returncode == 1
    lines, branches = FLOORS["wire"]
    assert f"FAILED: wire is below {lines:.0f} % of lines" in done.stdout
    assert f"FAILED: wire is below {branches:.0f} % of branches" in done.stdout
    assert "FAILED: flow" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("=")


def test_where_lines_alone_are_measured_no_branches_are_asked_for(run, tmp_path):
    (tmp_path / "pyproject.toml").write_text(SETTINGS.replace("true", "false"))
    assert run(ALL, "--cov", "--cov-report=").returncode == 0
    done = run({**ALL, "wire": (1,)}, "--cov", "--cov-report=")
    assert done.returncode == 1
    assert f"FAILED: wire is below {FLOORS['wire'][0]:.0f} % of lines" in done.stdout
    assert "branches" not in done.stdout


def test_a_run_without_coverage_asks_for_none(run):
    assert run({"wire": (1,)}).returncode == 0


def test_checks_that_failed_before_the_tests_are_named_at_the_end(run):
    done = run(ALL, TRAKTAUTH_FAILED_CHECKS=" mypy ruff")
    assert "failed before the tests" in done.stdout
    assert "\nmypy ruff\n" in done.stdout
