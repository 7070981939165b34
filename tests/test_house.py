"""The house's own rules: sizes of files and functions, and what no committed file may hold."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
SOURCES = sorted((CHECKOUT / "src").rglob("*.py"))

# Put together here, so that this file does not hold what it looks for.
REGISTRIES = ["pypi" + ".org", "python" + "hosted.org", "registry" + ".npmjs.org", "deb" + ".debian.org"]
PLACES = [r"(?<![\w./])/" + folder + r"/\w" for folder in ("work", "farm", "root", "home")]
LOCKS = {"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "package-lock.json", "yarn.lock", "pnpm-lock.yaml"}


def committed():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [CHECKOUT / name for name in listed.stdout.decode().split("\0") if name and (CHECKOUT / name).is_file()]


def lines_of(path):
    return path.read_text().count("\n")


def functions():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path.relative_to(CHECKOUT), node


def length(function):
    """A function's lines, less its docstring's."""
    whole = function.end_lineno - function.lineno + 1
    first = function.body[0]
    documented = ast.get_docstring(function, clean=False) is not None
    return whole - (first.end_lineno - first.lineno + 1 if documented else 0)


def test_no_function_is_longer_than_forty_lines():
    long = [f"{path}:{node.lineno} {node.name}: {length(node)}" for path, node in functions() if length(node) > 40]
    assert long == []


def test_no_file_is_longer_than_250_lines():
    assert [f"{path.relative_to(CHECKOUT)}: {lines_of(path)}" for path in SOURCES if lines_of(path) > 250] == []


def test_the_median_file_has_less_than_90_lines():
    assert statistics.median(lines_of(path) for path in SOURCES) < 90


def test_there_are_as_many_lines_of_tests_as_of_source():
    tests = sum(lines_of(path) for path in (CHECKOUT / "tests").rglob("*.py"))
    assert tests >= sum(lines_of(path) for path in SOURCES)


def test_no_room_is_called_a_word_that_says_nothing():
    nothing = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
    assert [path for path in SOURCES if nothing & {path.stem, *path.relative_to(CHECKOUT).parts}] == []


def test_no_committed_file_is_a_lock_file():
    assert [path.name for path in committed() if path.name in LOCKS] == []


@pytest.mark.parametrize("pattern", [*map(re.escape, REGISTRIES), *PLACES, r"index-" + "url"])
def test_no_committed_file_names_a_registry_or_a_place_on_one_machine(pattern):
    found = []
    for path in committed():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # a picture
        found += [f"{path.relative_to(CHECKOUT)}: {match[0]}" for match in re.finditer(pattern, text)]
    assert found == []


def test_every_switched_off_check_says_why():
    codes = r"(: *[A-Z]+[0-9]+(, *[A-Z]+[0-9]+)*)?"
    bare = re.compile(rf"# *(noqa{codes}|(type|pyright): *ignore(\[[\w, -]+\])?|pragma: no (cover|branch)) *$")
    found = []
    for path in [*SOURCES, *(CHECKOUT / "tests").rglob("*.py")]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if bare.search(line) and path != Path(__file__):
                found.append(f"{path.relative_to(CHECKOUT)}:{number}: {line.strip()}")
    assert found == []


@pytest.mark.parametrize("script", ["bootstrap", "demo", "pictures", "test"])
def test_every_script_is_plain_sh(script):
    path = CHECKOUT / "scripts" / script
    assert path.read_text().startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", path], check=True)


def test_every_place_that_contributing_names_is_there():
    named = re.findall(
        r"`((?:src|tests|scripts|docs|changes|\.ci)/[\w./-]*)`", (CHECKOUT / "CONTRIBUTING.md").read_text()
    )
    assert len(named) > 20
    assert [name for name in named if not (CHECKOUT / name).exists()] == []


def test_every_room_has_its_line_in_contributing():
    text = (CHECKOUT / "CONTRIBUTING.md").read_text()
    rooms = {path.relative_to(CHECKOUT / "src" / "traktauth").parts[0] for path in SOURCES} - {
        "__init__.py",
        "__main__.py",
    }
    assert sorted(room for room in rooms if f"src/traktauth/{room}" not in text) == []
