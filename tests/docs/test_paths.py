"""Every file that a page names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
FOLDERS = r"\.ci|benchmarks|changes|docs|examples|fidelity|scripts|soak|src|tests"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_file_of_the_checkout_that_a_page_names_exists(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    named = re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", text)
    assert [
        name for name in named if not (CHECKOUT / name).exists() and not (CHECKOUT / "src/traktauth" / name).exists()
    ] == []


def test_the_readme_names_the_command_of_a_checkout_before_an_installation():
    text = (CHECKOUT / "README.md").read_text()
    assert text.index("sh scripts/demo") < text.index("pip install")
