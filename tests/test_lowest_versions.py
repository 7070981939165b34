"""The lowest versions that pyproject.toml allows; the suite's own environment has the newest."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest

from support.engines import CHECKOUT, Missing
from support.environments import environment

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
EXTRAS = (
    "server",
    "redis",
    "postgres",
    "keyring",
    "metrics",
    "sandbox",
    "kometa",
)  # the others: tests/adapters, tests/web
TESTS = ("pytest", "pytest-asyncio", "pytest-randomly", "pytest-timeout", "pytest-xdist", "hypothesis")
pytestmark = pytest.mark.slow


def lowest_versions():
    """Return a requirement of the lowest version of each dependency: `click==8.2.*`."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    versions = {}
    for requirement in [*project["dependencies"], *(each for extra in EXTRAS for each in extras[extra])]:
        if found := re.match(r"([\w.-]+(?:\[\w+\])?)>=([\d.]+)", requirement):
            name, version = found[1], tuple(map(int, found[2].split(".")))
            versions[name] = max(version, versions.get(name, version))
    return [f"{name}=={'.'.join(map(str, version))}.*" for name, version in versions.items()]


@pytest.fixture(scope="module")
def python():
    try:
        return environment("lowest", *lowest_versions(), *TESTS, "-e", str(CHECKOUT))
    except Missing as missing:
        pytest.skip(str(missing))


def run(*command):
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=900, check=False)


def test_the_demo_runs_with_the_lowest_versions(python):
    done = run(python, "-m", "traktauth", "demo")
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_tests_of_server_stores_and_keeper_pass_with_the_lowest_versions(python):
    options = ["-q", "-m", "not slow", "-n", "2", "-p", "no:cacheprovider"]
    done = run(python, "-m", "pytest", *options, "tests/server", "tests/stores", "tests/keeper", "tests/wire")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
