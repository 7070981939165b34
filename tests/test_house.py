"""Rules of CONTRIBUTING.md that a program can check, and what no committed file may contain."""

from __future__ import annotations

import re
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


def test_every_package_has_its_line_in_contributing():
    text = (CHECKOUT / "CONTRIBUTING.md").read_text()
    packages = {path.relative_to(CHECKOUT / "src" / "traktauth").parts[0] for path in SOURCES} - {
        "__init__.py",
        "__main__.py",
    }
    assert sorted(package for package in packages if f"src/traktauth/{package}" not in text) == []
